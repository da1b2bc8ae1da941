"""A client that leaves in the middle: the next one is served as if nothing had happened.

The function is not told. "Streamed responses are not interrupted or stopped when the invoking client
connection is broken. Customers will be billed for the full function duration."
https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
So its environment is busy until its stream ends, and the next client gets another one. What must not happen
is that it waits for the reader that left, up to its timeout.
"""

from __future__ import annotations

import asyncio
import time

import httpx

from scripts.smoke.access import Access
from scripts.smoke.client import Client
from scripts.smoke.endurance.conclusion import conclude
from scripts.smoke.endurance.diagnostic import DiagnosticStream, environment, flaw, refusal
from scripts.smoke.endurance.rehearsal import rehearsal_clock
from scripts.smoke.model import Result
from scripts.smoke.site import Site
from scripts.smoke.stream.assessment import assess
from scripts.smoke.stream.causes import Cause
from scripts.smoke.stream.recorder import header_lines
from scripts.smoke.stream.recording import Recording

LEFT = DiagnosticStream(chunks=100, interval=0.02, size=65_536, name="left")
"""6.5 MB: more than what lies between us takes, so that the handler is writing while nobody reads."""

NEXT = DiagnosticStream(chunks=10, interval=0.1, name="next")
READ_BYTES = 200_000

_WAITS = Cause(
    "waits_for_nobody",
    "The handler goes on after its stream should have ended: it waits for a reader that left, and each such "
    "client costs the function's whole timeout.",
    "What is written after the client left must be thrown away, or the write must fail "
    "(container/src/response.mjs).",
)
_PATIENCE_SECONDS = 20.0
_PAUSE_SECONDS = 1.0


async def leaving_client(site: Site) -> Result:
    """Open a large stream, read a little, leave; then be the next client."""
    await site.need_api()
    access = await site.access()
    deployed = await site.deployed()
    rehearsed = await rehearsal_clock(site) != 1
    begun = await _leave(site.client, access)
    if refused := refusal(begun):
        return refused
    left_at = time.perf_counter()
    after = await NEXT.record(site.client, access, limit=site.settings.cold_start)
    if refused := refusal(after):
        return refused
    found = assess(after, NEXT.sender(), deployed)
    measured = f"next stream after {found.figures.to_first_event * 1000:.0f} ms"
    details = found.details()
    trouble = None
    if wrong := flaw(NEXT, after) or after.fault:
        trouble = Cause(
            "disturbed", f"A client that left disturbs the next one: {wrong}.", "Look at the function's log."
        )
    else:
        same = environment(after) == environment(begun)
        free_after = 0.0 if same else await _seen_again(site.client, access, environment(begun), left_at)
        measured += f", {_where(same, free_after)}"
        details |= {"same_environment": same, "free_after_seconds": free_after}
        if free_after is None and rehearsed:
            trouble = _WAITS
    return conclude(
        "undisturbed",
        trouble,
        measured=measured,
        limit="the next stream is whole",
        details=details,
        recording=after,
    )


async def _leave(client: Client, access: Access) -> Recording:
    start = time.perf_counter()
    head = bytearray()
    async with client.open(LEFT.path, headers=LEFT.headers(access), limit=client.timeout) as response:
        async for part in response.aiter_raw():
            head += part
            if len(head) >= READ_BYTES:
                break
    at = time.perf_counter() - start
    return Recording(response.status_code, header_lines(response), at, (), (), at, bytes(head))


async def _seen_again(client: Client, access: Access, wanted: str, since: float) -> float | None:
    """Seconds after which the environment took a request again, None when it was not seen.

    Which environment takes a request is Lambda's choice: more and more at once, until all have their turn.
    """
    at_once = 2
    short = DiagnosticStream(chunks=2, interval=0.3)
    while (waited := time.perf_counter() - since) < _PATIENCE_SECONDS:
        answers = await asyncio.gather(
            *(short.record(client, access, limit=client.timeout) for _ in range(at_once)),
            return_exceptions=True,
        )
        for answer in answers:
            if isinstance(answer, Recording) and environment(answer) == wanted:
                return round(waited, 1)
            if isinstance(answer, BaseException) and not isinstance(answer, httpx.HTTPError):
                raise answer
        at_once = min(at_once + 1, 4)
        await asyncio.sleep(_PAUSE_SECONDS)
    return None


def _where(same: bool, free_after: float | None) -> str:
    if same:
        return "from the same environment: it was free at once"
    if free_after is None:
        return f"from another environment; the one left behind was not seen again in {_PATIENCE_SECONDS:g} s"
    return f"from another environment; the one left behind was free after {free_after:.1f} s at the latest"
