"""Terraform as a Python object: methods in, events and plain dataclasses out.

python-terraform builds the argument lists and does nothing else: its own way of running loses output,
writes variables to files that an interruption leaves behind, and puts values into debug logs. We run
the process ourselves and read ``-json`` line by line. Variables travel only as ``TF_VAR_*``.

Not for deciding what to run (`scripts.pipeline`), nor for where (`scripts.terraform.workspace`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import python_terraform

from scripts import processes
from scripts.child_environment import environment as child_environment
from scripts.errors import DeployError, ExitStatus
from scripts.state.lock import Lock, locked
from scripts.terraform import events, refresh
from scripts.terraform.drift import Drift
from scripts.terraform.plan import Plan

Listener = Callable[[events.Event], None]


@dataclass(frozen=True)
class SavedPlan:
    """A plan and the file that `Terraform.apply` takes. The file holds secrets; it lives briefly."""

    plan: Plan
    file: Path


class Terraform(python_terraform.Terraform):  # type: ignore[misc]
    """One root module in one directory.

    Args:
        directory: Where Terraform runs: the root module.
        binary: Name or path of the ``terraform`` binary.
        environment: Variables of the process beyond what Terraform may read of our own environment.
        variables: Input variables, secrets among them; passed as ``TF_VAR_*`` only.
        parallelism: Number of concurrent operations of plan and apply.
        lock_timeout: How long to wait for the state lock, a Terraform duration.
        unlock: The command that removes a lock, but for its ``--id``; named when the lock is held.
    """

    def __init__(
        self,
        directory: Path,
        *,
        binary: str = "terraform",
        environment: Mapping[str, str] | None = None,
        variables: Mapping[str, Any] | None = None,
        parallelism: int = 10,
        lock_timeout: str = "0s",
        unlock: str = "inv unlock",
    ) -> None:
        # The process starts in the root module: a relative path would be looked up from there.
        program = str(Path(binary).absolute()) if os.sep in binary else binary
        super().__init__(working_dir=str(directory), terraform_bin_path=program)
        # The library turns "no variables" into {}, and {} into a temporary -var-file.
        self.variables = None
        self._directory = directory
        self._parallelism = parallelism
        self._lock_timeout = lock_timeout
        self._unlock = unlock
        self._environment = _process_environment(environment or {}, variables or {})

    # --- The seam to python-terraform -------------------------------------------------------------

    def cmd(self, cmd: str, *args: str, **options: Any) -> list[str]:
        """The argument list of a command. The library calls this to run it; here nothing runs."""
        return list(self.generate_cmd_string(cmd, *args, **options))

    def read_state_file(self, file_path: str | None = None) -> None:
        """Nothing: the state is remote, and the library would read the backend's file for it."""

    def __getattr__(self, name: str) -> Any:
        """Refuse unknown names: the library turns every typing error into a Terraform command."""
        raise AttributeError(name)

    # --- Commands ---------------------------------------------------------------------------------

    def version(self) -> str:
        """The version of the binary, for example ``1.11.4``."""
        output = self._capture(self.cmd("version", json=python_terraform.IsFlagged), "version")
        return str(json.loads(output)["terraform_version"])

    def init(
        self,
        backend_config: Sequence[str] = (),
        *,
        reconfigure: bool = False,
        on_event: Listener | None = None,
    ) -> None:
        """Install providers and modules and configure the backend.

        Args:
            backend_config: Files or ``key=value`` pairs for ``-backend-config``.
            reconfigure: Take another backend than the last one without a question. The library does
                it always, which would silently leave a real state behind.
            on_event: Called with each event.
        """
        argv = super().init(
            backend_config=list(backend_config),
            reconfigure=python_terraform.IsFlagged if reconfigure else None,
            json=python_terraform.IsFlagged,
        )
        self._run(argv, "init", on_event)

    @contextmanager
    def plan(
        self,
        *,
        destroy: bool = False,
        targets: Sequence[str] = (),
        lock: bool = True,
        on_event: Listener | None = None,
    ) -> Iterator[SavedPlan]:
        """Plan, and keep the plan's file for the length of the block.

        Args:
            destroy: Plan the end of everything.
            targets: Addresses to plan alone; empty: everything.
            lock: False for a plan that nobody applies: it writes nothing, and needs no right to.
            on_event: Called with each event.

        Raises:
            DeployError: with `ExitStatus.LOCKED` when somebody else holds the state.
        """
        with _private_directory(self._directory / ".terraform") as private:
            file = private / "plan"
            file.touch(mode=0o600)
            argv = super().plan(
                out=str(file),
                destroy=python_terraform.IsFlagged if destroy else None,
                target=list(targets),
                # A destroy that refreshes also reads data sources, and would fail on an image or a
                # parameter that is gone already.
                refresh=False if destroy else None,
                json=python_terraform.IsFlagged,
                parallelism=self._parallelism,
                lock=None if lock else False,
                lock_timeout=self._lock_timeout if lock else None,
            )
            seen: list[events.Event] = []

            def listen(event: events.Event) -> None:
                seen.append(event)
                if on_event:
                    on_event(event)

            changes = self._run(argv, "plan", listen, accepted=(0, 2)) == 2
            # Reading the file loads every provider's schema again, which takes half as long as the plan
            # itself: only when it says more than the events have.
            yield SavedPlan((Plan.from_events(seen) or self.show(file)) if changes else Plan(), file)

    def show(self, file: Path) -> Plan:
        """The content of a saved plan, without its values."""
        return Plan.from_json(self._show(file))

    def drift(self, *, on_event: Listener | None = None) -> Drift:
        """What was changed or removed outside Terraform since its last run.

        A refresh-only plan that is never applied. Where something is gone that other resources refer to,
        Terraform cannot evaluate them in that mode and leaves them out. Then an ordinary plan, which makes
        the gone one anew, is asked for the same: of it only the differences to the state are read.

        Neither takes the lock: they write nothing, and a look must not stop a deploy, nor need the right to
        write to the state bucket.

        Raises:
            DeployError: when nothing could be compared. When only a part could, the drift is `incomplete`
                and says why.
        """
        found = self._compare(python_terraform.IsFlagged, on_event)
        return self._compare(None, on_event) if found.incomplete else found

    def _compare(self, refresh_only: Any, on_event: Listener | None) -> Drift:
        with _private_directory(self._directory / ".terraform") as private:
            file = private / "plan"
            file.touch(mode=0o600)
            argv = super().plan(
                out=str(file),
                refresh_only=refresh_only,
                json=python_terraform.IsFlagged,
                parallelism=self._parallelism,
                lock=False,
            )
            try:
                self._run(argv, "plan", on_event, accepted=(0, 2))
            except DeployError as error:
                # A plan that failed half-way is saved as well, with what it had found.
                if not file.stat().st_size:
                    raise
                return refresh.read(self._show(file), incomplete=error.why)
            return refresh.read(self._show(file))

    def apply(self, file: Path, *, on_event: Listener | None = None) -> dict[str, Any]:
        """Apply a saved plan (a destroy plan destroys) and return the outputs that are not sensitive."""
        outputs: dict[str, Any] = {}

        def listen(event: events.Event) -> None:
            if isinstance(event, events.Outputs):
                outputs.update(event.values)
            if on_event:
                on_event(event)

        argv = super().apply(
            str(file),
            json=python_terraform.IsFlagged,
            parallelism=self._parallelism,
            lock_timeout=self._lock_timeout,
        )
        self._run(argv, "apply", listen)
        return outputs

    def output(self) -> dict[str, Any]:
        """The outputs in the state that are not sensitive; empty when nothing is deployed."""
        argv = self.cmd("output", json=python_terraform.IsFlagged, no_color=python_terraform.IsFlagged)
        values = json.loads(self._capture(argv, "output"))
        return {name: output["value"] for name, output in values.items() if not output["sensitive"]}

    def _show(self, file: Path) -> dict[str, Any]:
        """The content of a saved plan, its values included."""
        argv = self.cmd("show", str(file), json=python_terraform.IsFlagged)
        content: dict[str, Any] = json.loads(self._capture(argv, "show"))
        return content

    # --- Running ----------------------------------------------------------------------------------

    def _run(
        self,
        argv: Sequence[str],
        command: str,
        on_event: Listener | None,
        accepted: Sequence[int] = (0,),
    ) -> int:
        errors: list[events.Diagnostic] = []
        text: deque[str] = deque(maxlen=40)

        def on_line(line: str) -> None:
            event = events.parse(line)
            match event:
                case events.Diagnostic(severity="error") if event not in errors:
                    errors.append(event)
                case events.Text():
                    text.append(event.text)
            if on_event:
                on_event(event)

        finished = self._stream(argv, on_line)
        if finished.returncode not in accepted:
            remains = [*text, finished.stderr]
            raise self._failure(command, finished.returncode, errors, remains)
        return finished.returncode

    def _capture(self, argv: Sequence[str], command: str) -> str:
        lines: list[str] = []
        finished = self._stream(argv, lines.append)
        output = "\n".join(lines)
        if finished.returncode != 0:
            remains = [_plain(finished.stderr)]
            raise self._failure(command, finished.returncode, [], remains)
        return output

    def _failure(
        self,
        command: str,
        returncode: int,
        errors: Sequence[events.Diagnostic],
        remains: Sequence[str],
    ) -> DeployError:
        for error in errors:
            if "acquiring the state lock" in error.summary:
                return _not_acquired(error, self._unlock)
        evidence = [error.render() for error in errors]
        if not errors:
            evidence += [text for text in remains if text]
        first = errors[0].summary if errors else f"terraform ended with status {returncode}"
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        return DeployError(
            f"terraform {command} failed",
            first + more,
            "Correct the cause and run the same command again: it goes on from here."
            if command == "apply"
            else "Correct the cause and run the same command again.",
            evidence="\n\n".join(evidence),
        )

    def _stream(self, argv: Sequence[str], on_line: Callable[[str], None]) -> processes.Finished:
        try:
            return processes.stream(argv, cwd=self._directory, environment=self._environment, on_line=on_line)
        except processes.Forced as error:
            raise DeployError(
                "Interrupted twice: Terraform was ended at once",
                "What it was working on may be missing in the state, and the state may still be locked.",
                f"Look whether it is locked: {self._unlock}. Then run the same command again: what it finds "
                "half made it makes anew; what the state does not know it reports as existing.",
                status=ExitStatus.INTERRUPTED,
            ) from error
        except FileNotFoundError as error:
            raise DeployError(
                f"Cannot run {argv[0]!r}",
                str(error),
                "Install Terraform 1.11 or newer, or name it in INVOKE_TERRAFORM_BINARY.",
                status=ExitStatus.PREFLIGHT_FAILED,
            ) from error


