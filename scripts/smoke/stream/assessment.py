"""A recording, measured, judged and explained: what the checks ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scripts.smoke.deployed import Deployed
from scripts.smoke.stream import figures as measuring
from scripts.smoke.stream.causes import Cause
from scripts.smoke.stream.explanation import explain
from scripts.smoke.stream.figures import Figures
from scripts.smoke.stream.recording import Recording, ms
from scripts.smoke.stream.sender import PING, Sender
from scripts.smoke.stream.verdict import Verdict, judge


@dataclass(frozen=True)
class Assessment:
    """What a recording shows.

    Attributes:
        recording: The whole response.
        sender: What was sent.
        figures: Of the events that count.
        verdict: How these travelled.
        cause: Why.
    """

    recording: Recording
    sender: Sender
    figures: Figures
    verdict: Verdict
    cause: Cause

    @property
    def shown(self) -> str:
        """The verdict with its main figures, in a line."""
        measured = self.figures
        return (
            f"{self.verdict}: {measured.events} events, first {measured.to_first_event * 1000:.0f} ms, gaps "
            f"{measured.gap_min * 1000:.0f}/{measured.gap_median * 1000:.0f}/{measured.gap_max * 1000:.0f} "
            f"ms, end {measured.total:.2f} s"
        )

    def details(self) -> dict[str, Any]:
        """Everything for JSON, and for pictures, which are drawn from nothing else. Times in milliseconds.

        ``arrivals_ms`` and ``sent_ms`` belong together one by one; the latter is on the sender's clock.
        """
        counted = self.recording.only(self.sender.counted)
        sent = [self.sender.sent_at(arrival.event) for arrival in counted.arrivals]
        told = [seconds for seconds in sent if seconds is not None]
        return {
            "verdict": str(self.verdict),
            "cause": self.cause.name,
            "interval_ms": ms(self.sender.interval),
            "expected": self.sender.events,
            **measuring.summary(self.figures),
            **moments(self.recording, counted),
            **({"sent_ms": [ms(seconds) for seconds in told]} if told and len(told) == len(sent) else {}),
        }


def assess(recording: Recording, sender: Sender, deployed: Deployed | None = None) -> Assessment:
    """Measure, judge and explain a response that is an event stream.

    Args:
        recording: The response.
        sender: What is known of the sender.
        deployed: What the account says is deployed: names the timeouts that may have cut the stream.
    """
    counted = recording.only(sender.counted)
    measured = measuring.figures(counted, interval=sender.interval, sent_at=sender.sent_at)
    verdict = judge(counted, measured, interval=sender.interval, sent_at=sender.sent_at)
    return Assessment(
        recording, sender, measured, verdict, explain(recording, measured, verdict, sender, deployed)
    )


def moments(recording: Recording, counted: Recording) -> dict[str, Any]:
    """What of a stream a picture shows and when it came, for JSON; `counted` has the events that count."""
    return {
        "comments": recording.comments,
        "lag_ms": ms(recording.lag),
        "arrivals_ms": [ms(arrival.at) for arrival in counted.arrivals],
        "heartbeats_ms": [ms(arrival.at) for arrival in recording.only(PING).arrivals],
        "stalls_ms": [[ms(stall.start), ms(stall.end)] for stall in recording.stalls],
    }
