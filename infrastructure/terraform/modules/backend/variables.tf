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
  description = "Memory in MB, timeout in seconds, and days that the log is kept."
  type        = object({ memory_size = number, timeout = number, log_retention_days = number })
}

variable "vpc_id" {
  description = "VPC of the function."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of the function."
  type        = list(string)
}

variable "shared_services_security_group_id" {
  description = "Existing security group of the Cloud Map services."
  type        = string
}

variable "documentdb_security_group_id" {
  description = "Existing security group of DocumentDB, to receive a rule for the function; null: it admits the function already."
  type        = string
}

variable "redis_endpoint" {
  description = "Host and port of Redis."
  type        = string
}

variable "url" {
  description = "Public address of the application."
  type        = string
}

variable "app_config" {
  description = "Bucket, key and version of librechat.yaml, and the domain that it must not name any more. The key's first folder is what the function may read."
  type        = object({ bucket = string, key = string, version = string, replaced_domain = string })
}

variable "ssm_parameters" {
  description = "Name of the variable to ARN of its SSM parameter."
  type        = map(string)
}

variable "diagnostic_stream" {
  description = "How much of the diagnostic stream anybody may ask for: off, short or full."
  type        = string
}

variable "environment_variables" {
  description = "Plain variables of the function beside those that this module derives. Known before the apply: the egress rules are read from them."
  type        = map(string)
}
