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

variable "release" {
  description = "Content hash of the client to publish, built or kept in the bucket; null for what the sources give."
  type        = string
}

variable "librechat_version" {
  description = "Release of LibreChat; without a content hash, a new one publishes the client again."
  type        = string
}

variable "custom_domain" {
  description = "Alias of the distribution."
  type        = string
}

variable "acm_certificate_arn" {
  description = "Certificate of the alias, in us-east-1."
  type        = string
}

variable "route53_zone_id" {
  description = "Hosted zone of the alias."
  type        = string
}

variable "hsts_subdomains" {
  description = "Whether Strict-Transport-Security speaks for the domain's subdomains."
  type        = bool
}

variable "api" {
  description = "Host and stage of the REST API."
  type        = object({ domain_name = string, stage_name = string })
}

variable "api_path_patterns" {
  description = "Path patterns that go to the REST API, such as /api/*."
  type        = list(string)
}

variable "api_read_timeout" {
  description = "Seconds to wait for the API's first byte and between two chunks."
  type        = number
}

variable "origin_key" {
  description = "Sent to the API as x-origin-key."
  type        = string
  sensitive   = true
}
