"""The other adapters, installed where nothing is committed, and the process that measures them and ours.

`handler/` holds the measuring programs and an exact lock file. They are copied to `.bench/handler`, where npm
installs the peers beside them, so that imports find them as they would in anybody's project. A peer that the
registry does not have does not keep the others from being measured.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts import npm
from scripts.errors import DeployError
from tests.benchmarks.figures import NotMeasured
from tests.benchmarks.machine import ROOT

SOURCES = Path(__file__).parent / "handler"
CONTAINER = ROOT / "container"
PLACE = ROOT / ".bench" / "handler"

Measure = Callable[[Mapping[str, Any]], dict[str, Any]]


def prepare(say: Callable[[str], None]) -> dict[str, str]:
    """Bring `.bench/handler` up to date: the programs, the peers, and our function as the image holds it.

    Returns:
        Package → why it cannot be had. What fails for its lack says so, too.

    Raises:
        DeployError: when our own function cannot be made ready.
    """
    npm.install(CONTAINER, say)
    PLACE.mkdir(parents=True, exist_ok=True)
    shutil.copytree(SOURCES, PLACE, dirs_exist_ok=True)
    subprocess.run(["node", CONTAINER / "scripts" / "bundle.mjs", PLACE / "task"], check=True)
    try:
        npm.install(PLACE, say)
    except DeployError as failure:
        say(f"{failure.what}: trying the packages one by one")
        return _one_by_one()
    return {}


def versions() -> dict[str, str]:
    """What is installed, of what package.json names."""
    found = {name: _version(PLACE / "node_modules" / name) for name in _dependencies()}
    found["aws-lambda-ric"] = _version(CONTAINER / "node_modules" / "aws-lambda-ric")
    return {name: version for name, version in sorted(found.items()) if version}


@contextmanager
def measuring() -> Iterator[Measure]:
    """The measuring process. The function that it yields sends one order and returns the result.

    Raises (that function):
        NotMeasured: the candidate failed; the process lives on.
    """
    process = subprocess.Popen(
        ["node", PLACE / "measure.mjs", str(CONTAINER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
    )
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None and stdout is not None

    def measure(order: Mapping[str, Any]) -> dict[str, Any]:
        stdin.write(json.dumps(order) + "\n")
        stdin.flush()
        line = stdout.readline()
        answer: dict[str, Any] = json.loads(line or '{"error": "the measuring process ended"}')
        if "error" in answer:
            raise NotMeasured(answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    try:
        yield measure
    finally:
        stdin.close()
        process.wait()


def _one_by_one() -> dict[str, str]:
    """Install what can be had; package → npm's last words for the rest."""
    manifest = PLACE / "package.json"
    manifest.write_text(json.dumps({"private": True, "type": "module"}))
    refused = {}
    for name, version in _dependencies().items():
        tried = subprocess.run(
            ["npm", "install", "--save-exact", "--no-package-lock", f"{name}@{version}"],
            cwd=PLACE,
            capture_output=True,
            text=True,
        )
        if tried.returncode:
            said = re.findall(r"^npm error (.+)$", tried.stderr, re.MULTILINE)
            refused[name] = ": ".join(said[:2]) or f"npm ended with {tried.returncode}"
    return refused


def _dependencies() -> dict[str, str]:
    found: dict[str, str] = json.loads((SOURCES / "package.json").read_text())["dependencies"]
    return found


def _version(package: Path) -> str:
    try:
        return str(json.loads((package / "package.json").read_text())["version"])
    except OSError:
        return ""
