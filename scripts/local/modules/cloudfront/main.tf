# Stand-in for terraform-aws-modules/cloudfront/aws 6.6.0, served by the local target's module registry.
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

locals {
  behaviors = concat([var.default_cache_behavior], var.ordered_cache_behavior)

  # Attributes that the real module takes and this one does not act on.
  unsupported = [
    "cache_policy_key", "cache_policy_name", "field_level_encryption_id", "grpc_config",
    "lambda_function_association", "origin_request_policy_key", "origin_request_policy_name",
    "realtime_log_config_arn", "response_headers_policy_name",
    "smooth_streaming", "trusted_key_groups", "trusted_signers",
  ]
}

resource "aws_cloudfront_origin_access_control" "this" {
  for_each = var.origin_access_control != null ? var.origin_access_control : {}

  name                              = coalesce(each.value.name, each.key)
  description                       = coalesce(each.value.description, "Origin Access Control for ${coalesce(each.value.name, each.key)}")
  origin_access_control_origin_type = each.value.origin_type
  signing_behavior                  = each.value.signing_behavior
  signing_protocol                  = each.value.signing_protocol
}

resource "aws_cloudfront_function" "this" {
  for_each = var.cloudfront_functions != null ? var.cloudfront_functions : {}

  name    = coalesce(each.value.name, each.key)
  comment = each.value.comment
  runtime = each.value.runtime
  publish = each.value.publish
  code    = each.value.code
}

resource "aws_cloudfront_response_headers_policy" "this" {
  for_each = var.response_headers_policies != null ? var.response_headers_policies : {}

  name    = coalesce(each.value.name, each.key)
  comment = each.value.comment

  dynamic "custom_headers_config" {
    for_each = each.value.custom_headers_config != null ? [each.value.custom_headers_config] : []

    content {
      dynamic "items" {
        for_each = custom_headers_config.value.items

        content {
          header   = items.value.header
          override = items.value.override
          value    = items.value.value
        }
      }
    }
  }

  dynamic "security_headers_config" {
    for_each = each.value.security_headers_config != null ? [each.value.security_headers_config] : []
    iterator = security

    content {
      dynamic "content_security_policy" {
        for_each = security.value.content_security_policy != null ? [security.value.content_security_policy] : []

        content {
          content_security_policy = content_security_policy.value.content_security_policy
          override                = content_security_policy.value.override
        }
      }

      dynamic "content_type_options" {
        for_each = security.value.content_type_options != null ? [security.value.content_type_options] : []

        content {
          override = content_type_options.value.override
        }
      }

      dynamic "frame_options" {
        for_each = security.value.frame_options != null ? [security.value.frame_options] : []

        content {
          frame_option = frame_options.value.frame_option
          override     = frame_options.value.override
        }
      }

      dynamic "referrer_policy" {
        for_each = security.value.referrer_policy != null ? [security.value.referrer_policy] : []

        content {
          referrer_policy = referrer_policy.value.referrer_policy
          override        = referrer_policy.value.override
        }
      }

      dynamic "strict_transport_security" {
        for_each = security.value.strict_transport_security != null ? [security.value.strict_transport_security] : []

        content {
          access_control_max_age_sec = strict_transport_security.value.access_control_max_age_sec
          override                   = strict_transport_security.value.override
          include_subdomains         = strict_transport_security.value.include_subdomains
          preload                    = strict_transport_security.value.preload
        }
      }
    }
  }

  lifecycle {
    precondition {
      condition     = each.value.cors_config == null && each.value.remove_headers_config == null && each.value.server_timing_headers_config == null && try(each.value.security_headers_config.xss_protection, null) == null
      error_message = "A response headers policy uses what the stand-in does not know (CORS, removed headers, server timing, XSS protection); use the real module (--modules registry)."
    }
  }
}

