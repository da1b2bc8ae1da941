output "s3_bucket_id" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this[0].id
}

output "s3_bucket_arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this[0].arn
}

output "s3_bucket_bucket_regional_domain_name" {
  description = "Domain of the bucket in its region."
  value       = aws_s3_bucket.this[0].bucket_regional_domain_name
}
