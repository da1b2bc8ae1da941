"""``inv config.push``, ``config.show``, ``config.diff``: librechat.yaml and its bucket."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path

from scripts import app_config, preflight
from scripts.app_config import AppConfig, ConfigDiff, ConfigObject, RunningFunction, Stored
from scripts.aws import error_code
from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.pipeline.stages import connecting
from scripts.session import Session
from scripts.settings import Settings
from scripts.steps import Step


def push(
    session: Session, *, file: str = "", allowed: Collection[str] = (), restart: bool = True
) -> ExitStatus:
    """Upload the file over what is in the bucket, and have the running function pick it up.

    Args:
        session: Of the target.
        file: Path; empty: the setting ``librechat.config``.
        allowed: Places of values that look like secrets and are none.
        restart: Whether environments that run are replaced. Without it only the bucket's credentials
            are needed.

    Raises:
        DeployError: the file is refused, or somebody changed the object meanwhile.
    """
    path = app_config.find_file(session.settings, file)
    config = _prepare(session, path)
    config.require_no_secrets(allowed)
    for place in sorted(set(allowed) - {finding.place for finding in config.secrets}):
        session.console.warn(f"--allow-secret {place} allows nothing: there is no such finding.")
    with session.opened():
        _connect(session, account=restart)
        there = ConfigObject(session.settings, session.target)
        stored = there.read()
        difference = _compare(session.settings, there, stored, config, path)
        session.console.show(difference)
        if difference.changed:
            _confirm(session, there.location, restart=restart)
            with session.steps.step("upload"):
                stored = there.write(config.text, over=stored)
        assert stored is not None  # nothing to change means that something is there
        after = _restart(session, stored.version) if restart else "not asked"
        pushed = app_config.ConfigPushed(there.location, stored.version, difference.changed, after)
        session.console.show(pushed)
    return ExitStatus.OK


def diff(session: Session, *, file: str = "") -> ExitStatus:
    """Show what a push would change. Changes nothing."""
    path = app_config.find_file(session.settings, file)
    config = _prepare(session, path)
    for finding in config.secrets:
        session.console.warn(f"{finding}; a push refuses it.")
    with session.opened():
        _connect(session, account=False)
        there = ConfigObject(session.settings, session.target)
        difference = _compare(session.settings, there, there.read(), config, path)
        session.console.show(difference)
    return ExitStatus.CHANGES_PENDING if difference.changed else ExitStatus.OK


def show(session: Session, *, raw: bool = False) -> ExitStatus:
    """Show what is in the bucket: the file on stdout, what is to be said about it on stderr.

    Args:
        session: Of the target.
        raw: Whether secrets that are in the file are shown, too.

    Raises:
        DeployError: there is no file.
    """
    old, _ = _domains(session.settings)
    with session.opened():
        _connect(session, account=False)
        there = ConfigObject(session.settings, session.target)
        stored = there.read()
        if stored is None:
            raise DeployError(f"{there.location} does not exist", next_step="Upload one: inv config.push")
        shown = app_config.ConfigShown(
            location=there.location,
            version=stored.version,
            modified=stored.modified,
            schema=_schema(stored.text),
            names_replaced_domain=app_config.replace_domain(stored.text, old, "")[1],
            function=_use(session, stored.version),
            content=stored.text if raw else app_config.mask(stored.text),
        )
    if session.console.json_lines:
        session.console.show(shown)
    else:
        session.console.value(shown.content.removesuffix("\n"))
        Console(stdout=sys.stderr).show(shown)
    return ExitStatus.OK


def _prepare(session: Session, path: Path) -> AppConfig:
    settings = session.settings
    text = app_config.read_file(settings, path)
    old, new = _domains(settings)
    known = app_config.known_variables(settings.tfvars)
    config = app_config.prepare(text, new, replaced_domain=old, variables=known)
    for remark in config.remarks:
        session.console.warn(remark)
    return config


def _domains(settings: Settings) -> tuple[str, str]:
    return settings.tfvars["replaced_domain"], settings.tfvars["custom_domain"]


def _connect(session: Session, *, account: bool) -> None:
    """Open the target; with `account` only when the credentials are of the account of the deployment."""
    opening = session.connect if account else session.open_target
    session.steps.run(Step(connecting(session), opening))


def _compare(
    settings: Settings, there: ConfigObject, stored: Stored | None, config: AppConfig, path: Path
) -> ConfigDiff:
    return app_config.compare(
        stored.text if stored else None,
        config.text,
        location=there.location,
        source=settings.shown(path),
        replaced=config.replacements,
    )


def _confirm(session: Session, location: str, *, restart: bool) -> None:
    if session.local:
        return
    more = ", and have the function start new environments" if restart else ""
    if not session.console.confirm(f"Upload this to {location}{more}?"):
        raise DeployError("Not confirmed; nothing was uploaded", next_step="Run it again when you are sure.")


def _restart(session: Session, version: str) -> str:
    """Also when nothing was uploaded: the push before may have been interrupted in between."""
    function = RunningFunction(session.settings, session.target)
    with session.steps.step("new environments"):
        if function.start_with(version):
            return "restarted"
        return "not deployed" if function.version() is None else "unchanged"


def _schema(text: str) -> str:
    try:
        return app_config.validate(text)
    except DeployError:
        return ""


def _use(session: Session, version: str) -> str:
    """Whether the function runs with this version, as far as these credentials can tell."""
    if not session.local and not preflight.account(session.settings, session.target).ok:
        return f"not checked: no credentials of account {session.settings.aws.account_id}"
    try:
        running = RunningFunction(session.settings, session.target).version()
    except Exception as error:
        if not isinstance(error, DeployError) and not error_code(error):
            raise
        return f"not checked: {error.why if isinstance(error, DeployError) else error_code(error)}"
    if running is None:
        return "not deployed"
    return "in use" if running == version else "another version"
