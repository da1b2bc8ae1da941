"""Service Quotas, as far as the checks before a deploy ask it: MiniStack has no such service.

Restores GetServiceQuota and GetAWSDefaultServiceQuota
(https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html) for an account
whose quotas nobody has raised: both answer AWS's default. The embedded AWS does not enforce them.
"""

from __future__ import annotations

import json
from typing import Any

from scripts.local.extensions import Context, Response

# Service and quota code to name and default, as the services' own pages have them.
_DEFAULTS = {
    # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    ("lambda", "L-9FEE3D26"): ("Elastic network interfaces per VPC", 500.0),
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
    ("cloudfront", "L-24B04930"): ("Web distributions per AWS account", 500.0),
    # https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups
    ("vpc", "L-0EA8095F"): ("Inbound or outbound rules per security group", 60.0),
}

_SERVICE = "servicequotas"
_ANSWERED = ("GetServiceQuota", "GetAWSDefaultServiceQuota")


def install(context: Context) -> None:
    """Add the service to MiniStack's router, its handlers and its table of IAM prefixes."""
    from ministack import app
    from ministack.core import iam_actions, router

    router.SERVICE_PATTERNS[_SERVICE] = {"target_prefixes": ["ServiceQuotasV20190624"]}
    iam_actions.SERVICE_TO_IAM_NAMESPACE[_SERVICE] = _SERVICE
    app.SERVICE_HANDLERS[_SERVICE] = _handle


async def _handle(
    method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> Response:
    from ministack.core.responses import error_response_json, get_region, json_response

    action = headers.get("x-amz-target", "").rpartition(".")[2]
    if action not in _ANSWERED:
        refused: Response = error_response_json("UnknownOperationException", f"Unknown operation: {action}")
        return refused
    request = json.loads(body or b"{}")
    service, code = request.get("ServiceCode", ""), request.get("QuotaCode", "")
    if (service, code) not in _DEFAULTS:
        missing: Response = error_response_json(
            "NoSuchResourceException",
            "The request failed because the specified service quota does not exist.",
        )
        return missing
    name, value = _DEFAULTS[service, code]
    quota = {
        "ServiceCode": service,
        "QuotaCode": code,
        "QuotaName": name,
        "QuotaArn": f"arn:aws:servicequotas:{get_region()}::{service}/{code}",
        "Value": value,
        "Unit": "None",
    }
    answer: Response = json_response({"Quota": quota})
    return answer
