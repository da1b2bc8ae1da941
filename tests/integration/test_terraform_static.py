"""What can be said of the Terraform tree without applying it.

The tree is initialised as a rehearsal does it: copied, with the generated override, its public modules
from the bundled registry. Nothing is applied; the plan needs a control plane that holds the seeded VPC.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from scripts.content import build_once
from scripts.local.registry import MODULES_DIR, make_app
from scripts.settings import Settings
from scripts.target import local_target
from scripts.terraform.workspace import local_copy
from tests.contracts import hcl
from tests.integration.conftest import Emulator

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed"),
]

ROOT = Path(__file__).parent.parent.parent
TREE = ROOT / "infrastructure" / "terraform"
CHECKOV_VERSION = "3.3.30"
Graph = Mapping[str, frozenset[str]]


@dataclasses.dataclass(frozen=True)
class Root:
    """The root module, initialised."""

    directory: Path
    environment: Mapping[str, str]

    def terraform(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run Terraform; `variables` become ``TF_VAR_*``."""
        given = {f"TF_VAR_{name}": value for name, value in variables.items()}
        return subprocess.run(
            ["terraform", *arguments],
            cwd=self.directory,
            env={**os.environ, **self.environment, **given},
            capture_output=True,
            text=True,
            check=False,
        )


