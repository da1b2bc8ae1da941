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

variable "vpc_id" {
  description = "VPC of the security group."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of the node."
  type        = list(string)
}

variable "node_type" {
  description = "Node type, for example cache.t4g.micro."
  type        = string
}
