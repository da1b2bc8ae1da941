################################################################################
# Where
################################################################################

variable "environment" {
  description = "Name of the environment; the suffix of every resource name."
  type        = string
  default     = "dev"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,15}$", var.environment))
    error_message = "Lower-case letters, digits and hyphens, 16 characters at most."
  }
}

variable "aws_region" {
  description = "Region of everything but the certificate, which CloudFront wants in us-east-1."
  type        = string
  default     = "eu-west-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.aws_region))
    error_message = "A region such as eu-west-1."
  }
}

variable "aws_account_id" {
  description = "The account that these values belong to; the provider refuses any other."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.aws_account_id))
    error_message = "An account id has 12 digits."
  }
}

variable "target" {
  description = "Target that the provisioners pass to our own tasks: aws, or local for the embedded AWS."
  type        = string
  default     = "aws"

  validation {
    condition     = contains(["aws", "local"], var.target)
    error_message = "One of aws, local."
  }
}

variable "project_root" {
  description = "Folder of the checkout, which holds bootstrap and container/. Default: found from this file's place."
  type        = string
  default     = null
}

################################################################################
# Network: existing, referenced and never changed (but for rules in the security groups named)
################################################################################

variable "vpc_id" {
  description = "The existing VPC of the function and of Redis."
  type        = string

  validation {
    condition     = startswith(var.vpc_id, "vpc-")
    error_message = "A VPC id starts with vpc-."
  }
}

variable "private_subnet_ids" {
  description = "Existing private subnets, with a NAT gateway for outbound traffic."
  type        = list(string)

  validation {
    condition     = length(var.private_subnet_ids) > 0 && alltrue([for id in var.private_subnet_ids : startswith(id, "subnet-")])
    error_message = "At least one subnet id; a subnet id starts with subnet-."
  }
}

variable "security_group_ids" {
  description = "Existing security groups by role. shared_services guards the Cloud Map services and receives one rule a service port for the function; documentdb, optional, receives one for port 27017."
  type        = map(string)

  validation {
    condition     = can(var.security_group_ids["shared_services"]) && alltrue([for id in values(var.security_group_ids) : startswith(id, "sg-")])
    error_message = "The key shared_services is needed, and a security group id starts with sg-."
  }
}

variable "database_endpoints" {
  description = "Existing databases by role; documentdb is the host inside the MONGO_URI parameter, kept here for reference and checks."
  type        = map(string)

  validation {
    condition     = can(var.database_endpoints["documentdb"])
    error_message = "The key documentdb is needed."
  }
}

################################################################################
# Domain
################################################################################

variable "custom_domain" {
  description = "The one domain of client and API."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.custom_domain))
    error_message = "A host name without scheme or path, such as lambda-test.sandbox.data.apro.is."
  }
}

variable "route53_zone_id" {
  description = "Existing hosted zone that holds custom_domain."
  type        = string
}

variable "acm_certificate_arn" {
  description = "Existing certificate for custom_domain."
  type        = string

  validation {
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html
    condition     = can(regex("^arn:aws:acm:us-east-1:[0-9]{12}:certificate/.+$", var.acm_certificate_arn))
    error_message = "CloudFront takes certificates of us-east-1 only."
  }
}

################################################################################
# Distribution and API
################################################################################

variable "api_path_patterns" {
  description = "Path patterns that belong to the API. /oauth/* is LibreChat's OpenID login, which would receive index.html otherwise: the one addition to FR-013 and FR-014."
  type        = list(string)
  default     = ["/api/*", "/oauth/*"]

  validation {
    condition     = contains(var.api_path_patterns, "/api/*") && alltrue([for p in var.api_path_patterns : can(regex("^/[a-z0-9-]+/\\*$", p))])
    error_message = "Patterns of the form /word/*, /api/* among them."
  }
}

