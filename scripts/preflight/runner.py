"""Runs checks side by side, each with an end: a look that hangs becomes "not checked", never a wait.

Knows nothing of what is looked at.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scripts.aws import error_code
from scripts.errors import DeployError
from scripts.preflight.model import Check, Finding, Report, Status, failed, not_checked

PATIENCE = 7.0
"""Seconds for one check, and nearly those of a whole `inv doctor`, which answers in under ten."""

_WHOLE_RUN = 1.1
"""The end of a run, in patiences: a check that had to wait for another gets what is left."""


@dataclass(frozen=True)
class Probe:
    """A look that can be taken.

    Attributes:
        group: Heading in the report.
        name: What is looked at; unique within a run.
        look: Takes the look. What it raises is explained by `explained`.
        needs: Names of probes without whose success this one would only repeat their failure. Those
            that are not part of the run have been met before it.
        vital: Nothing can be deployed without an answer: none within the patience is a failure.
    """

    group: str
    name: str
    look: Callable[[], Finding]
    needs: tuple[str, ...] = ()
    vital: bool = False


def run(probes: Sequence[Probe], patience: float = PATIENCE) -> Report:
    """Take all looks, each as early as possible.

    Args:
        probes: In the order in which they are shown.
        patience: Seconds for one look; the run ends a little later, whatever hangs.
    """
    names = {probe.name for probe in probes}
    started = time.monotonic()
    end = started + patience * _WHOLE_RUN
    waiting = list(probes)
    running: dict[str, tuple[Probe, float]] = {}
    done: dict[str, Check] = {}
    answers: queue.SimpleQueue[tuple[str, Finding]] = queue.SimpleQueue()

    def conclude(probe: Probe, finding: Finding, took: float) -> None:
        done[probe.name] = Check(probe.group, probe.name, finding.status, finding.found, finding.remedy, took)

    while len(done) < len(probes):
        ready = [probe for probe in waiting if done.keys() >= names.intersection(probe.needs)]
        for probe in ready:
            waiting.remove(probe)
            unmet = next((done[need] for need in probe.needs if need in done and _unmet(done[need])), None)
            if unmet is not None:
                fate = "failed" if unmet.status is Status.FAILED else "was not checked"
                conclude(probe, not_checked(f"needs {unmet.name}, which {fate}"), 0.0)
                continue
            running[probe.name] = (probe, time.monotonic())
            # Daemon threads: a request that hangs must not hold up the end of the program.
            threading.Thread(target=_work, args=(probe, answers), name=probe.name, daemon=True).start()
        if not running:
            if not ready:
                raise ValueError(f"checks wait for each other: {[probe.name for probe in waiting]}")
            continue  # all that was ready had nothing to look at; others may be ready now
        deadline = min(end, min(since for _, since in running.values()) + patience)
        try:
            name, finding = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            now = time.monotonic()
            for probe, since in [late for late in running.values() if now >= min(end, late[1] + patience)]:
                del running[probe.name]
                conclude(probe, _silent(probe, now - since), now - since)
            continue
        if name in running:  # an answer after its time is not looked at
            probe, since = running.pop(name)
            conclude(probe, finding, time.monotonic() - since)
    return Report(tuple(done[probe.name] for probe in probes), time.monotonic() - started)


def explained(error: Exception) -> Finding:
    """What an error says about the thing that was looked at.

    A refusal of AWS is about the thing (it is not there, its id is malformed). A lack of permission,
    throttling, a fault of AWS's own or a network without an answer is about us: the thing is not checked.
    """
    if isinstance(error, DeployError):
        return failed(": ".join(filter(None, (error.what, error.why))), error.next_step)
    code = error_code(error)
    operation = getattr(error, "operation_name", "")
    if code in _DENIED:
        return not_checked(
            f"these credentials may not call {operation}", f"Grant it to have this checked ({code})."
        )
    if code in _BUSY or _status(error) >= 500:
        return not_checked(f"AWS could not answer {operation}: {error}", "Try again in a minute.")
    if code:
        return failed(_message(error), "Correct terraform.tfvars.json, or create what is missing.")
    of_the_client = type(error).__module__.startswith(("botocore", "urllib3"))
    if of_the_client or isinstance(error, ConnectionError | TimeoutError):
        return not_checked(f"AWS was not reached: {error}", "Check the network and the proxy settings.")
    return not_checked(f"this look failed: {type(error).__name__}: {error}", "Report it if it happens again.")


_DENIED = {
    "403",
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "UnauthorizedOperation",
}
_BUSY = {
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}


def _silent(probe: Probe, took: float) -> Finding:
    found, remedy = f"no answer within {took:.0f} s", "Check the network and the proxy settings."
    return failed(found, remedy) if probe.vital else not_checked(found)


def _unmet(check: Check) -> bool:
    return check.status in (Status.FAILED, Status.NOT_CHECKED)


def _work(probe: Probe, answers: queue.SimpleQueue[tuple[str, Finding]]) -> None:
    try:
        finding = probe.look()
    except Exception as error:
        finding = explained(error)
    answers.put((probe.name, finding))


def _status(error: Exception) -> int:
    response = getattr(error, "response", None)
    metadata = response.get("ResponseMetadata", {}) if isinstance(response, dict) else {}
    return int(metadata.get("HTTPStatusCode", 0))


def _message(error: Exception) -> str:
    """AWS's own sentence, without botocore's preamble."""
    response = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Message", "")) or str(error)
