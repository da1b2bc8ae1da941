variable "context" {
  description = "Names and places that all modules share: prefix and suffix of every name, region, account, checkout, target of the provisioners."
  type = object({
    name           = string
    environment    = string
    aws_region     = string
    aws_account_id = string
    project_root   = string
    target         = string
  })
}

variable "image" {
  description = "Base image (FR-006), platform (linux/amd64 or linux/arm64), tag of an existing image to run instead of the content's own or null, and number of releases whose images stay."
  type        = object({ base = string, platform = string, tag = string, releases_to_keep = number })
}

variable "function" {
  description = "Memory in MB, timeout in seconds, days that the log is kept, and reserved concurrency (-1: none)."
  type        = object({ memory_size = number, timeout = number, log_retention_days = number, reserved_concurrency = number })
}

variable "vpc_id" {
  description = "VPC of the function."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of the function."
  type        = list(string)
}

variable "security_group_ids" {
  description = "Existing security groups that receive rules for the function: shared_services, of the Cloud Map services, and documentdb, unless it admits the function already."
  type        = map(string)
}

variable "redis" {
  description = "Redis: host and port together, the port alone, and the security group that lets clients in."
  type        = object({ endpoint = string, port = number, security_group_id = string })
}

variable "url" {
  description = "Public address of the application."
  type        = string
}

variable "config_bucket" {
  description = "Bucket of librechat.yaml."
  type        = string
}

variable "config_key" {
  description = "Key of librechat.yaml. Its first folder is what the function may read."
  type        = string
}

variable "config_version" {
  description = "Version (ETag) of librechat.yaml."
  type        = string
}

variable "replaced_domain" {
  description = "Domain that librechat.yaml must not name any more."
  type        = string
}

variable "ssm_parameters" {
  description = "Name of the variable to ARN of its SSM parameter."
  type        = map(string)
}

variable "origin_keys" {
  description = "What the distribution may send as x-origin-key, the version in use first. The function gets their SHA-256 hashes."
  type        = list(string)
  sensitive   = true
}

variable "diagnostic_stream" {
  description = "How much of the diagnostic stream a token may ask for: off, short or full."
  type        = string
}

variable "environment_variables" {
  description = "Plain variables of the function beside those that this module derives. Known before the apply: the egress rules are read from them."
  type        = map(string)
}
