"""CloudFront functions can be edited, and wait for one of the Node workers that MiniStack keeps.

UpdateFunction answers with the header ``ETtag``, which AWS spells so; SDKs and Terraform read no other.
https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_UpdateFunction.html#API_UpdateFunction_ResponseElements

MiniStack keeps two idle workers. For every further call at the same moment it starts a Node and ends it
afterwards, which takes far longer than the function; and a browser asks for six files at once. Nothing
waits for itself: a function of CloudFront can call nobody.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-javascript-runtime-20.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from scripts.local.extensions import Context, Response, replace

Evaluate = Callable[[bytes, Mapping[str, Any]], Any]


def install(context: Context) -> None:
    """Let no more functions run at once than there are workers to keep; show the version of an edited one."""
    from ministack.core import cloudfront_js
    from ministack.services import cloudfront

    replace(cloudfront_js, "evaluate", lambda original: at_most(cloudfront_js._MAX_IDLE, original))
    replace(cloudfront, "_cf_update_function", _with_version)


def at_most(number: int, evaluate: Evaluate) -> Evaluate:
    """`evaluate`, by no more than `number` callers at once; the others wait."""
    free = threading.Semaphore(number)

    def waiting(code: bytes, event: Mapping[str, Any]) -> Any:
        with free:
            return evaluate(code, event)

    return waiting


def _with_version(original: Callable[..., Response]) -> Callable[..., Response]:
    def update(name: str, headers: Mapping[str, str], body: bytes) -> Response:
        status, answered, content = original(name, headers, body)
        version = {"ETtag": answered["ETag"]} if "ETag" in answered else {}
        return status, {**answered, **version}, content

    return update
