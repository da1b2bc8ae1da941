"""From what was measured to a result, the same way for all of these checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scripts.smoke.evidence import evidence
from scripts.smoke.model import Result, failed, passed
from scripts.smoke.stream.causes import Cause
from scripts.smoke.stream.recording import Recording


def conclude(
    good: str,
    trouble: Cause | None,
    *,
    measured: str,
    limit: str,
    details: Mapping[str, Any],
    recording: Recording | None,
) -> Result:
    """Passed with the cause `good`, or failed for `trouble`; `recording` is the evidence."""
    name = trouble.name if trouble else good
    verdict = "cut off" if name.startswith("cut_") else name.replace("_", " ")
    told = {**details, "verdict": verdict, "cause": name}
    if trouble is None:
        return passed(measured, limit, details=told)
    return failed(
        measured,
        limit,
        reason=trouble.text,
        evidence=evidence(recording) if recording else "",
        details={**told, "explanation": trouble.text},
    )
