variable "replication_group_id" {
  description = "Id of the replication group."
  type        = string
  default     = null
}

variable "description" {
  description = "Description of the replication group."
  type        = string
  default     = null
}

variable "engine" {
  description = "redis or valkey."
  type        = string
  default     = "redis"
}

variable "engine_version" {
  description = "Version of the engine."
  type        = string
  default     = null
}

variable "node_type" {
  description = "Node type."
  type        = string
  default     = null
}

variable "num_cache_clusters" {
  description = "Number of nodes."
  type        = number
  default     = null
}

variable "cluster_mode_enabled" {
  description = "Whether the data is sharded."
  type        = bool
  default     = false
}

variable "automatic_failover_enabled" {
  description = "Whether a replica takes over."
  type        = bool
  default     = null
}

variable "at_rest_encryption_enabled" {
  description = "Whether data at rest is encrypted."
  type        = bool
  default     = true
}

variable "transit_encryption_enabled" {
  description = "Whether clients must use TLS."
  type        = bool
  default     = true
}

variable "apply_immediately" {
  description = "Whether changes wait for the maintenance window."
  type        = bool
  default     = null
}

variable "snapshot_retention_limit" {
  description = "Days that snapshots are kept; 0 for none."
  type        = number
  default     = null
}

variable "log_delivery_configuration" {
  description = "Log deliveries by log type."
  type        = any
  default = {
    slow-log = {
      destination_type = "cloudwatch-logs"
      log_format       = "json"
    }
  }
}

variable "subnet_group_name" {
  description = "Name of the subnet group."
  type        = string
  default     = null
}

variable "subnet_ids" {
  description = "Subnets of the subnet group."
  type        = list(string)
  default     = []
}

variable "create_security_group" {
  description = "Whether the module makes a security group of its own."
  type        = bool
  default     = true
}

variable "security_group_ids" {
  description = "Security groups of the nodes."
  type        = list(string)
  default     = []
}
