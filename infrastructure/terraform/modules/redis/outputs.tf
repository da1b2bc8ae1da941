# Host and port of the node.
output "endpoint" { value = "${module.elasticache.replication_group_primary_endpoint_address}:${module.elasticache.replication_group_port}" }

# Port of the node.
output "port" { value = module.elasticache.replication_group_port }

# Security group of the node.
output "security_group_id" { value = aws_security_group.redis.id }
