variable "aliases" {
  description = "Names of the distribution beside its own."
  type        = list(string)
  default     = null
}

variable "comment" {
  description = "Comment on the distribution."
  type        = string
  default     = null
}

variable "default_root_object" {
  description = "Object that / stands for."
  type        = string
  default     = null
}

variable "http_version" {
  description = "Highest HTTP version for viewers."
  type        = string
  default     = "http2"
}

variable "price_class" {
  description = "Which edge locations serve."
  type        = string
  default     = null
}

variable "wait_for_deployment" {
  description = "Whether Terraform waits for the edge locations."
  type        = bool
  default     = null
}

variable "viewer_certificate" {
  description = "Certificate and TLS policy."
  type = object({
    acm_certificate_arn            = optional(string)
    cloudfront_default_certificate = optional(bool)
    iam_certificate_id             = optional(string)
    minimum_protocol_version       = optional(string, "TLSv1.2_2025")
    ssl_support_method             = optional(string)
  })
  default = {}
}

variable "origin_access_control" {
  description = "Origin access controls by key."
  type = map(object({
    description      = optional(string)
    name             = optional(string)
    origin_type      = string
    signing_behavior = string
    signing_protocol = string
  }))
  default = {
    s3 = {
      origin_type      = "s3"
      signing_behavior = "always"
      signing_protocol = "sigv4"
    }
  }
}

variable "origin" {
  description = "Origins by id."
  type = map(object({
    connection_attempts = optional(number)
    connection_timeout  = optional(number)
    custom_header       = optional(map(string))
    custom_origin_config = optional(object({
      http_port                = number
      https_port               = number
      ip_address_type          = optional(string)
      origin_keepalive_timeout = optional(number)
      origin_read_timeout      = optional(number)
      origin_protocol_policy   = string
      origin_ssl_protocols     = optional(list(string), ["TLSv1.2"])
    }))
    domain_name                 = string
    origin_access_control_key   = optional(string)
    origin_access_control_id    = optional(string)
    origin_id                   = optional(string)
    origin_path                 = optional(string)
    origin_shield               = optional(object({ enabled = bool, origin_shield_region = optional(string) }))
    response_completion_timeout = optional(number)
    vpc_origin_config = optional(object({
      origin_keepalive_timeout = optional(number)
      origin_read_timeout      = optional(number)
      vpc_origin_id            = optional(string)
      vpc_origin_key           = optional(string)
      owner_account_id         = optional(string)
    }))
  }))
  default = {}
}

variable "cloudfront_functions" {
  description = "Functions by key."
  type = map(object({
    name                         = optional(string)
    runtime                      = optional(string, "cloudfront-js-2.0")
    comment                      = optional(string)
    publish                      = optional(bool)
    code                         = string
    key_value_store_associations = optional(list(string))
  }))
  default = null
}

variable "response_headers_policies" {
  description = "Response headers policies by key."
  type = map(object({
    name    = optional(string)
    comment = optional(string)
    cors_config = optional(object({
      access_control_allow_credentials = bool
      origin_override                  = bool
      access_control_allow_headers     = object({ items = list(string) })
      access_control_allow_methods     = object({ items = list(string) })
      access_control_allow_origins     = object({ items = list(string) })
      access_control_expose_headers    = optional(object({ items = list(string) }))
      access_control_max_age_sec       = optional(number)
    }))
    custom_headers_config = optional(object({
      items = list(object({ header = string, override = bool, value = string }))
    }))
    remove_headers_config = optional(object({ items = list(object({ header = string })) }))
    security_headers_config = optional(object({
      content_security_policy = optional(object({ content_security_policy = string, override = bool }))
      content_type_options    = optional(object({ override = bool }))
      frame_options           = optional(object({ frame_option = string, override = bool }))
      referrer_policy         = optional(object({ referrer_policy = string, override = bool }))
      strict_transport_security = optional(object({
        access_control_max_age_sec = number
        override                   = bool
        include_subdomains         = optional(bool)
        preload                    = optional(bool)
      }))
      xss_protection = optional(object({
        mode_block = bool
        override   = bool
        protection = bool
        report_uri = optional(string)
      }))
    }))
    server_timing_headers_config = optional(object({ enabled = bool, sampling_rate = number }))
  }))
  default = null
}

