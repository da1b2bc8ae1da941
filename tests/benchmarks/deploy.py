"""How long the main job takes, as ratios measured in one run.

Run it with ``./bootstrap python tests/benchmarks/deploy.py``. It uses an embedded AWS of its own
(other ports, a temporary directory), so a running one stays untouched. Prints figures, asserts nothing.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
REPEATS = 3


def main() -> None:
    """Measure and print one line a figure."""
    with tempfile.TemporaryDirectory(prefix="librechat-bench-") as directory:
        environment = {
            **os.environ,
            "INVOKE_LOCAL_DIRECTORY": directory,
            "INVOKE_LOCAL_PORT": "18080",
            "INVOKE_LOCAL_CONTROL_PORT": "14566",
        }
        try:
            first = timed(["inv", "deploy", "--json"], environment)
            again = [timed(["inv", "deploy", "--json"], environment) for _ in range(REPEATS)]
            bare = [timed(*bare_plan(Path(directory), environment)) for _ in range(REPEATS)]
        finally:
            destroyed = timed(["inv", "destroy", "--yes", "--json"], environment)
    listing = [timed(["inv", "--list"], dict(os.environ)) for _ in range(5)]
    unchanged, plan = statistics.median(again), statistics.median(bare)
    print(f"inv deploy, from nothing          {first:7.2f} s")
    print(f"inv deploy, nothing changed       {unchanged:7.2f} s   (of {spread(again)})")
    print(f"terraform plan, the same root     {plan:7.2f} s   (of {spread(bare)})")
    print(f"inv destroy, verified             {destroyed:7.2f} s")
    print(f"ratio deploy unchanged / plan     {unchanged / plan:7.2f}     (aim: 1.5 or less)")
    median = statistics.median(listing)
    print(f"inv --list                        {median:7.2f} s   (of {spread(listing)}; aim: under 0.5)")


def timed(command: list[str], environment: Mapping[str, str]) -> float:
    """Seconds of one run of a command that must succeed."""
    start = time.monotonic()
    subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - start


def bare_plan(directory: Path, environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Terraform itself, in the workspace and with the variables that the runner gives it."""
    shown = subprocess.run(
        ["inv", "local.env", "--json"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    extra = json.loads(shown.stdout.splitlines()[-1])["values"]
    workspace = directory / "terraform" / "environments" / "dev"
    return ["terraform", f"-chdir={workspace}", "plan", "-input=false"], {**environment, **extra}


def spread(seconds: list[float]) -> str:
    """The single measurements, in order."""
    return ", ".join(f"{value:.2f}" for value in sorted(seconds))


if __name__ == "__main__":
    sys.exit(main())