variable "throttling" {
  description = "Requests a second (rate) and at once (burst) that API Gateway lets through to each method, from all callers together; beyond it answers 429. A login takes 25 requests, 12 of them at once: the default serves four logins a second, and sixteen in the same instant."
  type = object({
    rate  = optional(number, 100)
    burst = optional(number, 200)
  })
  default = {}

  validation {
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
    condition     = var.throttling.rate >= 10 && var.throttling.rate <= 10000 && var.throttling.burst >= 25 && var.throttling.burst <= 5000
    error_message = "rate: 10 to 10000 requests a second; burst: 25 (one login) to 5000."
  }
}

variable "origin_key_version" {
  description = "Version of the secret header by which the function knows the distribution. A new one, by one more or less, rotates it without refusing a viewer; the next rotation waits until the distribution is deployed."
  type        = number
  default     = 1

  validation {
    condition     = var.origin_key_version >= 1 && floor(var.origin_key_version) == var.origin_key_version
    error_message = "A whole number from 1."
  }
}

variable "hsts_subdomains" {
  description = "Whether browsers shall use https for every subdomain of custom_domain, too, for two years (includeSubDomains). Switch it off before the first deploy where a subdomain only speaks http."
  type        = bool
  default     = true
}

variable "origin_read_timeout" {
  description = "Seconds that CloudFront waits for the first byte of the API and between two chunks of a stream."
  type        = number
  default     = 60

  validation {
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesOrigin.html#DownloadDistValuesOriginResponseTimeout
    condition     = var.origin_read_timeout >= 1 && var.origin_read_timeout <= 120
    error_message = "1 to 120 seconds; more needs a quota raise."
  }
}

################################################################################
# LibreChat
################################################################################

variable "librechat_version" {
  description = "Release of the LibreChat client that is built."
  type        = string
  default     = "v0.8.2-rc1"
}

variable "frontend_hash" {
  description = "Content hash of the client to publish: what the sources give (inv deploy), or a release that the bucket keeps (inv rollback). Default: what the sources give, published again when librechat_version changes."
  type        = string
  default     = null

  validation {
    # It becomes an argument of a command.
    condition     = var.frontend_hash == null || can(regex("^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$", var.frontend_hash))
    error_message = "Letters, digits, dots, hyphens and underscores, 64 at most."
  }
}

variable "base_image" {
  description = "Image that the function's image starts from."
  type        = string
  default     = "ghcr.io/danny-avila/librechat-api:v0.8.2-rc1"
}

variable "image_platform" {
  description = "Platform of the function and its image."
  type        = string
  default     = "linux/amd64"

  validation {
    condition     = contains(["linux/amd64", "linux/arm64"], var.image_platform)
    error_message = "One of linux/amd64, linux/arm64."
  }
}

variable "image_tag" {
  description = "Tag of an image that the repository holds already, to run that one again (inv rollback). Default: from the content of container/, built and pushed."
  type        = string
  default     = null

  validation {
    condition     = var.image_tag == null || can(regex("^[0-9a-f]{16}$", var.image_tag))
    error_message = "A content tag: 16 hexadecimal digits."
  }
}

variable "releases_to_keep" {
  description = "How many releases keep their image in the repository, to be rolled back to."
  type        = number
  default     = 5

  validation {
    condition     = var.releases_to_keep >= 1 && var.releases_to_keep <= 100
    error_message = "1 to 100 releases."
  }
}

variable "environment_variables" {
  description = "The function's plain variables, from the aprochat-api task definition. A service on a .local host with a port opens that port for the function."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setintersection(keys(var.environment_variables), ["ASSETS_URL", "HOST", "PORT", "TRUST_PROXY"])) == 0
    error_message = "ASSETS_URL, HOST, PORT and TRUST_PROXY of the task definition have no place in Lambda."
  }

  validation {
    # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
    condition     = alltrue([for name in keys(var.environment_variables) : !startswith(name, "AWS_")])
    error_message = "AWS_* variables are set by Lambda (AWS_REGION) or by this configuration (AWS_BUCKET_NAME)."
  }

  validation {
    condition     = !contains(keys(var.environment_variables), "DIAGNOSTIC_STREAM")
    error_message = "DIAGNOSTIC_STREAM is the variable diagnostic_stream."
  }

  validation {
    condition     = !contains(keys(var.environment_variables), "ORIGIN_KEY_HASHES")
    error_message = "ORIGIN_KEY_HASHES is made here; the variable origin_key_version renews it."
  }

  validation {
    condition     = length(setintersection(keys(var.environment_variables), keys(var.ssm_parameters))) == 0
    error_message = "A name is either a secret in ssm_parameters or a plain variable, not both."
  }
}

