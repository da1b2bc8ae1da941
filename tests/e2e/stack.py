"""A deployment of the tests' own: `inv` against an embedded AWS that nobody else uses.

It lives in a directory and on ports of its own, so that a running rehearsal stays untouched. The
Terraform that it deploys is a copy, which the mutations change.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.aws import Aws
from scripts.smoke import access
from tests.e2e.watch import Watch

ROOT = Path(__file__).parent.parent.parent
MUTATIONS_TABLE = ROOT / ".artifacts" / "mutations.md"


@dataclass(frozen=True)
class Ended:
    """One finished command: its exit status and, with ``--json``, its events."""

    status: int
    stdout: str
    stderr: str

    @property
    def events(self) -> tuple[dict[str, Any], ...]:
        return tuple(json.loads(line) for line in self.stdout.splitlines())

    def last(self, type: str) -> dict[str, Any]:
        """The last event of a type."""
        found = [event for event in self.events if event["type"] == type]
        assert found, f"no {type} event\n{self.stdout[-3000:]}\n{self.stderr[-3000:]}"
        return found[-1]


@dataclass
class Stack:
    """Commands against one embedded AWS.

    Attributes:
        directory: Everything it owns: the embedded AWS's state and the copy of the Terraform tree.
        environment: What points `inv` at it.
        url: The viewer's address.
        deployed: The first deploy, from nothing.
        checkout: The working tree that is deployed.
        history: Every command so far, with how it ended.
        watch: What others could see meanwhile.
    """

    directory: Path
    environment: dict[str, str]
    url: str
    deployed: Ended = field(default=Ended(-1, "", ""))
    checkout: Path = ROOT
    history: list[tuple[tuple[str, ...], Ended]] = field(default_factory=list)
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        self.watch = Watch(self.workspace)

    @property
    def terraform(self) -> Path:
        """The tree that is deployed, a copy of the shipped one."""
        return self.directory / "terraform-source"

    def inv(self, *arguments: str, **environment: str) -> Ended:
        """Run a task as a user does."""
        done = subprocess.run(
            [str(Path(sys.executable).parent / "inv"), *arguments],
            cwd=self.checkout,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        self.history.append((arguments, Ended(done.returncode, done.stdout, done.stderr)))
        return self.history[-1][1]

    @property
    def workspace(self) -> Path:
        """Where Terraform runs."""
        return self.directory / "local" / "terraform" / "environments" / "dev"

    def tool_environment(self) -> dict[str, str]:
        """The environment for other tools, as ``inv local.env`` gives it to a person."""
        return {**self.environment, **self.inv("local.env", "--json").last("environment")["values"]}

    def terraform_output_of(self, *arguments: str) -> str:
        """What Terraform itself prints, run by hand in the workspace."""
        return subprocess.run(
            ["terraform", f"-chdir={self.workspace}", *arguments],
            env=self.tool_environment(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def diagnostic_headers(self) -> dict[str, str]:
        """What a request for the diagnostic stream needs, as ``inv smoke`` makes it."""
        environment = self.tool_environment()
        aws = Aws(region=environment["AWS_REGION"], environment=environment)
        function = self.inv("outputs", "--name", "function_name").stdout.strip()
        return access.read(aws, {"function_name": function}).headers()

    def plan_json(self) -> dict[str, Any]:
        """``terraform show -json`` of a fresh plan."""
        file = self.directory / "e2e.tfplan"
        try:
            self.terraform_output_of("plan", "-input=false", f"-out={file}")
            plan: dict[str, Any] = json.loads(self.terraform_output_of("show", "-json", str(file)))
        finally:
            file.unlink(missing_ok=True)
        return plan

    def secrets(self) -> dict[str, str]:
        """Name and value of every SSM parameter that the deployment uses."""
        environment = self.tool_environment()
        ssm = Aws(region=environment["AWS_REGION"], environment=environment).client("ssm")
        pages = ssm.get_paginator("get_parameters_by_path").paginate(
            Path="/ecs/genai", Recursive=True, WithDecryption=True
        )
        return {found["Name"]: found["Value"] for page in pages for found in page["Parameters"]}

    def state_objects(self) -> dict[str, str]:
        """Everything that was ever kept in the state bucket: each version of the state, and the releases."""
        environment = self.tool_environment()
        s3 = Aws(region=environment["AWS_REGION"], environment=environment).client("s3")
        bucket = "librechat-lambda-tfstate-dev"
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
        versions = [found for page in pages for found in page.get("Versions", ())]
        return {
            f"{found['Key']} version {found['VersionId']}": s3.get_object(
                Bucket=bucket, Key=found["Key"], VersionId=found["VersionId"]
            )["Body"].read().decode()
            for found in versions
        }  # fmt: skip

    def logs(self) -> str:
        """The end of every log of the embedded AWS, for a failure's message."""
        files = sorted((self.directory / "local" / "logs").rglob("*.log"))
        return "".join(f"\n--- {path.name}\n{path.read_text(errors='replace')[-3000:]}" for path in files)

    def restore(self) -> None:
        """Bring the copy of the Terraform tree back to the shipped one."""
        shutil.rmtree(self.terraform, ignore_errors=True)
        shutil.copytree(
            ROOT / "infrastructure" / "terraform",
            self.terraform,
            ignore=shutil.ignore_patterns(".terraform*"),
        )


@contextmanager
def deployed(directory: Path, environment: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """A stack deployed by ``inv deploy`` from nothing; its background process is gone afterwards."""
    stack = make_stack(directory)
    stack.environment |= environment or {}
    try:
        with stack.watch.running():
            stack.deployed = stack.inv("deploy", "--json")
            assert stack.deployed.status == 0, (
                stack.deployed.stdout[-4000:] + stack.deployed.stderr + stack.logs()
            )
            yield stack
    finally:
        stack.inv("local.down")


def free_port() -> int:
    """A port that nobody uses, and that no outgoing connection will take before we do.

    So none of those that the kernel hands out by itself (/proc/sys/net/ipv4/ip_local_port_range).
    """
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("100 ports tried, all of them taken")


def make_stack(directory: Path) -> Stack:
    """A stack that is not deployed yet."""
    port = free_port()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("INVOKE_", "AWS_"))
    }
    stack = Stack(
        directory,
        environment
        | {
            "INVOKE_LOCAL_DIRECTORY": str(directory / "local"),
            "INVOKE_LOCAL_PORT": str(port),
            "INVOKE_LOCAL_CONTROL_PORT": str(free_port()),
            "INVOKE_TERRAFORM_DIRECTORY": str(directory / "terraform-source"),
        },
        f"http://localhost:{port}",
    )
    stack.restore()
    return stack
