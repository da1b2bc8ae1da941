locals {
  function_name = "${var.context.name}-api-${var.context.environment}"
  # FR-029: what the function may read of the configuration bucket.
  config_bucket_arn = "arn:aws:s3:::${var.config_bucket}"
  config_prefix     = split("/", var.config_key)[0]

  # The image's content tag. The rule of scripts/image.py, line by line; a test holds the two equal.
  container = "${var.context.project_root}/container"
  image_files = sort(flatten([
    for pattern in ["Dockerfile", "package.json", "package-lock.json", "src/**"] : tolist(fileset(local.container, pattern))
  ]))
  image_lines = concat(
    [var.image.base, var.image.platform],
    [for file in local.image_files : "${file} ${filesha256("${local.container}/${file}")}"],
  )
  image_tag = coalesce(var.image.tag, substr(sha256(join("\n", local.image_lines)), 0, 16))
  image_uri = "${module.ecr.repository_url}@${data.aws_ecr_image.this.image_digest}"
}

################################################################################
# Image: repository, build and push (FR-006, FR-007, FR-012)
################################################################################

module "ecr" {
  source  = "terraform-aws-modules/ecr/aws"
  version = "3.2.0"

  repository_name                    = local.function_name
  repository_image_tag_mutability    = "IMMUTABLE"
  repository_image_scan_on_push      = true
  repository_force_delete            = true
  repository_lambda_read_access_arns = [module.lambda.lambda_function_arn_static]

  # ECR can only count pushes, from the newest, and does not know what runs. Pushes are more than
  # releases: a deploy that fails pushes too. And a release may be older than its place: one that went
  # live again (a rollback, a reverted commit) is not pushed again. So each release to keep has room for
  # ten pushes: what runs, and what can be rolled back to, goes only when 10 × N other images have come
  # after it. That costs little: images share all layers but the handler's, under 1 MB each. A rollback
  # asks the repository whether the image is still there.
  repository_lifecycle_policy = jsonencode({ rules = [{
    rulePriority = 1
    selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 10 * var.image.releases_to_keep }
    action       = { type = "expire" }
  }] })
}

resource "terraform_data" "image" {
  triggers_replace = [module.ecr.repository_url, local.image_tag]

  provisioner "local-exec" {
    working_dir = var.context.project_root
    command     = "./bootstrap inv image.push --target ${var.context.target} --repository-url ${module.ecr.repository_url} --tag ${local.image_tag}"
  }

  # On the repository's policy too: Lambda reads the image the moment the function is created.
  depends_on = [module.ecr]
}

data "aws_ecr_image" "this" {
  repository_name = module.ecr.repository_name
  image_tag       = local.image_tag
  depends_on      = [terraform_data.image]
}

################################################################################
# File storage (FR-030 … FR-034)
################################################################################

module "files" {
  source  = "terraform-aws-modules/s3-bucket/aws"
  version = "5.15.4"

  bucket                                = "${var.context.name}-files-${var.context.environment}"
  force_destroy                         = true
  versioning                            = { status = "Disabled" }
  attach_deny_insecure_transport_policy = true
  server_side_encryption_configuration  = { rule = { apply_server_side_encryption_by_default = { sse_algorithm = "AES256" } } }
}

################################################################################
# Function
################################################################################

module "lambda" {
  source  = "terraform-aws-modules/lambda/aws"
  version = "8.8.1"

  function_name  = local.function_name
  create_package = false
  package_type   = "Image"
  image_uri      = local.image_uri
  architectures  = [var.image.platform == "linux/arm64" ? "arm64" : "x86_64"]
  memory_size    = var.function.memory_size
  timeout        = var.function.timeout

  reserved_concurrent_executions = var.function.reserved_concurrency

  # Inside the VPC its resolver answers for the .local names of Cloud Map (FR-020, FR-028).
  vpc_subnet_ids                     = var.subnet_ids
  vpc_security_group_ids             = [aws_security_group.function.id]
  replace_security_groups_on_destroy = true
  attach_network_policy              = true

  # The log group is Terraform's: a late log line must not bring it back after a destroy.
  cloudwatch_logs_retention_in_days  = var.function.log_retention_days
  attach_create_log_group_permission = false

