# Bucket of the built client.
output "bucket" { value = module.bucket.s3_bucket_id }

# Id of the distribution.
output "distribution_id" { value = module.cloudfront.cloudfront_distribution_id }

# CloudFront's own name of the distribution.
output "distribution_domain_name" { value = module.cloudfront.cloudfront_distribution_domain_name }
