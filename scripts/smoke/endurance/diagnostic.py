"""The handler's diagnostic stream (container/src/diagnostics.mjs): how to ask for it, when it is whole."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from scripts.local.clock import HEADER as CLOCK_HEADER
from scripts.smoke import diagnosis
from scripts.smoke.access import Access
from scripts.smoke.client import Client, Response
from scripts.smoke.evidence import evidence
from scripts.smoke.model import NotCheckedError, Result, failed
from scripts.smoke.shapes import fields
from scripts.smoke.stream.recorder import Slowly
from scripts.smoke.stream.recording import Arrival, Recording
from scripts.smoke.stream.sender import Sender, stamp

_SHORT = (
    'this deployment allows short diagnostic streams only: set diagnostic_stream = "full" in '
    "terraform.tfvars.json, deploy, and set it back afterwards"
)


@dataclass(frozen=True)
class DiagnosticStream:
    """A stream to ask for. Times are those of the deployed clock.

    Attributes:
        chunks: Number of events, without the last one that ends the stream.
        interval: Seconds between two of them; 0: as fast as they are read.
        size: Characters that each carries.
        name: What each calls its stream.
        clock: How many times as fast a rehearsal runs.
    """

    chunks: int
    interval: float = 0.0
    size: int = 0
    name: str = ""
    clock: int = 1

    @property
    def path(self) -> str:
        """Path and query."""
        query: dict[str, int | str] = {"chunks": self.chunks, "interval_ms": round(self.interval * 1000)}
        query |= {"bytes": self.size} if self.size else {}
        query |= {"stream": self.name} if self.name else {}
        return f"/api/health/stream?{urlencode(query)}"

    def headers(self, access: Access) -> Mapping[str, str]:
        """Headers of one request."""
        return access.headers() | ({CLOCK_HEADER: str(self.clock)} if self.clock != 1 else {})

    @property
    def seconds(self) -> float:
        """How long the sender takes, on our clock."""
        return (self.chunks - 1) * self.interval / self.clock

    def sender(self, heartbeat: float | None = None) -> Sender:
        """What is known of the sender; `heartbeat` on the deployed clock."""
        return Sender(
            interval=self.interval / self.clock,
            events=self.chunks,
            counted="chunk",
            finished=lambda event: event.type == "done",
            sent_at=stamp,
            heartbeat=heartbeat / self.clock if heartbeat else None,
            clock=self.clock,
        )

    async def record(
        self, client: Client, access: Access, *, limit: float, slowly: Slowly | None = None
    ) -> Recording:
        """Ask for it and record it, as `Client.record` does."""
        return await client.record(self.path, headers=self.headers(access), limit=limit, slowly=slowly)


def refusal(answer: Recording) -> Result | None:
    """What is wrong with an answer that is no diagnostic stream; None when it is one.

    Raises:
        NotCheckedError: when the deployment has no such stream: it is switched off, or older.
    """
    if answer.is_event_stream:
        if not answer.header("x-environment-id"):
            raise NotCheckedError(
                "the handler that is deployed is older than this check: its diagnostic stream cannot do this"
            )
        return None
    response = Response.begun(answer)
    if answer.status == 400 and not diagnosis.is_html(response):
        reason = response.fields.get("error")
        if "DIAGNOSTIC_STREAM=short" in str(reason):
            raise NotCheckedError(_SHORT)
        raise NotCheckedError(
            f"the handler that is deployed refuses what this check asks for, an older one does: {reason}"
        )
    if answer.status in (200, 404):
        raise NotCheckedError("the diagnostic stream is switched off (DIAGNOSTIC_STREAM)")
    return failed(
        answer.kind,
        "200, text/event-stream",
        reason=diagnosis.explain_api(response),
        evidence=evidence(answer),
        details={"verdict": "no stream", "cause": "refused"},
    )


def environment(answer: Recording) -> str:
    """Which execution environment answered."""
    return answer.header("x-environment-id")


def flaw(stream: DiagnosticStream, answer: Recording) -> str:
    """What of the stream is not as it was sent; empty when it is whole.

    Every event must be there, once, in order and of this stream, and their data must have the hash that
    the sender has made of them.
    """
    chunks = answer.only("chunk").arrivals
    told = [fields(arrival.event.data) for arrival in chunks]
    strange = {str(data.get("stream", "")) for data in told} - {stream.name}
    if strange:
        return f"events of another stream came: {', '.join(sorted(strange))} in {stream.name or 'this one'}"
    numbers = [data.get("i") for data in told]
    if numbers != list(range(1, stream.chunks + 1)):
        return f"{len(numbers)} of {stream.chunks} events came, {_first_gap(numbers)}"
    done = answer.only("done").arrivals
    if not done:
        return "the last event, which ends the stream, is missing"
    if fields(done[0].event.data).get("sha256") != _hash(chunks):
        return "the data of the events are not those that were sent: their hash differs"
    return ""


def _first_gap(numbers: Sequence[Any]) -> str:
    for expected, number in enumerate(numbers, start=1):
        if number != expected:
            return f"where {expected} should be is {number}"
    return f"none after {len(numbers)}"


def _hash(chunks: Sequence[Arrival]) -> str:
    digest = hashlib.sha256()
    for arrival in chunks:
        digest.update(arrival.event.data.encode())
    return digest.hexdigest()