  # Secrets are not in it: it holds their ARNs (FR-024). AWS_REGION, the other half of FR-032, is
  # reserved: Lambda sets it itself.
  environment_variables = merge(
    { DIAGNOSTIC_STREAM = var.diagnostic_stream, SSE_HEARTBEAT_MS = "15000", RESPONSE_GRACE_MS = "3000" },
    var.environment_variables,
    {
      AWS_BUCKET_NAME          = module.files.s3_bucket_id
      CONFIG_PATH              = "/tmp/librechat.yaml"
      CONFIG_S3_BUCKET         = var.config_bucket
      CONFIG_S3_KEY            = var.config_key
      CONFIG_VERSION           = var.config_version
      DOMAIN_CLIENT            = var.url
      DOMAIN_SERVER            = var.url
      FORBIDDEN_DOMAIN         = var.replaced_domain
      LIBRECHAT_SSM_PARAMETERS = jsonencode(var.ssm_parameters)
      # Not sensitive: it would make all variables so, and drift of any of them unreadable. No hash gives a key away.
      ORIGIN_KEY_HASHES = nonsensitive(join(",", [for key in var.origin_keys : sha256(key)]))
      REDIS_URI         = "redis://${var.redis.endpoint}"
      USE_REDIS         = "true"
    },
  )

  attach_policy_statements = true
  policy_statements = {
    secrets = { actions = ["ssm:GetParameters"], resources = values(var.ssm_parameters) }
    # For parameters under a key of the account's own; alias/aws/ssm needs no grant.
    decrypt = {
      actions   = ["kms:Decrypt"]
      resources = ["arn:aws:kms:${var.context.aws_region}:${var.context.aws_account_id}:key/*"]
      condition = [{ test = "StringEquals", variable = "kms:ViaService", values = ["ssm.${var.context.aws_region}.amazonaws.com"] }]
    }
    config = { actions = ["s3:GetObject"], resources = ["${local.config_bucket_arn}/${local.config_prefix}/*"] }
    # Without it S3 answers 403 for a missing librechat.yaml, and the cause stays hidden.
    configlist = {
      actions   = ["s3:ListBucket"]
      resources = [local.config_bucket_arn]
      condition = [{ test = "StringLike", variable = "s3:prefix", values = ["${local.config_prefix}/*"] }]
    }
    files     = { actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], resources = ["${module.files.s3_bucket_arn}/*"] }
    fileslist = { actions = ["s3:ListBucket"], resources = [module.files.s3_bucket_arn] }
    # Network interfaces are Lambda's business, and not that of the code that it runs with this role:
    # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-best-practice
    network = {
      effect    = "Deny"
      actions   = ["ec2:*"]
      resources = ["*"]
      condition = [{ test = "ArnEquals", variable = "lambda:SourceFunctionArn", values = [module.lambda.lambda_function_arn_static] }]
    }
  }
}

################################################################################
# Network: the function's group and what it may reach (FR-040, FR-041)
#
# FR-019: the rules come after the function, which comes after Redis, and go before either.
################################################################################

resource "aws_security_group" "function" {
  name        = "${var.context.name}-function-${var.context.environment}"
  description = "LibreChat API on Lambda"
  vpc_id      = var.vpc_id
}

data "aws_vpc" "this" { id = var.vpc_id }

locals {
  # Ports of the Cloud Map services, read from their URLs: a new service needs no second edit.
  service_ports = toset(flatten([
    for value in values(var.environment_variables) : regexall("^https?://[^/]+\\.local:([0-9]+)", value)
  ]))

  # DNS needs no rule: security groups do not filter the resolver of the VPC.
  # https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
  egress = merge(
    { for port in local.service_ports : "service-${port}" => { port = port, group = var.security_group_ids["shared_services"], cidr = null } },
    {
      redis      = { port = var.redis.port, group = var.redis.security_group_id, cidr = null }
      documentdb = { port = "27017", group = null, cidr = data.aws_vpc.this.cidr_block }
      # AWS APIs, login and models, through the NAT gateway.
      https = { port = "443", group = null, cidr = "0.0.0.0/0" }
    },
  )

  # In Redis' group, and in those that are there already. DocumentDB's may admit the function by itself: then
  # it is not named.
  ingress = merge(
    { redis = { port = var.redis.port, group = var.redis.security_group_id } },
    { for port in local.service_ports : "service-${port}" => { port = port, group = var.security_group_ids["shared_services"] } },
    { for name, id in var.security_group_ids : name => { port = "27017", group = id } if name == "documentdb" },
  )
}

resource "aws_vpc_security_group_egress_rule" "function" {
  for_each = local.egress

  security_group_id            = aws_security_group.function.id
  referenced_security_group_id = each.value.group
  cidr_ipv4                    = each.value.cidr
  description                  = each.key
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  depends_on                   = [module.lambda]
}

resource "aws_vpc_security_group_ingress_rule" "function" {
  for_each = local.ingress

  security_group_id            = each.value.group
  referenced_security_group_id = aws_security_group.function.id
  description                  = "From ${local.function_name}"
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  depends_on                   = [module.lambda]
}
