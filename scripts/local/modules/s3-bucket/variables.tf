variable "bucket" {
  description = "Name of the bucket."
  type        = string
  default     = null
}

variable "force_destroy" {
  description = "Whether destroying the bucket deletes its objects."
  type        = bool
  default     = false
}

variable "versioning" {
  description = "enabled (true or false) or status (Enabled, Suspended, Disabled)."
  type        = map(string)
  default     = {}
}

variable "server_side_encryption_configuration" {
  description = "{ rule = { apply_server_side_encryption_by_default = { sse_algorithm } } }."
  type        = any
  default     = {}
}

variable "attach_deny_insecure_transport_policy" {
  description = "Whether the bucket policy denies plain HTTP."
  type        = bool
  default     = false
}

variable "attach_policy" {
  description = "Whether policy becomes part of the bucket policy."
  type        = bool
  default     = false
}

variable "policy" {
  description = "Policy document (JSON)."
  type        = string
  default     = null
}
