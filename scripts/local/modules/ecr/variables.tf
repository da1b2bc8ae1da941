variable "repository_name" {
  description = "Name of the repository."
  type        = string
  default     = ""
}

variable "repository_image_tag_mutability" {
  description = "MUTABLE or IMMUTABLE."
  type        = string
  default     = "IMMUTABLE"
}

variable "repository_image_scan_on_push" {
  description = "Whether a pushed image is scanned."
  type        = bool
  default     = true
}

variable "repository_force_delete" {
  description = "Whether destroying the repository deletes its images."
  type        = bool
  default     = null
}

variable "repository_lambda_read_access_arns" {
  description = "ARNs of the functions that may pull."
  type        = list(string)
  default     = []
}

variable "repository_lifecycle_policy" {
  description = "Lifecycle policy (JSON)."
  type        = string
  default     = ""
}
