"""The commands that only look, and are short: ``inv outputs``, ``status``, ``drift``."""

from __future__ import annotations

import difflib
from dataclasses import replace

from scripts.errors import DeployError, ExitStatus
from scripts.outcomes import Values
from scripts.pipeline import deployed
from scripts.pipeline.stages import found
from scripts.session import Session


def outputs(session: Session, name: str = "") -> ExitStatus:
    """Show Terraform's outputs, without sensitive ones; with a name the value of that one alone.

    Raises:
        DeployError: when there is no output of that name.
    """
    with found(session):
        values = deployed.outputs(session)
    if name and name not in values:
        near = difflib.get_close_matches(name, values, n=1)
        raise DeployError(
            f"There is no output {name}",
            f"The outputs are {', '.join(sorted(values))}.",
            f"Did you mean {near[0]}?" if near else "Choose one of them.",
        )
    if name and not session.console.json_lines:
        session.console.value(values[name])
    else:
        session.console.show(Values("outputs", {name: values[name]} if name else values))
    return ExitStatus.OK


def status(session: Session, *, drift: bool = False) -> ExitStatus:
    """Show what is there, without starting or changing anything.

    Args:
        session: The session.
        drift: Look for drift, too, when there is something to compare. That it fails is one of the
            problems that are shown.
    """
    from scripts import status as facts

    seen = facts.collect(session.settings)
    if drift and seen.deployed:
        try:
            with found(session), session.steps.step("look for drift"):
                seen = replace(seen, drift=deployed.look_for_drift(session))
        except DeployError as error:
            problem = f"drift: {error.what}. {error.why}".strip()
            seen = replace(seen, problems=(*seen.problems, problem))
    session.console.show(seen)
    return ExitStatus.OK


def drift(session: Session) -> ExitStatus:
    """Show what was changed or removed outside Terraform. Changes nothing and takes no lock.

    Raises:
        DeployError: when nothing differs in what could be compared, and not everything could:
            "no drift" must mean that it was looked for everywhere.
    """
    with found(session):
        deployed.require(session)
        if lock := session.state.lock():
            session.console.warn(
                f"The state is locked by {lock.described()}. What differs may be that run's own work."
            )
        with session.steps.step("look for drift"):
            seen = deployed.look_for_drift(session)
    session.console.show(seen)
    if seen.incomplete and not seen.found:
        raise DeployError(
            "Drift could not be looked for everywhere",
            seen.incomplete,
            "Correct the cause; inv plan shows it whole.",
        )
    if seen.incomplete:
        session.console.warn(f"Not everything could be compared: {seen.incomplete}")
    return ExitStatus.CHANGES_PENDING if seen.found else ExitStatus.OK