@contextmanager
def served(app: web.Application) -> Iterator[str]:
    """The address of an application that runs in a thread of its own."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(app)
    loop.run_until_complete(runner.setup())
    loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(runner.cleanup())
        loop.close()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    """The tree as a rehearsal initialises it, beside a control plane that holds what it references."""
    directory = tmp_path_factory.mktemp("terraform")
    settings = Settings.load(yaml.safe_load((ROOT / "invoke.yaml").read_text()))
    local = dataclasses.replace(settings.local, directory=str(directory))
    settings = dataclasses.replace(settings, local=local)
    control_plane = Emulator(directory / "emulator")
    control_plane.start("--seed", str(settings.tfvars_path))
    try:
        with served(make_app()) as registry:
            workspace = local_copy(settings, registry)
            target = local_target(
                settings, control_plane.credentials, endpoint=control_plane.endpoint, base_url=""
            )
            # A plan that nothing is applied from needs no remote state.
            (workspace.directory / "test_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
            environment = {
                **target.environment,
                **workspace.environment,
                "TF_IN_AUTOMATION": "1",
                "TF_VAR_target": "local",
                "TF_VAR_project_root": str(ROOT),
            }
            root = Root(workspace.directory, environment)
            done = root.terraform("init", "-input=false", "-no-color")
            assert done.returncode == 0, done.stdout + done.stderr
            yield root
    finally:
        control_plane.stop()


@pytest.fixture(scope="module")
def plan(root: Root) -> Path:
    """A plan of a first deploy, as JSON."""
    planned = root.terraform("plan", "-input=false", "-no-color", "-out=plan.bin")
    assert planned.returncode == 0, planned.stdout + planned.stderr
    path = root.directory / "plan.json"
    path.write_text(root.terraform("show", "-json", "plan.bin").stdout)
    return path


@pytest.fixture(scope="module")
def graph(root: Root) -> Graph:
    """Every resource with all that it waits for, directly or not."""
    edges: dict[str, set[str]] = {}
    for before, after in re.findall(
        r'^\s*"(\S+)" -> "(\S+)";$', root.terraform("graph").stdout, re.MULTILINE
    ):
        edges.setdefault(before, set()).add(after)

    def reach(address: str) -> frozenset[str]:
        found: set[str] = set()
        pending = [address]
        while pending:
            new = edges.get(pending.pop(), set()) - found
            found |= new
            pending += new
        return frozenset(found)

    return {address: reach(address) for address in edges}


FUNCTION = "module.backend.module.lambda.aws_lambda_function.this"
REDIS = "module.redis.module.elasticache.aws_elasticache_replication_group.this"
DISTRIBUTION = "module.frontend.module.cloudfront.aws_cloudfront_distribution.this"


# The text


def configuration(*, variables: bool = True) -> list[Path]:
    """The shipped .tf files."""
    files = [path for path in sorted(TREE.rglob("*.tf")) if ".terraform" not in path.parts]
    return [path for path in files if variables or path.name != "variables.tf"]


def test_the_tree_is_the_one_of_the_specification() -> None:
    names = {str(path.relative_to(TREE)) for path in configuration() if "override" not in path.name}
    folders = [
        "environments/dev",
        *(f"modules/{name}" for name in ("api-gateway", "backend", "frontend", "redis")),
    ]
    assert names == {f"{folder}/{file}.tf" for folder in folders for file in ("main", "outputs", "variables")}
    assert (TREE / "environments/dev/terraform.tfvars.json").is_file()


def test_sc_006_the_configuration_has_fewer_than_500_lines() -> None:
    text = "\n".join(path.read_text() for path in configuration(variables=False))
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", "//"))]
    assert len(lines) < 500, f"{len(lines)} lines without comments, blank lines and variable definitions"


@pytest.mark.parametrize("folder", [TREE, MODULES_DIR], ids=["shipped", "stand-ins"])
def test_the_configuration_is_formatted(folder: Path) -> None:
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", "-diff", folder],
        env={**os.environ, "TF_CLI_CONFIG_FILE": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_variable_and_output_is_described() -> None:
    for path in configuration():
        lines = path.read_text().splitlines()
        for block in hcl.parse(path.read_text()).blocks:
            if block.type == "variable":
                assert block.attributes.get("description"), f"{path}: {block.labels[0]}"
            if block.type == "output":
                # One line each for SC-006; the description is the comment above.
                above = (
                    next(i for i, line in enumerate(lines) if line.startswith(f'output "{block.labels[0]}"'))
                    - 1
                )
                assert lines[above].startswith("# "), f"{path}: {block.labels[0]}"


def test_every_value_belongs_to_a_variable() -> None:
    folder = TREE / "environments" / "dev"
    variables = {block.labels[0] for block in hcl.read_module(folder) if block.type == "variable"}
    assert set(json.loads((folder / "terraform.tfvars.json").read_text())) <= variables


# The configuration


def test_the_configuration_is_valid_without_a_warning(root: Root) -> None:
    answer = json.loads(root.terraform("validate", "-json").stdout)
    assert answer["valid"], answer["diagnostics"]
    assert not answer["diagnostics"]


BAD_VALUES: dict[str, tuple[Any, str]] = {
    "environment": ("Dev_1", "Lower-case letters"),
    "aws_region": ("Ireland", "A region such as"),
    "aws_account_id": ("51596650441", "12 digits"),
    "target": ("production", "One of aws, local"),
    "vpc_id": ("subnet-1", "starts with vpc-"),
    "private_subnet_ids": (["vpc-1"], "starts with subnet-"),
    "security_group_ids": ({"shared": "sg-1"}, "shared_services is needed"),
    "database_endpoints": ({}, "documentdb is needed"),
    "custom_domain": ("https://lambda-test.sandbox.data.apro.is/", "without scheme"),
    "acm_certificate_arn": ("arn:aws:acm:eu-west-1:515966504419:certificate/1", "us-east-1 only"),
    "api_path_patterns": (["/api"], "/word/*"),
    "throttling": ({"rate": 1}, "10 to 10000"),
    "origin_key_version": (0, "whole number from 1"),
    "origin_read_timeout": (180, "quota raise"),
    "image_platform": ("linux/386", "One of linux/amd64"),
    "diagnostic_stream": ("on", "One of off, short, full."),
    "config_s3_key": ("librechat.yaml", "folder/"),
    "function": ({"memory_size": 512, "timeout": 901, "reserved_concurrency": 0}, "reserved_concurrency: -1"),
    "redis_node_type": ("t4g.micro", "starts with cache."),
}


def refusal(root: Root, values: Mapping[str, Any]) -> str:
    """What Terraform says to these values, on one line."""
    (root.directory / "bad.tfvars.json").write_text(json.dumps(values))
    done = root.terraform("plan", "-input=false", "-no-color", "-var-file=bad.tfvars.json")
    assert done.returncode == 1
    return " ".join(done.stderr.replace("│", " ").split())


def test_a_wrong_value_is_refused_before_anything_is_planned(root: Root) -> None:
    said = refusal(root, {name: value for name, (value, _) in BAD_VALUES.items()})

    missing = [name for name, (_, message) in BAD_VALUES.items() if message not in said]
    assert not missing, said


def test_the_function_s_variables_are_neither_lambda_s_own_nor_secrets(root: Root) -> None:
    values = {
        "TRUST_PROXY": "1",
        "AWS_REGION": "eu-west-1",
        "MONGO_URI": "mongodb://host",
        "DIAGNOSTIC_STREAM": "full",
        "ORIGIN_KEY_HASHES": "0",
    }
    said = refusal(root, {"environment_variables": values})

    assert "have no place in Lambda" in said
    assert "AWS_* variables are set by Lambda" in said
    assert "DIAGNOSTIC_STREAM is the variable diagnostic_stream" in said
    assert "ORIGIN_KEY_HASHES is made here" in said
    assert "either a secret in ssm_parameters or a plain variable" in said


def test_on_aws_anybody_may_ask_for_short_diagnostic_streams_only(tmp_path: Path) -> None:
    """Each holds an environment, and an account has a limited number. A rehearsal has the long ones, too."""
    modules = hcl.read_module(TREE / "environments" / "dev")
    (backend,) = (block for block in modules if block.labels == ("backend",))
    expression = "".join(backend.attributes["diagnostic_stream"])

    def chosen(given: str, target: str) -> str:
        return expression.replace("var.diagnostic_stream", given).replace("var.target", target)

    choices = (chosen("null", '"aws"'), chosen("null", '"local"'), chosen('"off"', '"aws"'))
    done = subprocess.run(
        ["terraform", "console"],
        cwd=tmp_path,
        env={**os.environ, "TF_CLI_CONFIG_FILE": os.devnull},
        input=f'join(",", [{", ".join(choices)}])',
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == '"short,full,off"', done.stderr


def test_a_secret_is_given_as_the_arn_of_its_parameter(root: Root) -> None:
    said = refusal(root, {"ssm_parameters": {"MONGO_URI": "mongodb://user@host"}})

    assert "Every value is the ARN of an SSM parameter" in said
    assert "LibreChat does not start without" in said


# The order of work


def test_the_rules_of_security_groups_wait_for_what_they_serve(graph: Graph) -> None:
    rules = [address for address in graph if "aws_vpc_security_group_" in address]
    assert len(rules) == 2
    for rule in rules:
        assert {FUNCTION, REDIS} <= graph[rule], rule


def test_the_slow_resources_do_not_wait_for_each_other(graph: Graph) -> None:
    """ElastiCache and CloudFront take minutes: side by side, the deploy takes as long as the slower one."""
    api = "module.api.aws_api_gateway_stage.default"
    for address in (DISTRIBUTION, api, "module.frontend.aws_route53_record.alias"):
        assert not {FUNCTION, REDIS, "module.backend.terraform_data.image"} & graph[address], address
    assert REDIS in graph[FUNCTION]
    assert FUNCTION in graph["module.api.aws_lambda_permission.api"]


def test_image_and_client_are_built_beside_the_slow_resources(graph: Graph) -> None:
    client, image = "module.frontend.terraform_data.client", "module.backend.terraform_data.image"
    assert not {DISTRIBUTION, REDIS, FUNCTION} & (graph[client] | graph[image])
    assert image in graph[FUNCTION]


# What stands between a stranger and the function


def changes(plan: Path, type: str) -> list[dict[str, Any]]:
    """What the plan would do to the resources of a type."""
    planned = json.loads(plan.read_text())["resource_changes"]
    return [{"index": c.get("index"), **c["change"]} for c in planned if c["type"] == type]


def test_every_method_of_the_stage_is_throttled(plan: Path) -> None:
    (settings,) = changes(plan, "aws_api_gateway_method_settings")
    assert settings["after"]["method_path"] == "*/*"
    (limits,) = settings["after"]["settings"]
    # A login takes 25 requests, 12 of them at once.
    assert (limits["throttling_rate_limit"], limits["throttling_burst_limit"]) == (100, 200)


def test_before_and_after_a_rotation_the_function_accepts_the_old_key_and_the_new_one(plan: Path) -> None:
    made = changes(plan, "terraform_data")
    versions = {change["index"] for change in made if change["index"] is not None}
    assert versions == {"0", "1", "2"}, "version 1 is sent; 2 is known before it is"


def test_no_plan_shows_an_origin_key(plan: Path) -> None:
    (distribution,) = changes(plan, "aws_cloudfront_distribution")
    keys = [change for change in changes(plan, "terraform_data") if change["index"] is not None]
    assert distribution["after_sensitive"]["origin"] is True
    assert [change["after_sensitive"]["triggers_replace"] for change in keys] == [True] * 3


# Policies


def test_the_policy_scan_finds_nothing_that_is_not_explained(root: Root, plan: Path, tmp_path: Path) -> None:
    # Without our list: the raw findings are compared with it, both ways.
    tree = shutil.copytree(
        TREE, tmp_path / "tree", ignore=shutil.ignore_patterns(".checkov.yaml", ".terraform*")
    )
    found = findings("-d", str(tree), "--framework", "terraform")
    found |= findings("-f", str(plan), "--framework", "terraform_plan")
    listed = explained()

    unexplained = {f for f in found if not any(_covers(entry, f) for entry in listed)}
    assert not unexplained, "\n".join(sorted(map(" ".join, unexplained)))
    stale = {entry for entry in listed if not any(_covers(entry, f) for f in found)}
    assert not stale, f"no finding needs these lines any more: {sorted(stale)}"


def findings(*arguments: str) -> set[tuple[str, str]]:
    """Failed checks as ``(id, resource)``."""
    # As a module: the scripts of an environment that was moved into its place name the old one.
    command = [checkov() / "bin" / "python", "-m", "checkov.main", *arguments]
    options = ["--output", "json", "--quiet", "--compact", "--skip-download"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False, cwd=TREE.anchor)
    assert done.returncode in (0, 1), done.stderr
    report: Any = json.loads(done.stdout)
    return {(check["check_id"], check["resource"]) for check in report["results"]["failed_checks"]}


def explained() -> set[tuple[str, str]]:
    """Lines of .checkov.yaml as ``(id, part of the resource's address)``; a reason is required."""
    text = (TREE / ".checkov.yaml").read_text()
    lines = re.findall(r"^  - (\w+) # (\S+): \S.+$", text, re.MULTILINE)
    assert len(lines) == len(yaml.safe_load(text)["skip-check"]), "a line without a resource or a reason"
    return set(lines)


def checkov() -> Path:
    """checkov in an environment of its own, made once: its requirements fight with ours."""

    def make(environment: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        pip = [environment / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, f"checkov=={CHECKOV_VERSION}"], check=True)

    environment = ROOT / ".artifacts" / f"checkov-{CHECKOV_VERSION}"
    build_once(environment, make)
    return environment


def _covers(entry: tuple[str, str], finding: tuple[str, str]) -> bool:
    return entry[0] == finding[0] and entry[1] in finding[1]
