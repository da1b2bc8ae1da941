# Where the application is.
output "url" { value = local.url }

# Region of the deployment.
output "region" { value = var.aws_region }

# Account of the deployment.
output "account_id" { value = var.aws_account_id }

# CloudFront's own name of the distribution.
output "cloudfront_domain_name" { value = module.frontend.distribution_domain_name }

# Id of the distribution.
output "cloudfront_distribution_id" { value = module.frontend.distribution_id }

# Bucket of the built client.
output "frontend_bucket" { value = module.frontend.bucket }

# Bucket of the users' uploads.
output "files_bucket" { value = module.backend.files_bucket }

# Id of the REST API.
output "api_id" { value = module.api.id }

# The one stage of the REST API, hidden by the distribution's origin path.
output "api_stage" { value = module.api.stage_name }

# The stage's own address, around CloudFront; for diagnosis.
output "api_invoke_url" { value = module.api.invoke_url }

# Name of the function.
output "function_name" { value = module.backend.function_name }

# Log group of the function.
output "function_log_group" { value = module.backend.log_group }

# Image that the function runs, by digest.
output "image_uri" { value = module.backend.image.uri }

# Content tag of that image.
output "image_tag" { value = module.backend.image.tag }

# Repository of the function's images.
output "ecr_repository_url" { value = module.backend.image.repository_url }

# Host and port of Redis, reachable from the function only.
output "redis_endpoint" { value = module.redis.endpoint }
