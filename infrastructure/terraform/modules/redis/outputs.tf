# Host and port of the node.
output "endpoint" { value = "${module.elasticache.replication_group_primary_endpoint_address}:${local.port}" }