variable "ssm_parameters" {
  description = "Secrets: name of the variable to ARN of its SSM parameter. The function reads the values at cold start; they enter neither the state nor its environment."
  type        = map(string)

  validation {
    condition     = alltrue([for arn in values(var.ssm_parameters) : can(regex("^arn:aws:ssm:[a-z0-9-]+:[0-9]{12}:parameter/.+$", arn))])
    error_message = "Every value is the ARN of an SSM parameter."
  }

  validation {
    condition     = length(setsubtract(["CREDS_IV", "CREDS_KEY", "JWT_REFRESH_SECRET", "JWT_SECRET", "MONGO_URI"], keys(var.ssm_parameters))) == 0
    error_message = "LibreChat does not start without CREDS_IV, CREDS_KEY, JWT_REFRESH_SECRET, JWT_SECRET and MONGO_URI."
  }
}

variable "diagnostic_stream" {
  description = "How much of the diagnostic stream (/api/health/stream) may be asked for with a token, which inv smoke makes from the function's configuration: off; short, enough for inv smoke; full, which inv smoke --long needs. Default: short, and full on the local target."
  type        = string
  default     = null

  validation {
    condition     = var.diagnostic_stream == null || contains(["off", "short", "full"], coalesce(var.diagnostic_stream, "off"))
    error_message = "One of off, short, full."
  }
}

variable "replaced_domain" {
  description = "Domain of the ECS deployment. The uploaded librechat.yaml has custom_domain in its place, and the function refuses one that still names it (FR-027)."
  type        = string
}

variable "config_s3_bucket" {
  description = "Existing bucket (of another account) that holds librechat.yaml."
  type        = string
}

variable "config_s3_key" {
  description = "Key of librechat.yaml. Its first folder is the prefix that the function may read (FR-029)."
  type        = string

  validation {
    condition     = can(regex("^[^/]+/.+\\.ya?ml$", var.config_s3_key))
    error_message = "A key of the form folder/…/librechat.yaml."
  }
}

variable "config_version" {
  description = "Version (ETag) of librechat.yaml. A new one gives the function a new configuration, and so new environments that read the new file. inv deploy sets it; inv config.push sets it in the running function."
  type        = string
  default     = ""
}

################################################################################
# Sizes
################################################################################

variable "function" {
  description = "Memory in MB, timeout in seconds, days that the log is kept, and reserved concurrency: environments that are the function's own, and the most that it may have; -1 reserves none. Set it where the account has other functions: it keeps LibreChat from taking their concurrency, and them from taking its. Each open chat stream holds one environment. Below about 1.8 GB the CPU share is too small to boot LibreChat within the 30 s of FR-028a."
  type = object({
    memory_size        = optional(number, 2048)
    timeout            = optional(number, 900)
    log_retention_days = optional(number, 30)

    reserved_concurrency = optional(number, -1)
  })
  default = {}

  validation {
    condition     = var.function.memory_size >= 1792 && var.function.memory_size <= 10240
    error_message = "memory_size: 1792 to 10240 MB."
  }

  validation {
    condition     = var.function.timeout >= 1 && var.function.timeout <= 900
    error_message = "timeout: 1 to 900 seconds."
  }

  validation {
    # 0 would stop the function. https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
    condition     = var.function.reserved_concurrency == -1 || var.function.reserved_concurrency >= 12
    error_message = "reserved_concurrency: -1 for none, or at least 12, the requests of one login at once."
  }
}

variable "redis_node_type" {
  description = "Node type of the single Redis node."
  type        = string
  default     = "cache.t4g.micro"

  validation {
    condition     = startswith(var.redis_node_type, "cache.")
    error_message = "An ElastiCache node type starts with cache."
  }
}
