locals { name = "${var.context.name}-redis-${var.context.environment}" }

################################################################################
# Session storage: one Redis node, cluster mode disabled (FR-035 … FR-038)
################################################################################

module "elasticache" {
  source  = "terraform-aws-modules/elasticache/aws"
  version = "1.10.3"

  # A replication group of one node and not a bare cluster: only the former encrypts at rest.
  replication_group_id       = local.name
  description                = "Sessions and caches of LibreChat on Lambda"
  engine                     = "redis"
  engine_version             = "7.1"
  node_type                  = var.node_type
  num_cache_clusters         = 1
  cluster_mode_enabled       = false
  automatic_failover_enabled = false
  at_rest_encryption_enabled = true
  # FR-039 gives clients a redis:// URI: plain TCP inside the VPC, open to the function's group only.
  transit_encryption_enabled = false
  apply_immediately          = true
  snapshot_retention_limit   = 0
  log_delivery_configuration = {}
  subnet_group_name          = local.name
  subnet_ids                 = var.subnet_ids
  create_security_group      = false
  security_group_ids         = [aws_security_group.redis.id]
}

resource "aws_security_group" "redis" {
  name        = local.name
  description = "Redis of LibreChat on Lambda"
  vpc_id      = var.vpc_id
}
