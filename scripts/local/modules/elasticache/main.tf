# Stand-in for terraform-aws-modules/elasticache/aws 1.10.3, served by the local target's module registry.
# Offers the inputs and outputs that this project uses, with the real module's names, types and
# defaults; tests/contracts holds it to that. Our own code, not the module's.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # The one place that pins 5.x: the public modules ask for 6.x.
      version = "= 5.100.0"
    }
  }
}

resource "aws_elasticache_subnet_group" "this" {
  count = 1

  name        = var.subnet_group_name
  description = "ElastiCache subnet group"
  subnet_ids  = var.subnet_ids

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_elasticache_replication_group" "this" {
  count = 1

  replication_group_id       = var.replication_group_id
  description                = coalesce(var.description, "Replication group")
  engine                     = var.engine
  engine_version             = var.engine_version
  node_type                  = var.node_type
  num_cache_clusters         = var.num_cache_clusters
  port                       = 6379
  automatic_failover_enabled = var.automatic_failover_enabled
  multi_az_enabled           = false
  at_rest_encryption_enabled = var.at_rest_encryption_enabled
  transit_encryption_enabled = var.transit_encryption_enabled
  apply_immediately          = var.apply_immediately
  snapshot_retention_limit   = var.snapshot_retention_limit
  security_group_ids         = var.security_group_ids
  subnet_group_name          = aws_elasticache_subnet_group.this[0].name

  lifecycle {
    precondition {
      condition     = !var.cluster_mode_enabled && !var.create_security_group && length(var.log_delivery_configuration) == 0
      error_message = "The stand-in knows neither cluster mode nor a security group or log delivery of its own; use the real module (--modules registry)."
    }
  }
}
