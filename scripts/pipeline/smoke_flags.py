"""What the flags of ``inv smoke`` may say, and the question that one of them asks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from scripts.errors import DeployError, ExitStatus
from scripts.session import Session

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}

LEAST_SECONDS, LEAST_SECONDS_CHAT, LEAST_SECONDS_LONG = 10, 120, 900
"""The shortest interval of a watch that looks at another machine: others use it, too. LibreChat takes seven
logins in five minutes from an address before it may ban (LOGIN_MAX, LOGIN_WINDOW); a run of ``--long`` takes
minutes, and much of the account's concurrency."""


@dataclass(frozen=True)
class Wanted:
    """What was asked for, as the flags have it.

    Attributes:
        only: Ids of the checks to run; empty: all.
        skip: Ids of the checks to leave out.
        chat: Also the checks that talk to a model.
        long: Also those of long, large and many streams.
        base_url: Any deployment; None: the one of the target.
        report: File for the page; empty: none.
        junit: File for CI; empty: none.
        watch: The time from start to start, such as ``60`` or ``5m``; empty: one run.
        until_failed: End the watch at the first run that fails.
    """

    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    chat: bool = False
    long: bool = False
    base_url: str | None = None
    report: str = ""
    junit: str = ""
    watch: str = ""
    until_failed: bool = False


def interval(wanted: Wanted, *, remote: bool = False) -> float:
    """The seconds of ``--watch``; 0 without it.

    Args:
        wanted: What was asked for.
        remote: Whether another machine is watched: then there is a shortest interval.

    Raises:
        DeployError: with `ExitStatus.PREFLIGHT_FAILED`.
    """
    if not wanted.watch:
        if wanted.until_failed:
            raise bad("--until-failed goes with --watch only", "One run ends anyway.", "Add --watch 60.")
        return 0.0
    parsed = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smh]?)", wanted.watch)
    seconds = float(parsed[1]) * _UNITS[parsed[2]] if parsed else 0.0
    if seconds <= 0:
        raise bad(
            f"--watch {wanted.watch} is no interval",
            "It is the time from the start of a run to the start of the next.",
            "Give seconds, or a number with s, m or h: 60, 5m.",
        )
    least, why = LEAST_SECONDS, "Its users share what the checks take."
    if wanted.chat:
        least, why = LEAST_SECONDS_CHAT, "Each run logs in, and LibreChat may ban who does that too often."
    if wanted.long:
        least, why = LEAST_SECONDS_LONG, "Each run takes minutes, and the concurrency that users need."
    if remote and seconds < least:
        raise bad(f"--watch {wanted.watch} is too often for another machine", why, f"Give {least} or more.")
    return seconds


def checked_url(url: str) -> str:
    """The value of ``--base-url``: scheme, host and port, nothing else.

    Raises:
        DeployError: with `ExitStatus.PREFLIGHT_FAILED`; a password in it is not repeated.
    """
    if "@" in url:  # before anything repeats a part of it
        raise bad(
            "--base-url holds a user name or a password",
            "Others on this machine can read the arguments of a command.",
            _ADDRESS,
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:  # a port out of range, a bracket too few
        raise bad("--base-url is no address", f"{error}.", _ADDRESS) from error
    if not url:
        raise bad("--base-url names no address", "It is empty: a variable that is not set?", _ADDRESS)
    if parts.scheme not in ("http", "https") or not host:
        raise bad(f"--base-url {url} is no address", "It must begin with https:// or http://.", _ADDRESS)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise bad(
            f"--base-url {url} is more than an address",
            "The client is made for the root of its host: its files and /api/* have absolute paths.",
            f"Leave out what follows the host: --base-url {parts.scheme}://{parts.netloc}",
        )
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port else "")


def confirm_long(session: Session, address: str) -> None:
    """Ask before others are disturbed.

    Raises:
        DeployError: with `ExitStatus.PREFLIGHT_FAILED` unless the answer is yes, or nobody can give it.
    """
    settings = session.settings
    where = address or f"the real account, environment {settings.environment}"
    danger = (
        f"--long opens up to {settings.smoke.streams_at_once} streams at once on {where}. Each needs a "
        "Lambda environment of its own, so users may be throttled meanwhile; it takes minutes and costs "
        "some cents."
    )
    if not (session.console.interactive or session.console.assume_yes):
        raise bad("--long needs a confirmation, and nobody is there to give it", danger, _YES)
    if not session.console.confirm(f"{danger} Go on?"):
        raise bad("--long was not confirmed", "Nothing was asked of the deployment.", _YES)


def bad(what: str, why: str, next_step: str) -> DeployError:
    """The refusal of what cannot be meant, before anything was looked at."""
    return DeployError(what, why, next_step, status=ExitStatus.PREFLIGHT_FAILED)


_YES = "Leave out --long, or give --yes once you are sure."
_ADDRESS = "Give scheme and host, such as https://chat.example.com or http://localhost:8080."
