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

variable "api" {
  description = "Host and stage of the REST API, the path patterns that go there, and the seconds to wait for its first byte and between two chunks."
  type        = object({ domain_name = string, stage_name = string, path_patterns = list(string), read_timeout = number })
}
