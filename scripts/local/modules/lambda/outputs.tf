output "lambda_function_name" {
  description = "Name of the function, known once it exists."
  value       = aws_lambda_function.this[0].function_name
}

output "lambda_function_arn_static" {
  description = "ARN composed from the name, known before the function exists."
  value       = "arn:${data.aws_partition.current.partition}:lambda:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:function:${var.function_name}"
}

output "lambda_cloudwatch_log_group_name" {
  description = "Name of the log group."
  value       = aws_cloudwatch_log_group.lambda[0].name
}
