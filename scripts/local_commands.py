"""What the ``local.*`` tasks show of the embedded AWS. Starting and stopping is `scripts.local.process`'s."""

from __future__ import annotations

import contextlib
import shlex
import time
from pathlib import Path

from scripts.console import Console
from scripts.local.credentials import Credentials
from scripts.local.process import LocalTarget
from scripts.outcomes import Values
from scripts.session import Session
from scripts.settings import Settings
from scripts.target import local_environment
from scripts.terraform import as_environment, workspace


def up(settings: Settings, console: Console) -> None:
    """Start it and say where it is."""
    running = LocalTarget(settings).up()
    facts = {"url": running.url, "AWS API": running.endpoint, "pid": running.pid}
    console.show(Values("local", facts))


def down(settings: Settings, console: Console) -> None:
    """Stop it; nothing running is fine."""
    stopped = LocalTarget(settings).down()
    console.show(Values("local", {"embedded AWS": "stopped" if stopped else "was not running"}))


def logs(settings: Settings, console: Console, *, lines: int, follow: bool) -> None:
    """Show the end of each log file; with `follow` whatever is added, until Ctrl-C."""
    directory = LocalTarget(settings).log_directory
    offsets: dict[Path, int] = {}
    _show_new(directory, console, offsets, lines)
    with contextlib.suppress(KeyboardInterrupt):  # the way to end it, not a failure
        while follow:
            time.sleep(0.3)
            _show_new(directory, console, offsets, None)


def diff(settings: Settings, console: Console) -> None:
    """Show the generated files, and the variables that lead Terraform to the embedded AWS."""
    differences = dict(workspace.local_differences(settings))
    made = Credentials("(made at the first start)", "(made at the first start)")
    environment = local_environment(settings, made, "http://127.0.0.1:PORT")
    differences["environment"] = "".join(f"{name}={value}\n" for name, value in environment.items())
    if settings.terraform.modules != "registry":
        differences["TF_CLI_CONFIG_FILE"] = "public modules from the stand-ins in scripts/local/modules\n"
    if console.json_lines:
        console.show(Values("diff", differences))
        return
    console.say_plain(f"--- {settings.shown(settings.terraform_source)} (unchanged)")
    for name, content in differences.items():
        console.say_plain(f"+++ {name}\n" + "".join(f"+ {line}\n" for line in content.splitlines()))


def env(session: Session) -> None:
    """Show the variables with which any tool sees what a deploy sees: Terraform, the AWS CLI, an SDK.

    For people as lines that a shell evaluates; with ``--json`` without the variables to remove.
    """
    session.connect()
    session.prepare_configuration()
    variables = {
        **session.target.environment,
        **session.workspace.environment,
        **as_environment(session.variables()),
    }
    console = session.console
    if console.json_lines:
        console.show(Values("environment", {name: value for name, value in variables.items() if value}))
    for name, value in variables.items():
        console.say_plain(f"export {name}={shlex.quote(value)}" if value else f"unset {name}")


def _show_new(directory: Path, console: Console, offsets: dict[Path, int], lines: int | None) -> None:
    """Print what each log has beyond the known offset; at first only its last `lines` lines."""
    for path in sorted(directory.glob("**/*.log")):
        with path.open("rb") as log:
            # A restarted process begins its log anew.
            start = offsets.get(path, 0)
            log.seek(start if start <= path.stat().st_size else 0)
            text = log.read()
            offsets[path] = log.tell()
        shown = text.decode(errors="replace").splitlines()
        name = str(path.relative_to(directory).with_suffix(""))
        for line in shown if lines is None else shown[max(0, len(shown) - lines) :]:
            console.event("log", file=path.name, line=line)
            console.say_plain(f"{name:<10} {line}")
