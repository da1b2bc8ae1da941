################################################################################
# One environment of LibreChat on serverless AWS
#
#   viewer ─ CloudFront ┬─ default ──────────────── S3 (the built client)
#                       └─ /api/*, /oauth/* ─ API Gateway ─ Lambda ┬─ Redis
#                                                                  └─ DocumentDB, Cloud Map, S3, SSM
#
# What takes minutes runs side by side: Lambda waits for Redis, CloudFront for neither.
################################################################################

terraform {
  required_version = ">= 1.11"

  required_providers { aws = { source = "hashicorp/aws", version = ">= 5.100, < 7" } }

  # Completed by backend.hcl: terraform init -backend-config=backend.hcl
  backend "s3" {}
}

provider "aws" {
  region = var.aws_region
  # Refuses to touch any account but the one that the tfvars belong to.
  allowed_account_ids = [var.aws_account_id]

  default_tags { tags = { Project = "librechat-lambda", Environment = var.environment, ManagedBy = "terraform" } }
}

locals {
  url = "https://${var.custom_domain}"
  # The version in use, the next and the last one.
  origin_key_versions = [for step in [0, 1, -1] : var.origin_key_version + step]
  origin_keys         = [for version in local.origin_key_versions : sensitive(terraform_data.origin_key[version].triggers_replace)]

  # What every module needs to name and place its resources.
  context = {
    name           = "librechat-lambda"
    environment    = var.environment
    aws_region     = var.aws_region
    aws_account_id = var.aws_account_id
    project_root   = coalesce(var.project_root, abspath("${path.root}/../../../.."))
    target         = var.target
  }
}

################################################################################
# Origin key: marks what came through the distribution, for API Gateway's own address is public
#
# CloudFront sends the key of the version; the function accepts its neighbours, too. So while a new version
# spreads, in whatever order, the edge locations' old key and their new one are both good.
################################################################################

resource "terraform_data" "origin_key" {
  for_each = toset([for version in local.origin_key_versions : tostring(version)])

  # Random once, then kept: the plan never shows it, and no other provider is needed.
  triggers_replace = sensitive(uuid())

  lifecycle { ignore_changes = [triggers_replace] }
}

module "redis" {
  source = "../../modules/redis"

  context    = local.context
  vpc_id     = var.vpc_id
  subnet_ids = var.private_subnet_ids
  node_type  = var.redis_node_type
}

module "backend" {
  source = "../../modules/backend"

  context               = local.context
  image                 = { base = var.base_image, platform = var.image_platform, tag = var.image_tag, releases_to_keep = var.releases_to_keep }
  function              = var.function
  vpc_id                = var.vpc_id
  subnet_ids            = var.private_subnet_ids
  security_group_ids    = var.security_group_ids
  redis                 = module.redis
  url                   = local.url
  ssm_parameters        = var.ssm_parameters
  origin_keys           = local.origin_keys
  diagnostic_stream     = coalesce(var.diagnostic_stream, var.target == "local" ? "full" : "short")
  environment_variables = var.environment_variables
  config_bucket         = var.config_s3_bucket
  config_key            = var.config_s3_key
  config_version        = var.config_version
  replaced_domain       = var.replaced_domain
}

module "api" {
  source = "../../modules/api-gateway"

  context       = local.context
  path_patterns = var.api_path_patterns
  allow_origin  = local.url
  throttling    = var.throttling
  function_arn  = module.backend.function_arn
  function_name = module.backend.function_name
}

module "frontend" {
  source = "../../modules/frontend"

  context             = local.context
  release             = var.frontend_hash
  librechat_version   = var.librechat_version
  custom_domain       = var.custom_domain
  acm_certificate_arn = var.acm_certificate_arn
  route53_zone_id     = var.route53_zone_id
  hsts_subdomains     = var.hsts_subdomains
  api                 = { domain_name = module.api.domain_name, stage_name = module.api.stage_name }
  api_path_patterns   = var.api_path_patterns
  api_read_timeout    = var.origin_read_timeout
  origin_key          = local.origin_keys[0]
}
