"""What a child process is given of our environment."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from scripts.child_environment import Kind, environment
from tests.secrets_of_a_deploy import SECRETS

ROOT = Path(__file__).parent.parent.parent
KINDS: tuple[Kind, ...] = get_args(Kind)
BUILDS = [kind for kind in KINDS if kind != "terraform"]


@pytest.mark.parametrize("kind", BUILDS)
@pytest.mark.parametrize("name", SECRETS)
def test_no_credential_of_the_deploy_reaches_a_program_that_needs_none(kind: Kind, name: str) -> None:
    assert environment(kind, {name: "seen"}) == {}


@pytest.mark.parametrize(
    "name",
    [
        "SMOKE_CHAT_PASSWORD",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "GITHUB_TOKEN",
        "A_VARIABLE_THAT_NOBODY_KNOWS",
    ],
)
def test_terraform_gets_the_account_and_nothing_beside_it(name: str) -> None:
    source = {name: "seen", "AWS_PROFILE": "dev", "TF_VAR_x": "1", "INVOKE_TARGET": "aws"}
    assert environment("terraform", source) == {
        name: value for name, value in source.items() if value != "seen"
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name",
    ["PATH", "HOME", "LC_CTYPE", "TZ", "CI", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "NODE_EXTRA_CA_CERTS",
     "SSL_CERT_FILE", "XDG_CACHE_HOME"],
)  # fmt: skip
def test_every_child_knows_its_user_and_the_way_to_the_network(kind: Kind, name: str) -> None:
    assert environment(kind, {name: "value"}) == {name: "value"}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("git", "SSH_AUTH_SOCK"),
        ("git", "GIT_SSH_COMMAND"),
        ("git", "GIT_CONFIG_VALUE_0"),
        ("git", "GIT_SSL_CAINFO"),
        ("npm", "npm_config_registry"),
        ("npm", "NPM_CONFIG_USERCONFIG"),
        ("npm", "npm_config_//registry.example/:_authToken"),
        ("npm", "NODE_AUTH_TOKEN"),
        ("npm", "NODE_OPTIONS"),
        ("npm", "VITE_ENABLE_LOGGER"),
        ("docker", "DOCKER_HOST"),
        ("docker", "BUILDX_BUILDER"),
        ("pip", "PIP_INDEX_URL"),
    ],
)
def test_a_program_gets_what_is_its_own_and_so_does_terraform_whose_provisioners_start_it(
    kind: Kind, name: str
) -> None:
    assert environment(kind, {name: "value"}) == {name: "value"}
    assert environment("terraform", {name: "value"}) == {name: "value"}


def test_git_is_not_led_into_the_repository_whose_hook_we_run_in() -> None:
    assert environment("git", {"GIT_DIR": "/other/.git", "GIT_INDEX_FILE": "/other/.git/index"}) == {}


def starts() -> Iterator[tuple[str, ast.Call]]:
    """Every start of a program in our Python."""
    for path in [ROOT / "tasks.py", *sorted((ROOT / "scripts").rglob("*.py"))]:
        name = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "subprocess.run", "subprocess.Popen", "subprocess.check_output", "subprocess.check_call",
                "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell", "os.system",
            ):  # fmt: skip
                yield name, node


def test_every_start_of_a_program_says_its_environment() -> None:
    """What is left out is handed on. The embedded AWS's own children get what its process was given."""
    silent = {name for name, call in starts() if "env" not in {keyword.arg for keyword in call.keywords}}
    assert not {name for name in silent if not name.startswith("scripts/local/")}
    assert len(list(starts())) > 5


def test_nobody_hands_on_the_whole_environment() -> None:
    for path in sorted((ROOT / "scripts").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg in ("env", "environment"):
                assert "os.environ" not in ast.unparse(node.value).replace("os.environ.get", ""), path
