output "replication_group_primary_endpoint_address" {
  description = "Host of the primary node."
  value       = aws_elasticache_replication_group.this[0].primary_endpoint_address
}

output "replication_group_port" {
  description = "Port of the primary node."
  value       = aws_elasticache_replication_group.this[0].port
}
