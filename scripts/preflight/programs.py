"""The programs that a run needs on this machine, and their versions.

Which ones depends on the settings: an image that is packed needs no Docker, a rehearsal whose
environments are containers no bubblewrap.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from scripts import child_environment
from scripts.frontend.sources import kind
from scripts.preflight.model import Finding, failed, ok, warning
from scripts.preflight.runner import Probe
from scripts.settings import Settings

GROUP = "Tools"

_SECONDS = 20.0
"""A program that does not answer is ended; the run has gone on long before."""


def probes(settings: Settings) -> Iterator[Probe]:
    """One probe for each program."""
    yield terraform(settings)
    yield Probe(
        GROUP, "node", lambda: version(["node", "--version"], (20, 19), "Install Node.js 20.19 or newer.")
    )
    yield Probe(GROUP, "npm", _npm)
    yield Probe(GROUP, "docker engine", lambda: _engine(settings))
    yield Probe(GROUP, "docker buildx", lambda: _buildx(settings))
    if settings.target == "local":
        yield Probe(GROUP, "bwrap", lambda: _sandbox(settings))
    yield Probe(GROUP, "git", lambda: _git(settings))


def terraform(settings: Settings) -> Probe:
    """The probe of the one program that a destroy needs."""
    return Probe(
        GROUP,
        "terraform",
        # use_lockfile of the S3 backend: https://developer.hashicorp.com/terraform/language/backend/s3
        lambda: version([settings.terraform.binary, "version"], (1, 11), "Install Terraform 1.11 or newer."),
    )


def version(command: Sequence[str], least: tuple[int, ...], remedy: str) -> Finding:
    """Whether a program says a version that is new enough."""
    if shutil.which(command[0]) is None:
        return failed("not on PATH", remedy)
    done = _run(command)
    match = re.search(r"v?(\d+(?:\.\d+)*)", done.stdout)
    if done.returncode != 0 or match is None:
        says = (done.stderr or done.stdout).strip().splitlines()[:3]
        return failed(f"says no version: {' '.join(says) or f'ended with {done.returncode}'}", remedy)
    return _judge(match.group(1), least, remedy)


def _judge(found: str, least: tuple[int, ...], remedy: str) -> Finding:
    numbers = tuple(int(part) for part in re.findall(r"\d+", found))
    return ok(found) if numbers >= least else failed(f"{found} is too old", remedy)


def _npm() -> Finding:
    """npm says its version from its package.json, and takes longer for it than all other programs."""
    least, remedy = (9,), "Install npm 9 or newer; it comes with Node.js."
    package = Path(shutil.which("npm") or "").resolve().parent.parent / "package.json"
    try:
        manifest = json.loads(package.read_text())
    except (OSError, ValueError):
        return version(["npm", "--version"], least, remedy)
    if manifest.get("name") != "npm":
        return version(["npm", "--version"], least, remedy)
    return _judge(str(manifest["version"]), least, remedy)


def _engine(settings: Settings) -> Finding:
    from scripts.image.builder import choose
    from scripts.image.buildx import ENGINE

    if choose(settings) == "pack" and kind(settings) != "image":
        return ok("not needed: the image is packed without an engine")
    return version(ENGINE.asks_version, (20, 10), ENGINE.remedy)


def _buildx(settings: Settings) -> Finding:
    from scripts.image.builder import choose
    from scripts.image.buildx import PLUGIN

    if choose(settings) == "pack":
        return ok("not needed: the image is packed without an engine")
    return version(PLUGIN.asks_version, (0, 10), PLUGIN.remedy)


def _sandbox(settings: Settings) -> Finding:
    """Bubblewrap, where the local target's Lambda environments are processes under it."""
    from scripts.image.engine import home

    if home(settings).kind != "process":
        return ok("not needed: Lambda environments are containers")
    if shutil.which("bwrap") is None:
        return failed("not on PATH", "Install bubblewrap: apt-get install bubblewrap.")
    done = _run(["bwrap", "--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "true"])
    if done.returncode != 0:
        return failed(
            done.stderr.strip() or f"ended with {done.returncode}",
            "Run as root, or allow user namespaces: sysctl kernel.unprivileged_userns_clone=1",
        )
    return ok("isolates Lambda's environments")


def _git(settings: Settings) -> Finding:
    """Only a checkout has a revision that the image's label and the release record can name."""
    if kind(settings) == "git":
        return version(["git", "--version"], (2,), "Install git: LibreChat's client comes from it.")
    if not (settings.project_root / ".git").exists():
        return ok("not needed: this is not a checkout")
    if shutil.which("git") is None:
        return warning(
            "not on PATH: images and releases will not name their revision",
            "Install git.",
        )
    return version(["git", "--version"], (2,), "Install git 2 or newer.")


_KINDS: Mapping[str, child_environment.Kind] = {
    "node": "npm", "npm": "npm", "git": "git", "docker": "docker", "bwrap": "program"
}  # fmt: skip
"""What each program may read; Terraform's name is a setting."""


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a program; one that cannot be started, or does not end, has failed like any other."""
    try:
        return subprocess.run(
            command,
            # Terraform would ask HashiCorp whether there is a newer one, and wait for the answer:
            # https://developer.hashicorp.com/terraform/cli/commands#upgrade-and-security-bulletin-checks
            env=child_environment.environment(_KINDS.get(command[0], "terraform"))
            | {"CHECKPOINT_DISABLE": "1"},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))