variable "default_cache_behavior" {
  description = "Behavior of every path that no pattern claims."
  type = object({
    allowed_methods           = optional(list(string), ["GET", "HEAD", "OPTIONS"])
    cache_policy_id           = optional(string)
    cache_policy_key          = optional(string)
    cache_policy_name         = optional(string)
    cached_methods            = optional(list(string), ["GET", "HEAD"])
    compress                  = optional(bool, true)
    default_ttl               = optional(number)
    field_level_encryption_id = optional(string)
    forwarded_values = optional(object({
      cookies = object({
        forward           = optional(string, "none")
        whitelisted_names = optional(list(string))
      })
      headers                 = optional(list(string))
      query_string            = optional(bool, false)
      query_string_cache_keys = optional(list(string))
    }), { cookies = { forward = "none" }, query_string = false })
    function_association = optional(map(object({
      event_type   = optional(string)
      function_arn = optional(string)
      function_key = optional(string)
    })))
    grpc_config = optional(object({ enabled = optional(bool) }))
    lambda_function_association = optional(map(object({
      event_type   = optional(string)
      include_body = optional(bool)
      lambda_arn   = string
    })))
    max_ttl                      = optional(number)
    min_ttl                      = optional(number)
    origin_request_policy_id     = optional(string)
    origin_request_policy_key    = optional(string)
    origin_request_policy_name   = optional(string)
    realtime_log_config_arn      = optional(string)
    response_headers_policy_id   = optional(string)
    response_headers_policy_key  = optional(string)
    response_headers_policy_name = optional(string)
    smooth_streaming             = optional(bool)
    target_origin_id             = string
    trusted_key_groups           = optional(list(string))
    trusted_signers              = optional(list(string))
    viewer_protocol_policy       = optional(string, "https-only")
  })
}

variable "ordered_cache_behavior" {
  description = "Behaviors by path pattern, first match wins."
  type = list(object({
    allowed_methods           = optional(list(string), ["GET", "HEAD", "OPTIONS"])
    cached_methods            = optional(list(string), ["GET", "HEAD"])
    cache_policy_id           = optional(string)
    cache_policy_key          = optional(string)
    cache_policy_name         = optional(string)
    compress                  = optional(bool, true)
    default_ttl               = optional(number)
    field_level_encryption_id = optional(string)
    forwarded_values = optional(object({
      cookies = object({
        forward           = optional(string, "none")
        whitelisted_names = optional(list(string))
      })
      headers                 = optional(list(string))
      query_string            = optional(bool, false)
      query_string_cache_keys = optional(list(string))
    }), { cookies = { forward = "none" }, query_string = false })
    function_association = optional(map(object({
      event_type   = optional(string)
      function_arn = optional(string)
      function_key = optional(string)
    })))
    grpc_config = optional(object({ enabled = optional(bool) }))
    lambda_function_association = optional(map(object({
      event_type   = optional(string)
      include_body = optional(bool)
      lambda_arn   = string
    })))
    max_ttl                      = optional(number)
    min_ttl                      = optional(number)
    origin_request_policy_id     = optional(string)
    origin_request_policy_key    = optional(string)
    origin_request_policy_name   = optional(string)
    path_pattern                 = string
    realtime_log_config_arn      = optional(string)
    response_headers_policy_id   = optional(string)
    response_headers_policy_key  = optional(string)
    response_headers_policy_name = optional(string)
    smooth_streaming             = optional(bool)
    target_origin_id             = string
    trusted_key_groups           = optional(list(string))
    trusted_signers              = optional(list(string))
    viewer_protocol_policy       = string
  }))
  default = []
}

variable "custom_error_response" {
  description = "Answers that replace an origin error, for the whole distribution."
  type = list(object({
    error_caching_min_ttl = optional(number)
    error_code            = number
    response_code         = optional(number)
    response_page_path    = optional(string)
  }))
  default = null
}
