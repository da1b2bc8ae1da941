"""The resources on which requests of the function's role are authorized.

Restores, where MiniStack asks for the right to ``*`` or to a log group's bare ARN:

- ssm:GetParameters needs the right to every parameter it names, so that a policy which lists the ARNs
  permits the call and one that is missing refuses it whole
  (https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html);
- writing logs needs the right to ``log-group:NAME:log-stream:STREAM``, which is why policies end in ``:*``
  (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html).
"""

from __future__ import annotations

import json
from typing import Any

from scripts.local.extensions import Context, replace

_LOG_WRITES = ("CreateLogGroup", "CreateLogStream", "PutLogEvents")


def install(context: Context) -> None:
    """Wrap the place where a request's resource is found."""
    from ministack.core import iam_actions

    def finding(original: Any) -> Any:
        def extract_resource_arn(
            service: str,
            method: str,
            path: str,
            headers: dict[str, str],
            body: bytes,
            query: dict[str, Any],
            region: str,
            account: str,
        ) -> str:
            found = str(original(service, method, path, headers, body, query, region, account))
            action = headers.get("x-amz-target", "").rpartition(".")[2]
            if service == "ssm" and action == "GetParameters":
                arns = [_parameter_arn(name, region, account) for name in _json(body).get("Names", ())]
                # The caller asks for the right to one resource and names it when refused: the first
                # parameter that is refused, if any is.
                refused = (arn for arn in arns if _refused(headers, query, region, arn))
                return next(refused, arns[0] if arns else found)
            if service == "logs" and action in _LOG_WRITES:
                return f"{found}:log-stream:{_json(body).get('logStreamName', '')}"
            return found

        return extract_resource_arn

    replace(iam_actions, "extract_resource_arn", finding)


def _refused(headers: dict[str, str], query: dict[str, Any], region: str, arn: str) -> bool:
    from ministack.core.iam_evaluator import enforce
    from ministack.core.router import extract_access_key_id

    key = extract_access_key_id(headers, query)
    return enforce(key, "ssm:GetParameters", "ssm", region, resource_arn=arn) is not None


def _json(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _parameter_arn(name: str, region: str, account: str) -> str:
    """A parameter's ARN from what GetParameters takes: its ARN, or its name with or without a version."""
    if name.startswith("arn:"):
        return name
    return f"arn:aws:ssm:{region}:{account}:parameter/{name.split(':')[0].lstrip('/')}"
