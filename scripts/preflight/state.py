"""The home of Terraform's state: ours, or still to be made."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.aws import Aws
from scripts.preflight.model import Finding, ok
from scripts.preflight.runner import Probe
from scripts.settings import Settings

GROUP = "Account"


def probes(settings: Settings, aws: Aws, needs: tuple[str, ...]) -> Iterator[Probe]:
    """One look at the bucket or the directory."""
    yield Probe(GROUP, "state", lambda: _look(settings, aws), needs)


def _look(settings: Settings, aws: Aws) -> Finding:
    from scripts.state import state_of

    state = state_of(settings, aws)
    if not state.exists():
        return ok(f"{state.home} is not there yet; the first deploy makes it")
    return ok(f"{state.home} is ours{'' if state.has_state() else ', without a state so far'}")
