"""Why a stream travelled as it did: each cause with a name for programs, and a sentence and the next step for
people. Which one applies is decided in `explanation`.
"""

from __future__ import annotations

from dataclasses import dataclass

from scripts.smoke.deployed import Deployed
from scripts.smoke.stream.figures import Figures
from scripts.smoke.stream.recording import Recording
from scripts.smoke.stream.sender import Sender, is_new_environment, is_warm_environment
from scripts.smoke.stream.verdict import held_limit

FIRST_EVENT_SECONDS = 3.0
"""A warm function's first event. Lambda serves one request per environment, so a stream beside another one
may wait for a cold start: a longer wait is measured again."""


@dataclass(frozen=True)
class Cause:
    """What explains a stream.

    Attributes:
        name: For programs; the ones that there are stand in docs/smoke.md.
        sentence: What happened, with the figures that show it.
        next_step: Where to look; empty when nothing is wrong.
    """

    name: str
    sentence: str
    next_step: str = ""

    @property
    def text(self) -> str:
        """Both, for a report."""
        return f"{self.sentence} {self.next_step}".strip()


def buffered_whole(measured: Figures, deployed: Deployed | None) -> Cause:
    """Nothing came until the end."""
    held = f" An event waited up to {measured.held:.1f} s on the way." if measured.held else ""
    return Cause(
        "buffered_whole",
        f"The stream came in one burst after {measured.to_first_event:.1f} s: it was buffered whole.{held}",
        what_buffers(deployed),
    )


def buffered_blocks(measured: Figures, deployed: Deployed | None) -> Cause:
    """Several events at a time."""
    size = "exactly" if measured.even_blocks else "about"
    return Cause(
        "buffered_blocks",
        f"{measured.events} events came in {measured.bursts} blocks of {size} {measured.block_size} bytes: "
        "something on the way fills a buffer before it passes on.",
        f"{what_buffers(deployed)} Look also at backpressure in the handler.",
    )


def progressive(measured: Figures, sender: Sender) -> Cause:
    """As it should be, and how far from it."""
    together = round(measured.burst_share * measured.events)
    alone = (
        f"{together} of {measured.events} events came together with another, at most "
        f"{measured.largest_burst} at once"
        if together
        else "Every event came on its own"
    )
    held = ""
    if measured.held_back is not None:
        limit = f" (limit {_ms(held_limit(sender.interval))})" if sender.interval else ""
        held = f", and none was held for more than {_ms(measured.held_back)}{limit}"
    return Cause("progressive", f"{alone}{held}.")


def held_back(measured: Figures, sender: Sender, deployed: Deployed | None) -> Cause:
    """The sender's stamps show that events waited on the way."""
    held, behind = measured.held or 0.0, measured.behind or 0.0
    how = (
        f"Even the event that travelled fastest came {behind:.1f} s later than the headers"
        if behind > held
        else f"An event travelled {held:.1f} s longer than the one that travelled fastest"
    )
    return Cause(
        "held_back",
        f"{how}, by the times of sending that the events carry (limit {held_limit(sender.interval):.1f} s).",
        what_buffers(deployed),
    )


def squeezed(measured: Figures, sender: Sender, deployed: Deployed | None) -> Cause:
    """Held back at first, then sent at a faster pace."""
    return Cause(
        "squeezed",
        f"{measured.events} events that were sent over {sender.seconds:.1f} s came within "
        f"{measured.spread:.1f} s: the first ones were held back.",
        what_buffers(deployed),
    )


def compressed(recording: Recording, deployed: Deployed | None, seen: str = "") -> Cause:
    """A content coding, whatever the events look like that came through it: `seen` says that."""
    where = (
        "compress is false on the API behavior, so it is the app: it"
        if deployed and deployed.compress is False
        else "compress must be false on the API behavior, and the app"
    )
    return Cause(
        "compressed",
        f"The stream is compressed ({recording.header('content-encoding')}), and compressing collects before "
        f"it passes on.{seen}",
        f"{where} must not compress event streams (no-transform).",
    )


def heartbeat_comments(recording: Recording) -> Cause:
    """Heartbeats that harm."""
    return Cause(
        "heartbeat_comments",
        f"The stream holds {recording.comments} comment lines, and LibreChat's client (sse.js 2.5.0) "
        "takes a comment for an empty message and fails.",
        "A heartbeat must be an event of its own type, such as `event: ping`.",
    )


def heartbeat_missing(measured: Figures, heartbeat: float) -> Cause:
    """A silence in which at least one ping was due."""
    return Cause(
        "heartbeat_missing",
        f"The stream was silent for {measured.silence:.1f} s, and a ping was due every {heartbeat:g} s.",
        "Look at SSE_HEARTBEAT_MS of the function; where it is set, something on the way drops "
        "`event: ping`. Without it a silence ends at origin_read_timeout.",
    )


def late(recording: Recording, measured: Figures) -> Cause:
    """A first event that a warm function would have sent earlier."""
    waited = f"The first event came after {measured.to_first_event:.1f} s (limit {FIRST_EVENT_SECONDS:g} s)"
    if measured.to_headers > FIRST_EVENT_SECONDS:
        connected = f", the connection after {measured.to_connection:.1f} s" if measured.to_connection else ""
        new = " The handler says that its environment was new." if is_new_environment(recording) else ""
        return Cause(
            "late_headers",
            f"{waited}, the headers after {measured.to_headers:.1f} s{connected}.{new}",
            "The function starts cold for every stream, or the handler waits before it sends the prelude.",
        )
    return Cause(
        "late_first_event",
        f"{waited}, and the headers already after {measured.to_headers:.1f} s.",
        "The function was there: the app is slow to begin, or something on the way holds the first bytes.",
    )


def began_late(first: Recording, measured: Figures) -> Cause:
    """For a stream that began late, and at once when it was measured again.

    A buffer would have brought its events together; only the first one was late. Where the handler says that
    its environment was warm, it was no cold start either, and what it was is not known.
    """
    waited = f"The first event came after {measured.to_first_event:.1f} s"
    if is_warm_environment(first):
        served = first.header("x-environment-invocations")
        return Cause(
            "late_once",
            f"{waited}, though the environment was warm (its request no. {served}); the next measurement "
            "began at once.",
            "If it comes again, look at the function's log.",
        )
    new = is_new_environment(first)
    how = "the handler says that its environment was new" if new else "the next measurement began at once"
    return Cause("cold_start", f"{waited}: {how}.")


def unsure(recording: Recording) -> Cause:
    """Our own stalls explain as much as a buffer would."""
    return Cause(
        "unsure",
        f"This machine stood still for up to {recording.lag * 1000:.0f} ms while the events came.",
        "Run `inv smoke` again when it is less busy.",
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def what_buffers(deployed: Deployed | None) -> str:
    """What buffers most likely: what the account admits, else what it does not rule out."""
    mode, compress = (deployed.transfer_mode, deployed.compress) if deployed else ("", None)
    if "BUFFERED" in mode:
        return f"responseTransferMode of the integration is {mode}: it must be STREAM."
    if compress:
        return "compress is true on the API behavior: it must be false."
    if mode == "STREAM" and compress is False:
        return (
            "The API says responseTransferMode STREAM and its behavior does not compress, so the stage "
            "serves an older deployment, or something else on the way buffers."
        )
    return (
        "responseTransferMode is not STREAM (or the stage serves an older deployment), or something on the "
        "way buffers: compress must be false on the API behavior."
    )