resource "aws_cloudfront_distribution" "this" {
  count = 1

  aliases             = var.aliases
  comment             = var.comment
  default_root_object = var.default_root_object
  enabled             = true
  http_version        = var.http_version
  is_ipv6_enabled     = true
  price_class         = var.price_class
  wait_for_deployment = var.wait_for_deployment

  dynamic "origin" {
    for_each = var.origin

    content {
      origin_id                = coalesce(origin.value.origin_id, origin.key)
      domain_name              = origin.value.domain_name
      origin_path              = origin.value.origin_path
      origin_access_control_id = try(coalesce(origin.value.origin_access_control_id, aws_cloudfront_origin_access_control.this[origin.value.origin_access_control_key].id), null)

      dynamic "custom_header" {
        for_each = origin.value.custom_header != null ? origin.value.custom_header : {}

        content {
          name  = custom_header.key
          value = custom_header.value
        }
      }

      dynamic "custom_origin_config" {
        for_each = origin.value.custom_origin_config != null ? [origin.value.custom_origin_config] : []

        content {
          http_port                = custom_origin_config.value.http_port
          https_port               = custom_origin_config.value.https_port
          origin_keepalive_timeout = custom_origin_config.value.origin_keepalive_timeout
          origin_read_timeout      = custom_origin_config.value.origin_read_timeout
          origin_protocol_policy   = custom_origin_config.value.origin_protocol_policy
          origin_ssl_protocols     = custom_origin_config.value.origin_ssl_protocols
        }
      }
    }
  }

  dynamic "default_cache_behavior" {
    for_each = [var.default_cache_behavior]
    iterator = behavior

    content {
      target_origin_id           = behavior.value.target_origin_id
      viewer_protocol_policy     = behavior.value.viewer_protocol_policy
      allowed_methods            = behavior.value.allowed_methods
      cached_methods             = behavior.value.cached_methods
      cache_policy_id            = behavior.value.cache_policy_id
      origin_request_policy_id   = behavior.value.origin_request_policy_id
      response_headers_policy_id = try(coalesce(behavior.value.response_headers_policy_id, aws_cloudfront_response_headers_policy.this[behavior.value.response_headers_policy_key].id), null)
      compress                   = behavior.value.compress
      min_ttl                    = behavior.value.min_ttl
      default_ttl                = behavior.value.default_ttl
      max_ttl                    = behavior.value.max_ttl

      dynamic "forwarded_values" {
        for_each = behavior.value.cache_policy_id == null ? [behavior.value.forwarded_values] : []

        content {
          headers                 = forwarded_values.value.headers
          query_string            = forwarded_values.value.query_string
          query_string_cache_keys = forwarded_values.value.query_string_cache_keys

          cookies {
            forward           = forwarded_values.value.cookies.forward
            whitelisted_names = forwarded_values.value.cookies.whitelisted_names
          }
        }
      }

      dynamic "function_association" {
        for_each = behavior.value.function_association != null ? behavior.value.function_association : {}

        content {
          event_type   = coalesce(function_association.value.event_type, function_association.key)
          function_arn = try(coalesce(function_association.value.function_arn, aws_cloudfront_function.this[function_association.value.function_key].arn), null)
        }
      }
    }
  }

  dynamic "ordered_cache_behavior" {
    for_each = var.ordered_cache_behavior
    iterator = behavior

    content {
      path_pattern               = behavior.value.path_pattern
      target_origin_id           = behavior.value.target_origin_id
      viewer_protocol_policy     = behavior.value.viewer_protocol_policy
      allowed_methods            = behavior.value.allowed_methods
      cached_methods             = behavior.value.cached_methods
      cache_policy_id            = behavior.value.cache_policy_id
      origin_request_policy_id   = behavior.value.origin_request_policy_id
      response_headers_policy_id = try(coalesce(behavior.value.response_headers_policy_id, aws_cloudfront_response_headers_policy.this[behavior.value.response_headers_policy_key].id), null)
      compress                   = behavior.value.compress
      min_ttl                    = behavior.value.min_ttl
      default_ttl                = behavior.value.default_ttl
      max_ttl                    = behavior.value.max_ttl

      dynamic "forwarded_values" {
        for_each = behavior.value.cache_policy_id == null ? [behavior.value.forwarded_values] : []

        content {
          headers                 = forwarded_values.value.headers
          query_string            = forwarded_values.value.query_string
          query_string_cache_keys = forwarded_values.value.query_string_cache_keys

          cookies {
            forward           = forwarded_values.value.cookies.forward
            whitelisted_names = forwarded_values.value.cookies.whitelisted_names
          }
        }
      }

      dynamic "function_association" {
        for_each = behavior.value.function_association != null ? behavior.value.function_association : {}

        content {
          event_type   = coalesce(function_association.value.event_type, function_association.key)
          function_arn = try(coalesce(function_association.value.function_arn, aws_cloudfront_function.this[function_association.value.function_key].arn), null)
        }
      }
    }
  }

  dynamic "custom_error_response" {
    for_each = var.custom_error_response != null ? var.custom_error_response : []

    content {
      error_code            = custom_error_response.value.error_code
      error_caching_min_ttl = custom_error_response.value.error_caching_min_ttl
      response_code         = custom_error_response.value.response_code
      response_page_path    = custom_error_response.value.response_page_path
    }
  }

  viewer_certificate {
    acm_certificate_arn            = var.viewer_certificate.acm_certificate_arn
    cloudfront_default_certificate = var.viewer_certificate.cloudfront_default_certificate
    iam_certificate_id             = var.viewer_certificate.iam_certificate_id
    minimum_protocol_version       = var.viewer_certificate.minimum_protocol_version
    ssl_support_method             = var.viewer_certificate.ssl_support_method
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  # An association names the function's live stage, which publishing makes.
  depends_on = [aws_cloudfront_function.this]

  lifecycle {
    precondition {
      condition     = alltrue(flatten([for behavior in local.behaviors : [for name in local.unsupported : behavior[name] == null]]))
      error_message = "A cache behavior uses what the stand-in does not know (${join(", ", local.unsupported)}); use the real module (--modules registry)."
    }
  }
}
