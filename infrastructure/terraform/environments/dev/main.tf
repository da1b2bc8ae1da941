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

module "redis" {
  source = "../../modules/redis"

  context    = local.context
  vpc_id     = var.vpc_id
  subnet_ids = var.private_subnet_ids
  node_type  = var.redis_node_type
  # Known only once the function exists, so the rules come after it (FR-019); the node does not wait.
  client_security_group_id = module.backend.attached_security_group_id
}

module "backend" {
  source = "../../modules/backend"

  context                           = local.context
  image                             = { base = var.base_image, platform = var.image_platform, tag = var.image_tag, releases_to_keep = var.releases_to_keep }
  function                          = var.function
  vpc_id                            = var.vpc_id
  subnet_ids                        = var.private_subnet_ids
  shared_services_security_group_id = var.security_group_ids["shared_services"]
  documentdb_security_group_id      = lookup(var.security_group_ids, "documentdb", null)
  redis_endpoint                    = module.redis.endpoint
  url                               = local.url
  ssm_parameters                    = var.ssm_parameters
  diagnostic_stream                 = coalesce(var.diagnostic_stream, var.target == "local" ? "full" : "short")
  environment_variables             = var.environment_variables

  app_config = {
    bucket          = var.config_s3_bucket
    key             = var.config_s3_key
    version         = var.config_version
    replaced_domain = var.replaced_domain
  }
}

module "api" {
  source = "../../modules/api-gateway"

  context       = local.context
  path_patterns = var.api_path_patterns
  allow_origin  = local.url
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

  api = {
    domain_name   = module.api.domain_name
    stage_name    = module.api.stage_name
    path_patterns = var.api_path_patterns
    read_timeout  = var.origin_read_timeout
  }
}
