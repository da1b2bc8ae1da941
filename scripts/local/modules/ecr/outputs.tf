output "repository_name" {
  description = "Name of the repository."
  value       = aws_ecr_repository.this[0].name
}

output "repository_url" {
  description = "Address of the repository, without a scheme."
  value       = aws_ecr_repository.this[0].repository_url
}
