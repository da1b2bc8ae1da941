# Stand-in for terraform-aws-modules/lambda/aws 8.8.1, served by the local target's module registry.
# Offers the inputs and outputs that this project uses, with the real module's names, types and
# defaults; tests/contracts holds it to that. Our own code, not the module's.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # The one place that pins 5.x: the public modules ask for 6.x.
      version = "= 5.100.0"
    }
  }
}

data "aws_partition" "current" {}
data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

################################################################################
# Log group and role, complete before the function
################################################################################

resource "aws_cloudwatch_log_group" "lambda" {
  count = 1

  name              = "/aws/lambda/${var.function_name}"
  retention_in_days = var.cloudwatch_logs_retention_in_days
}

data "aws_iam_policy_document" "assume_role" {
  count = 1

  statement {
    effect  = "Allow"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "lambda" {
  count = 1

  name                  = var.function_name
  force_detach_policies = true
  assume_role_policy    = data.aws_iam_policy_document.assume_role[0].json
}

data "aws_iam_policy_document" "logs" {
  count = 1

  statement {
    effect = "Allow"
    actions = concat(
      var.attach_create_log_group_permission ? ["logs:CreateLogGroup"] : [],
      ["logs:CreateLogStream", "logs:PutLogEvents"],
    )
    resources = [for suffix in [":*", ":*:*"] : "${aws_cloudwatch_log_group.lambda[0].arn}${suffix}"]
  }
}

resource "aws_iam_role_policy" "logs" {
  count = 1

  name   = "${var.function_name}-logs"
  role   = aws_iam_role.lambda[0].name
  policy = data.aws_iam_policy_document.logs[0].json
}

data "aws_iam_policy" "vpc" {
  count = var.attach_network_policy ? 1 : 0

  arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AWSLambdaENIManagementAccess"
}

resource "aws_iam_role_policy" "vpc" {
  count = var.attach_network_policy ? 1 : 0

  name   = "${var.function_name}-vpc"
  role   = aws_iam_role.lambda[0].name
  policy = data.aws_iam_policy.vpc[0].policy
}

data "aws_iam_policy_document" "additional_inline" {
  count = var.attach_policy_statements ? 1 : 0

  dynamic "statement" {
    for_each = var.policy_statements

    content {
      sid       = replace(statement.key, "/[^0-9A-Za-z]*/", "")
      effect    = try(statement.value.effect, null)
      actions   = statement.value.actions
      resources = statement.value.resources

      dynamic "condition" {
        for_each = try(statement.value.condition, [])

        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }
}

resource "aws_iam_role_policy" "additional_inline" {
  count = var.attach_policy_statements ? 1 : 0

  name   = "${var.function_name}-inline"
  role   = aws_iam_role.lambda[0].name
  policy = data.aws_iam_policy_document.additional_inline[0].json
}

################################################################################
# Function
################################################################################

resource "aws_lambda_function" "this" {
  count = 1

  function_name                      = var.function_name
  description                        = var.description
  role                               = aws_iam_role.lambda[0].arn
  package_type                       = var.package_type
  image_uri                          = var.image_uri
  architectures                      = var.architectures
  memory_size                        = var.memory_size
  timeout                            = var.timeout
  reserved_concurrent_executions     = var.reserved_concurrent_executions
  replace_security_groups_on_destroy = var.replace_security_groups_on_destroy

  ephemeral_storage {
    size = 512
  }

  logging_config {
    log_format = "Text"
  }

  dynamic "environment" {
    for_each = length(var.environment_variables) > 0 ? [true] : []

    content {
      variables = var.environment_variables
    }
  }

  dynamic "vpc_config" {
    for_each = var.vpc_subnet_ids != null && var.vpc_security_group_ids != null ? [true] : []

    content {
      subnet_ids         = var.vpc_subnet_ids
      security_group_ids = var.vpc_security_group_ids
    }
  }

  depends_on = [
    aws_cloudwatch_log_group.lambda,
    aws_iam_role_policy.additional_inline,
    aws_iam_role_policy.logs,
    aws_iam_role_policy.vpc,
  ]

  lifecycle {
    precondition {
      condition     = var.package_type == "Image" && !var.create_package
      error_message = "The stand-in runs container images only; use the real module (--modules registry)."
    }
  }
}
