# Name of the function, known once it exists.
output "function_name" { value = module.lambda.lambda_function_name }

# ARN composed from the name: known before the function exists, so that nothing waits for it.
output "function_arn" { value = module.lambda.lambda_function_arn_static }

# Log group of the function.
output "log_group" { value = module.lambda.lambda_cloudwatch_log_group_name }

# The function's image: repository, content tag, and the two as a reference by digest.
output "image" { value = { repository_url = module.ecr.repository_url, tag = local.image_tag, uri = local.image_uri } }

# Bucket of the users' uploads.
output "files_bucket" { value = module.files.s3_bucket_id }
