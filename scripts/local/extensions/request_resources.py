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
from contextvars import ContextVar
from typing import Any

from scripts.local.extensions import Context, replace

_LOG_WRITES = ("CreateLogGroup", "CreateLogStream", "PutLogEvents")

_parameters: ContextVar[tuple[str, ...]] = ContextVar("parameters named by the request", default=())


def install(context: Context) -> None:
    """Wrap the place where a request's resource is found, and the one where its policies are asked."""
    from ministack.core import iam_actions, iam_evaluator

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
            named = _json(body).get("Names", []) if action == "GetParameters" else []
            _parameters.set(tuple(_parameter_arn(name, region, account) for name in named))
            if service == "logs" and action in _LOG_WRITES:
                return f"{found}:log-stream:{_json(body).get('logStreamName', '')}"
            return found

        return extract_resource_arn

    def asking(original: Any) -> Any:
        def enforce(key: str, action: str, service: str, region: str, *rest: Any, **more: Any) -> Any:
            if action != "ssm:GetParameters" or not _parameters.get():
                return original(key, action, service, region, *rest, **more)
            for arn in _parameters.get():
                refusal = original(key, action, service, region, **{**more, "resource_arn": arn})
                if refusal:
                    return refusal
            return None

        return enforce

    replace(iam_actions, "extract_resource_arn", finding)
    replace(iam_evaluator, "enforce", asking)


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
