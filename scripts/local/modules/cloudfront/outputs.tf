output "cloudfront_distribution_id" {
  description = "Id of the distribution."
  value       = aws_cloudfront_distribution.this[0].id
}

output "cloudfront_distribution_arn" {
  description = "ARN of the distribution."
  value       = aws_cloudfront_distribution.this[0].arn
}

output "cloudfront_distribution_domain_name" {
  description = "CloudFront's own name of the distribution."
  value       = aws_cloudfront_distribution.this[0].domain_name
}

output "cloudfront_distribution_hosted_zone_id" {
  description = "Hosted zone of CloudFront's names, for alias records."
  value       = aws_cloudfront_distribution.this[0].hosted_zone_id
}