@contextmanager
def _private_directory(parent: Path) -> Iterator[Path]:
    """A directory that only we can read, for a saved plan: it holds every value in the clear.

    A run that was killed cannot remove its own; the next one does.
    """
    for left in parent.glob("plan-*"):
        if not Path("/proc", left.name.split("-")[1]).exists():
            shutil.rmtree(left, ignore_errors=True)
    parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"plan-{os.getpid()}-", dir=parent) as private:
        yield Path(private)


_FOREIGN = ("TF_WORKSPACE", "TF_DATA_DIR", "TF_CLI_ARGS", "TF_VAR_project_root")
"""Beginnings of variables that were meant for another run.

A workspace or data directory leads to another state, arguments such as ``-target`` make a plan of a part look
like the whole, and the root of another checkout (of its ``inv local.env``) deploys that one's sources.
"""


def _process_environment(extra: Mapping[str, str], variables: Mapping[str, Any]) -> dict[str, str]:
    # Empty means unset: to botocore an empty AWS_PROFILE is a profile without a name.
    merged = child_environment("terraform") | dict(extra)
    environment = {
        name: value
        for name, value in merged.items()
        if not (name in extra and value == "") and not name.startswith(_FOREIGN)
    }
    environment |= {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}
    return environment | as_environment(variables)


def as_environment(variables: Mapping[str, Any]) -> dict[str, str]:
    """Input variables as ``TF_VAR_*``, which Terraform reads as JSON unless they are strings."""
    return {
        f"TF_VAR_{name}": value if isinstance(value, str) else json.dumps(value)
        for name, value in variables.items()
    }


def _not_acquired(error: events.Diagnostic, unlock: str) -> DeployError:
    """Somebody holds the lock, or it could not be asked for."""
    if lock := Lock.parse_refusal(error.detail):
        return locked(lock, unlock)
    return DeployError(
        "The state lock cannot be acquired",
        error.detail or error.summary,
        "Check that the home of the state exists and may be written.",
        evidence=error.render(),
    )


def _plain(text: str) -> str:
    """Text without terminal colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
