"""ssm:GetParameters is authorized for every parameter it names.

Restores https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html:
the action's resource is the parameter, so that a policy which lists the ARNs permits the call, and one
ARN that is missing refuses it whole. MiniStack asks for the right to ``*``.
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from typing import Any

from scripts.local.extensions import Context, replace

_ACTION = "ssm:GetParameters"

_named: ContextVar[tuple[str, ...]] = ContextVar("parameters named by the request", default=())


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
            _named.set(())
            if headers.get("x-amz-target", "").endswith(".GetParameters"):
                names = json.loads(body or b"{}").get("Names", [])
                _named.set(tuple(_arn(name, region, account) for name in names))
            return found

        return extract_resource_arn

    def asking(original: Any) -> Any:
        def enforce(key: str, action: str, service: str, region: str, *rest: Any, **more: Any) -> Any:
            if action != _ACTION or not _named.get():
                return original(key, action, service, region, *rest, **more)
            for arn in _named.get():
                refusal = original(key, action, service, region, **{**more, "resource_arn": arn})
                if refusal:
                    return refusal
            return None

        return enforce

    replace(iam_actions, "extract_resource_arn", finding)
    replace(iam_evaluator, "enforce", asking)


def _arn(name: str, region: str, account: str) -> str:
    """A parameter's ARN from what GetParameters takes: its ARN, or its name with or without a version."""
    if name.startswith("arn:"):
        return name
    return f"arn:aws:ssm:{region}:{account}:parameter/{name.split(':')[0].lstrip('/')}"
