################################################################################
# Client: bucket and publication (FR-001, FR-002, FR-005)
################################################################################

module "bucket" {
  source  = "terraform-aws-modules/s3-bucket/aws"
  version = "5.15.4"

  bucket                                = "${var.context.name}-frontend-${var.context.environment}"
  force_destroy                         = true
  versioning                            = { status = "Disabled" }
  attach_deny_insecure_transport_policy = true
  server_side_encryption_configuration  = { rule = { apply_server_side_encryption_by_default = { sse_algorithm = "AES256" } } }

  attach_policy = true
  policy = jsonencode({ Version = "2012-10-17", Statement = [{
    Sid       = "AllowDistribution"
    Effect    = "Allow"
    Principal = { Service = "cloudfront.amazonaws.com" }
    Action    = "s3:GetObject"
    Resource  = "${module.bucket.s3_bucket_arn}/*"
    Condition = { StringEquals = { "AWS:SourceArn" = module.cloudfront.cloudfront_distribution_arn } }
    }, {
    # Kept for a rollback, not for visitors.
    Sid       = "HideKeptReleases"
    Effect    = "Deny"
    Principal = { Service = "cloudfront.amazonaws.com" }
    Action    = "s3:GetObject"
    Resource  = "${module.bucket.s3_bucket_arn}/_releases/*"
  }] })
}

# Needs the bucket only, so that building and uploading run beside the distribution.
resource "terraform_data" "client" {
  triggers_replace = [module.bucket.s3_bucket_id, coalesce(var.release, var.librechat_version)]

  provisioner "local-exec" {
    working_dir = var.context.project_root
    command     = "./bootstrap inv frontend.publish --target ${var.context.target} --bucket ${module.bucket.s3_bucket_id}${var.release == null ? "" : " --release ${var.release}"}"
  }
}

################################################################################
# Distribution (FR-003, FR-004, FR-013 … FR-015, FR-021, FR-023)
#
# Ids of managed policies:
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html
################################################################################

locals {
  transport_security = { access_control_max_age_sec = 63072000, include_subdomains = var.hsts_subdomains, override = true }
}

module "cloudfront" {
  source  = "terraform-aws-modules/cloudfront/aws"
  version = "6.6.0"

  comment             = "LibreChat (${var.custom_domain})"
  aliases             = [var.custom_domain]
  default_root_object = "index.html"
  http_version        = "http2and3"
  price_class         = "PriceClass_100"
  # The smoke checks wait for the edge locations; Terraform need not.
  wait_for_deployment = false

  viewer_certificate = {
    acm_certificate_arn      = var.acm_certificate_arn
    minimum_protocol_version = "TLSv1.2_2021"
    ssl_support_method       = "sni-only"
  }

  origin_access_control = { frontend = {
    name             = module.bucket.s3_bucket_id
    origin_type      = "s3"
    signing_behavior = "always"
    signing_protocol = "sigv4"
  } }

  origin = {
    frontend = { domain_name = module.bucket.s3_bucket_bucket_regional_domain_name, origin_access_control_key = "frontend" }
    api = {
      domain_name = var.api.domain_name
      origin_path = "/${var.api.stage_name}"
      # The function refuses what came around CloudFront. A viewer's own header of this name is replaced.
      custom_header = { x-origin-key = var.origin_key }
      custom_origin_config = {
        http_port              = 80
        https_port             = 443
        origin_protocol_policy = "https-only"
        origin_read_timeout    = var.api_read_timeout
      }
    }
  }

  # CloudFront keeps an error for 10 s and answers others with it, whatever the cache policy: a cold start that
  # took too long once would look down to everybody. Without a page the origin's own answer goes through.
  custom_error_response = [for code in [404, 414, 500, 501, 502, 503, 504] : { error_code = code, error_caching_min_ttl = 0 }]

  # A function on one behavior and not an error's page, which would answer for the API too.
  cloudfront_functions = { spa = {
    name    = "${var.context.name}-spa-${var.context.environment}"
    comment = "The client's own routes are index.html"
    publish = true
    code    = file("${path.module}/spa.js")
  } }

  # Enforced is what no feature of LibreChat needs. Where scripts, frames and connections may go depends on
  # what librechat.yaml switches on, so that part only reports: LibreChat's own enforced list was taken back
  # after a day (https://github.com/danny-avila/LibreChat/pull/14446 tells). index.html has an inline script.
  response_headers_policies = {
    client = {
      name = "${var.context.name}-client-${var.context.environment}"
      security_headers_config = {
        content_security_policy   = { content_security_policy = "base-uri 'self'; form-action 'self'; frame-ancestors 'self'; object-src 'none'", override = true }
        content_type_options      = { override = true }
        frame_options             = { frame_option = "SAMEORIGIN", override = true }
        referrer_policy           = { referrer_policy = "strict-origin-when-cross-origin", override = true }
        strict_transport_security = local.transport_security
      }
      custom_headers_config = { items = [{
        header   = "Content-Security-Policy-Report-Only"
        value    = "default-src 'self'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' https://challenges.cloudflare.com; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob: https:; font-src 'self' data:; media-src 'self' data: blob: https:; connect-src 'self' data: blob: https:; worker-src 'self' blob:; frame-src 'self' blob: https:"
        override = true
      }] }
    }
    # LibreChat's own headers stay: a policy of the page's would break its OAuth pages, and CORS is the API's.
    api = {
      name                    = "${var.context.name}-api-${var.context.environment}"
      security_headers_config = { content_type_options = { override = true }, strict_transport_security = local.transport_security }
    }
  }

  default_cache_behavior = {
    target_origin_id            = "frontend"
    viewer_protocol_policy      = "redirect-to-https"
    cache_policy_id             = "658327ea-f89d-4fab-a63d-7e88639e58f6" # CachingOptimized
    response_headers_policy_key = "client"
    function_association        = { viewer-request = { function_key = "spa" } }
  }

  ordered_cache_behavior = [for pattern in var.api_path_patterns : {
    path_pattern           = pattern
    target_origin_id       = "api"
    viewer_protocol_policy = "https-only"
    allowed_methods        = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
    cache_policy_id        = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad" # CachingDisabled
    # API Gateway answers 403 to a Host header that is not its own.
    origin_request_policy_id    = "b689b0a8-53d0-40ab-baf2-68738e2966ac" # AllViewerExceptHostHeader
    response_headers_policy_key = "api"
    # Compressing would hold the chunks of a stream back.
    compress = false
  }]
}

################################################################################
# DNS (FR-022)
################################################################################

resource "aws_route53_record" "alias" {
  for_each = toset(["A", "AAAA"])

  zone_id = var.route53_zone_id
  name    = var.custom_domain
  type    = each.key

  alias {
    name                   = module.cloudfront.cloudfront_distribution_domain_name
    zone_id                = module.cloudfront.cloudfront_distribution_hosted_zone_id
    evaluate_target_health = false
  }
}
