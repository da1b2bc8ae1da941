# The S3 backend of this environment: terraform init -backend-config=backend.hcl
# `inv deploy` creates the bucket (versioned, encrypted, private) when it is missing.
bucket       = "librechat-lambda-tfstate-dev"
key          = "librechat-lambda/dev/terraform.tfstate"
region       = "eu-west-1"
encrypt      = true
use_lockfile = true
