"""The edge: CloudFront's and API Gateway's data planes, streaming, as Terraform deployed them.

No AWS emulator streams REST responses, so this package does: it reads the distribution, the REST
API and the function's resource policy from the control plane and obeys them, line by line. It does
not serve S3 (the emulator's own data plane does, see `s3_behavior`) and does not run functions (the
Lambda service does).
"""

from scripts.local.edge.app import SERVER_OPTIONS, make_app

__all__ = ["SERVER_OPTIONS", "make_app"]
