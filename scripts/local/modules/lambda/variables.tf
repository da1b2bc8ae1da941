variable "function_name" {
  description = "Name of the function."
  type        = string
  default     = ""
}

variable "description" {
  description = "Description of the function."
  type        = string
  default     = ""
}

variable "create_package" {
  description = "Whether the module packages source code."
  type        = bool
  default     = true
}

variable "package_type" {
  description = "Zip or Image."
  type        = string
  default     = "Zip"
}

variable "image_uri" {
  description = "Image of the function."
  type        = string
  default     = null
}

variable "architectures" {
  description = "x86_64 or arm64."
  type        = list(string)
  default     = null
}

variable "memory_size" {
  description = "Memory in MB."
  type        = number
  default     = 128
}

variable "timeout" {
  description = "Timeout in seconds."
  type        = number
  default     = 3
}

variable "reserved_concurrent_executions" {
  description = "Environments that are the function's own; -1: none, 0: it does not run."
  type        = number
  default     = -1
}

variable "environment_variables" {
  description = "Environment of the function."
  type        = map(string)
  default     = {}
}

variable "vpc_subnet_ids" {
  description = "Subnets of the function."
  type        = list(string)
  default     = null
}

variable "vpc_security_group_ids" {
  description = "Security groups of the function."
  type        = list(string)
  default     = null
}

variable "replace_security_groups_on_destroy" {
  description = "Whether the function lets go of its security groups before it is destroyed."
  type        = bool
  default     = null
}

variable "attach_network_policy" {
  description = "Whether the role may manage network interfaces."
  type        = bool
  default     = false
}

variable "cloudwatch_logs_retention_in_days" {
  description = "Days that the log is kept."
  type        = number
  default     = null
}

variable "attach_create_log_group_permission" {
  description = "Whether the role may create the log group."
  type        = bool
  default     = true
}

variable "attach_policy_statements" {
  description = "Whether policy_statements become part of the role."
  type        = bool
  default     = false
}

variable "policy_statements" {
  description = "Statements of the role's policy by key."
  type        = any
  default     = {}
}
