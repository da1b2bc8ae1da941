"""No secret leaves AWS: not by what is said, not by what is kept, not by what others can see.

The secrets are the values of the SSM parameters, which the rehearsal makes up anew. They may be in SSM
itself and in the memory of the function. It looks at the deployment's whole life, so it destroys it.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from scripts.content import files_below
from tests.e2e.evidence import Evidence
from tests.e2e.stack import ROOT, Stack

pytestmark = pytest.mark.e2e

_OF_THE_TESTS = ("librechat-lambda-engine-", "librechat-handler-")
"""Temporary directories that no deployment makes: the tests' Docker engine, the handler's tests."""


@pytest.fixture(scope="module")
def life(stack: Stack, request: pytest.FixtureRequest) -> Mapping[str, str]:
    """Everything that the deployment has said and kept, by where it was found; secrets by ``secret NAME``."""
    secrets = stack.secrets()
    for command in (
        ("doctor", "--json"),
        ("plan", "--json"),
        ("plan",),
        ("status", "--json"),
        ("drift", "--json"),
        ("logs", "--json"),
        ("releases", "--json"),
        ("config.show",),
        ("smoke", "--debug", "--summary", str(stack.directory / "summary.md")),
    ):
        ended = stack.inv(*command)
        assert ended.status in (0, 2), f"{command}: {ended.stdout[-2000:]}{ended.stderr[-2000:]}"
    found = {f"state bucket: {name}": text for name, text in stack.state_objects().items()}
    found |= _origin_keys(found.values())
    evidence: Evidence = request.getfixturevalue("evidence")  # destroys
    assert evidence.destroy
    found |= {f"output of inv {' '.join(ran)}": ended.stdout + ended.stderr for ran, ended in stack.history}
    found |= {f"plan file {name}": content for name, content in stack.watch.plans.items()}
    found |= {"arguments of a process": "\n\n".join(stack.watch.arguments)}
    found |= dict(_files(stack))
    return found | {f"secret {name}": value for name, value in secrets.items()}


def _origin_keys(states: Iterable[str]) -> dict[str, str]:
    """Every origin key that any version of the state holds, and its hash."""
    keys = {
        instance["attributes"]["triggers_replace"]["value"]
        for text in states
        if '"origin_key"' in text
        for resource in json.loads(text)["resources"]
        if resource["name"] == "origin_key"
        for instance in resource["instances"]
    }
    hashes = {hashlib.sha256(key.encode()).hexdigest() for key in keys}
    return {f"origin key {number}": value for number, value in enumerate(sorted(keys | hashes))}


def _files(stack: Stack) -> Iterator[tuple[str, str]]:
    """What is left on disk, but for the embedded AWS's own storage, where the parameters live."""
    kept = [stack.directory / "local" / "logs", stack.directory / "local" / "terraform", stack.terraform]
    kept += [ROOT / ".build" / "logs", stack.directory / "summary.md"]
    temporary = Path(tempfile.gettempdir()).glob("librechat-*")
    kept += [path for path in temporary if not path.name.startswith(_OF_THE_TESTS)]
    for top in kept:
        for path in [top, *files_below(top)]:
            # Other tests' files come and go meanwhile.
            with suppress(OSError):
                if path.is_file() and path.stat().st_size < 50_000_000:
                    yield f"file {path}", path.read_text(errors="replace")


def test_the_watch_has_seen_plans_and_processes(life: Mapping[str, str]) -> None:
    assert any(where.startswith("plan file") for where in life)
    assert "terraform" in life["arguments of a process"]
    assert any(where.startswith("output of inv destroy") for where in life)
    assert any(where.startswith("state bucket:") and "/releases/" in where for where in life)
    assert sum(where.startswith("secret ") for where in life) == 11


def test_no_secret_is_in_anything_said_or_kept(life: Mapping[str, str]) -> None:
    secrets = {where: text for where, text in life.items() if where.startswith("secret ")}
    told = [
        f"{name.removeprefix('secret ')} in {where}"
        for where, text in life.items()
        if where not in secrets
        for name, value in secrets.items()
        if value in text
    ]
    assert not told


def test_the_origin_keys_are_in_terraform_s_state_and_nowhere_else(life: Mapping[str, str]) -> None:
    """A plan file holds the state, too."""
    keys = {where: text for where, text in life.items() if where.startswith("origin key ")}
    assert len(keys) == 6
    told = [
        f"{name} in {where}"
        for where, text in life.items()
        if where not in keys and "terraform.tfstate" not in where and not where.startswith("plan file ")
        for name, value in keys.items()
        if value in text
    ]
    assert not told
