"""Tells the data plane that what is deployed changed.

No AWS behaviour: the edge, the Lambda service and the VPC network keep what they read from the
control plane until the generation file changes (`scripts.local.generation`).
"""

from __future__ import annotations

from contextvars import copy_context
from typing import Any
from urllib.parse import parse_qs

from scripts.local.extensions import Context, Response, replace
from scripts.local.generation import touch

_REST = ("apigateway", "cloudfront", "lambda")
_QUERY = ("ec2", "elasticache")
_INVOCATIONS = ("/invocations", "/response-streaming-invocations")
_ACTIVE = {
    "State": "Active",
    "StateReason": "",
    "StateReasonCode": "",
    "LastUpdateStatus": "Successful",
    "LastUpdateStatusReason": "",
    "LastUpdateStatusReasonCode": "",
}


def install(context: Context) -> None:
    """Touch the generation file after every successful change of the deployed architecture."""
    from ministack import app
    from ministack.services import lambda_svc

    def touching(service: str, original: Any) -> Any:
        async def handle(
            method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
        ) -> Response:
            response: Response = await original(method, path, headers, body, query)
            if response[0] < 400 and changes(service, method, path, body, query):
                touch(context.generation)
            return response

        return handle

    for service in (*_REST, *_QUERY, "s3"):
        app.SERVICE_HANDLERS[service] = touching(service, app.SERVICE_HANDLERS[service])

    def settling(_: Any) -> Any:
        def schedule(name: str, delay: float) -> None:
            # A function becomes Active after the call that caused it, when the data plane has already
            # read "Pending". There is nothing to wait for here: right after the response, and touch.
            def settle() -> None:
                for function in filter(None, [lambda_svc._functions.get(name)]):
                    versions = [version["config"] for version in function["versions"].values()]
                    for config in (function["config"], *versions):
                        config |= _ACTIVE
                touch(context.generation)

            app._MAIN_LOOP.call_soon_threadsafe(settle, context=copy_context())

        return schedule

    replace(lambda_svc, "_schedule_state_transition", settling)


def changes(service: str, method: str, path: str, body: bytes, query: dict[str, Any]) -> bool:
    """Whether a successful request changed something that the data plane reads."""
    if service in _QUERY:
        return not action({}, body, query).startswith(("Describe", "Get", "List"))
    if service == "s3":
        return method in ("PUT", "DELETE") and "policy" in query
    return method not in ("GET", "HEAD") and not path.endswith(_INVOCATIONS)


def action(headers: dict[str, str], body: bytes, query: dict[str, Any]) -> str:
    """The name of a JSON or query protocol's action; ``""`` for a REST call."""
    if target := headers.get("x-amz-target"):
        return target.rpartition(".")[2]
    if "Action" in query:
        return str(query["Action"][0])
    if not body.startswith(b"Action=") and b"&Action=" not in body[:4096]:
        return ""
    return parse_qs(body.decode("latin-1")).get("Action", [""])[0]
