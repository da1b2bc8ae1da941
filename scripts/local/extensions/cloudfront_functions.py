"""CloudFront functions wait for one of the Node workers that MiniStack keeps, instead of starting one each.

MiniStack keeps two idle workers. For every further call at the same moment it starts a Node and ends it
afterwards, which takes far longer than the function; and a browser asks for six files at once. Nothing
waits for itself: a function of CloudFront can call nobody.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-javascript-runtime-20.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from scripts.local.extensions import Context, replace

Evaluate = Callable[[bytes, Mapping[str, Any]], Any]


def install(context: Context) -> None:
    """Let no more functions run at once than there are workers to keep."""
    from ministack.core import cloudfront_js

    replace(cloudfront_js, "evaluate", lambda original: at_most(cloudfront_js._MAX_IDLE, original))


def at_most(number: int, evaluate: Evaluate) -> Evaluate:
    """`evaluate`, by no more than `number` callers at once; the others wait."""
    free = threading.Semaphore(number)

    def waiting(code: bytes, event: Mapping[str, Any]) -> Any:
        with free:
            return evaluate(code, event)

    return waiting
