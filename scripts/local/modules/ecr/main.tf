# Stand-in for terraform-aws-modules/ecr/aws 3.2.0, served by the local target's module registry.
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

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

resource "aws_ecr_repository" "this" {
  count = 1

  name                 = var.repository_name
  image_tag_mutability = var.repository_image_tag_mutability
  force_delete         = var.repository_force_delete

  encryption_configuration {
    encryption_type = null
  }

  image_scanning_configuration {
    scan_on_push = var.repository_image_scan_on_push
  }
}

data "aws_iam_policy_document" "repository" {
  count = 1

  statement {
    sid = "PrivateReadOnly"
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:DescribeImageScanFindings",
      "ecr:DescribeImages",
      "ecr:DescribeRepositories",
      "ecr:GetAuthorizationToken",
      "ecr:GetDownloadUrlForLayer",
      "ecr:GetLifecyclePolicy",
      "ecr:GetLifecyclePolicyPreview",
      "ecr:GetRepositoryPolicy",
      "ecr:ListImages",
      "ecr:ListTagsForResource",
    ]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }

  dynamic "statement" {
    for_each = length(var.repository_lambda_read_access_arns) > 0 ? [true] : []

    content {
      sid     = "PrivateLambdaReadOnly"
      actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]

      principals {
        type        = "Service"
        identifiers = ["lambda.amazonaws.com"]
      }

      condition {
        test     = "StringLike"
        variable = "aws:sourceArn"
        values   = var.repository_lambda_read_access_arns
      }
    }
  }
}

resource "aws_ecr_repository_policy" "this" {
  count = 1

  repository = aws_ecr_repository.this[0].name
  policy     = data.aws_iam_policy_document.repository[0].json
}

resource "aws_ecr_lifecycle_policy" "this" {
  count = 1

  repository = aws_ecr_repository.this[0].name
  policy     = var.repository_lifecycle_policy
}
