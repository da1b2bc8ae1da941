"""The rehearsal's clock: how a stream that is silent for more than a minute is rehearsed in seconds.

A viewer who sends ``X-Rehearsal-Clock: 10`` gets every timeout of that request divided by ten: the
read timeout of the origin, the integration's and the idle timeout of API Gateway, the function's own.
Each is the one that Terraform deployed, so one that is too short cuts here what it would cut on AWS.
The handler's diagnostic stream divides its own times, too (``container/src/diagnostics.mjs``).

The local edge says so in the response; AWS knows nothing of the header and stays silent. So whoever
asks sees which clock runs, and no test of an address is needed. Rates and sizes are not times, and a
cold start takes what it takes: nothing else is changed.
"""

from __future__ import annotations

HEADER = "X-Rehearsal-Clock"
"""Of the request, and of the response where the clock was changed."""

FASTEST = 100


def parse(value: str) -> int:
    """How many times as fast the clock runs that a header asks for; 1 for anything else."""
    return int(value) if value.isascii() and value.isdigit() and 1 <= int(value) <= FASTEST else 1
