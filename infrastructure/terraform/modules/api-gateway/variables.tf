variable "context" {
  description = "Names and places that all modules share: prefix and suffix of every name, region, account, checkout, target of the provisioners."
  type = object({
    name           = string
    environment    = string
    aws_region     = string
    aws_account_id = string
    project_root   = string
    target         = string
  })
}

variable "path_patterns" {
  description = "CloudFront path patterns that the API serves, such as /api/*."
  type        = list(string)
}

variable "allow_origin" {
  description = "The one origin that a preflight allows, such as https://chat.example.com."
  type        = string
}

variable "throttling" {
  description = "Requests a second and at once, for each method of the stage."
  type        = object({ rate = number, burst = number })
}

variable "function_arn" {
  description = "ARN of the function. Must not depend on the function, so that the API is created beside it."
  type        = string
}

variable "function_name" {
  description = "Name of the function, known once it exists: the permission waits for it."
  type        = string
}
