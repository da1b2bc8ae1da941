"""20 MB in one stream: nothing lost, nothing changed, and not collected before it is passed on."""

from __future__ import annotations

from scripts.smoke.endurance.conclusion import conclude
from scripts.smoke.endurance.diagnostic import DiagnosticStream, flaw, refusal
from scripts.smoke.endurance.flight import megabytes, most_on_the_way
from scripts.smoke.model import Result
from scripts.smoke.site import Site
from scripts.smoke.stream.assessment import assess
from scripts.smoke.stream.causes import Cause
from scripts.smoke.stream.recording import Recording

CHUNKS, SIZE = 320, 65_536
"""20 MiB, the most that the handler's route sends."""

LIMIT_SECONDS = 130.0
"""The handler ends its diagnostic stream after 120 s."""

# More of a stream on the way at once than this: something waits for all of it.
_WHOLE_SHARE = 0.95
_MIB = 1024 * 1024


async def large_stream(site: Site) -> Result:
    """As fast as it goes, every byte compared with what was sent."""
    await site.need_api()
    access = await site.access()
    deployed = await site.deployed()
    stream = DiagnosticStream(CHUNKS, size=SIZE)
    recording = await stream.record(site.client, access, limit=LIMIT_SECONDS)
    if refused := refusal(recording):
        return refused
    found = assess(recording, stream.sender(), deployed)
    size = found.figures.size
    seconds = found.figures.total - found.figures.to_first_byte
    rate = size / max(seconds, 1e-3)
    ahead, least = most_on_the_way(recording), least_seconds(size)
    return conclude(
        "whole",
        damage(stream, recording, found.cause) or collected(stream, ahead),
        measured=f"{megabytes(size)} in {seconds:.1f} s ({megabytes(rate)}/s), at most {megabytes(ahead)} on "
        "the way",
        limit=f"whole, by its hash; on AWS in {least:.0f} s or more, as bandwidth is capped",
        details=found.details()
        | {
            "seconds": round(seconds, 2),
            "bytes_per_second": round(rate),
            "on_the_way_bytes": ahead,
            "least_seconds_on_aws": round(least, 1),
        },
        recording=recording,
    )


def damage(stream: DiagnosticStream, recording: Recording, cause: Cause) -> Cause | None:
    """What is missing of a stream, or changed in it; None when it is whole.

    Args:
        stream: What was asked for.
        recording: What came.
        cause: Why the stream was cut, if it was, as `assess` says. Its rules for buffers are for events that
            are sent apart, and say nothing here.
    """
    if cause.name == "compressed" or cause.name.startswith(("cut_", "ended_")):
        return cause
    if wrong := flaw(stream, recording):
        sentence = f"Not every byte arrived as it was sent: {wrong}."
        return Cause("damaged", sentence, "Look at the function's log.")
    return None


def collected(stream: DiagnosticStream, ahead: int) -> Cause | None:
    """Whether something waited for all of the stream before it passed any of it on."""
    if ahead <= _WHOLE_SHARE * stream.chunks * stream.size:
        return None
    return Cause(
        "buffered_whole",
        "The sender had finished before anything arrived: something on the way collects the whole response.",
        "Look at responseTransferMode of the integration (STREAM) and compress of the API behavior (false).",
    )


def least_seconds(size: int) -> float:
    """How long AWS takes for so many bytes, at least: Lambda caps the bandwidth after 6 MB, API Gateway
    after 10 MB, both at 2 MB/s.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html#config-rs-bandwidth-cap
    https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode.html
    """
    return max(0.0, max(size - uncapped * _MIB for uncapped in (6, 10)) / (2 * _MIB))
