"""Three ways to deploy the same tree to the same embedded AWS: ours, Terraform by hand, a serial script."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.aws import Aws
from scripts.errors import ExitStatus
from tests.benchmarks.cpu import children_cpu
from tests.benchmarks.figures import Sample
from tests.e2e.checkout import Checkout, make_checkout
from tests.e2e.stack import Stack, make_stack

OURS, TERRAFORM, SCRIPT = "inv deploy", "terraform apply", "serial script"

_BUT_THE_CLIENT = (
    "module.redis",
    "module.backend",
    "module.api",
    "module.frontend.module.bucket",
    "module.frontend.module.cloudfront",
    "module.frontend.aws_route53_record.alias",
)
_REPOSITORY = "module.backend.module.ecr"
_STATE_BUCKET = "librechat-lambda-tfstate-dev"
_CLIENT_BUCKET = "librechat-lambda-frontend-dev"
_PARALLELISM = "-parallelism=20"
"""As the runner's setting has it, for all ways alike."""


class Failed(Exception):
    """A command that had to succeed did not; the text is the end of what it said."""


@dataclass(frozen=True)
class Place:
    """A checkout of its own, and an embedded AWS of its own to deploy it to."""

    stack: Stack
    checkout: Checkout

    def inv(self, *arguments: str, expected: ExitStatus = ExitStatus.OK) -> tuple[dict[str, Any], ...]:
        """One of our commands; its events."""
        ended = self.stack.inv(*arguments, "--json")
        if ended.status != expected:
            raise Failed(f"inv {' '.join(arguments)}: {ended.stdout[-1500:]}{ended.stderr[-1500:]}")
        return ended.events

    def terraform(self, environment: Mapping[str, str], *arguments: str) -> str:
        """Terraform itself, as a person runs it; what it printed."""
        done = subprocess.run(
            ["terraform", f"-chdir={self.stack.workspace}", *arguments],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Failed(f"terraform {' '.join(arguments)}: {done.stderr[-3000:]}")
        return done.stdout

    def change(self, what: str) -> None:
        """Edit one line of the handler, or one asset of the client, as it was never before."""
        file, comment = _EDITS[what]
        with (self.checkout.root / file).open("a") as source:
            source.write(comment.format(time.time_ns()))


HANDLER, ASSET = "handler", "asset"
_EDITS = {
    HANDLER: ("container/src/handler.mjs", "// {}\n"),
    ASSET: ("scripts/local/app/client/public/favicon.svg", "<!-- {} -->\n"),
}


@contextmanager
def place() -> Iterator[Place]:
    """A place where nothing was built or deployed; the embedded AWS runs."""
    # Short, because sockets lie below it.
    with tempfile.TemporaryDirectory(prefix="llb-") as directory:
        stack = make_stack(Path(directory))
        checkout = make_checkout(Path(directory) / "checkout")
        builds = checkout.root / ".build"
        builds.unlink()  # a link to the builds of the real checkout
        builds.mkdir()
        stack.checkout = checkout.root
        here = Place(stack, checkout)
        here.inv("local.up")
        try:
            yield here
        finally:
            stack.inv("local.down")


def ways(here: Place) -> dict[str, Callable[[], Sample]]:
    """Each way to bring what the checkout holds live; called, it returns what it took.

    What Terraform is told by hand, our command finds out by itself: it is prepared outside the measured time.
    """
    return {OURS: lambda: ours(here), TERRAFORM: lambda: by_hand(here), SCRIPT: lambda: script(here)}


def ours(here: Place) -> Sample:
    """Build, plan, apply, publish, and prove: one command."""

    def work() -> float:
        events = here.inv("deploy", "--yes")
        steps = [event for event in events if event["type"] == "step" and event["name"] == "smoke"]
        return float(sum(step["took"] for step in steps))

    return _measured(work)


def by_hand(here: Place) -> Sample:
    """``terraform apply`` of the same root. Its provisioners build and publish; nothing is proved."""
    environment = _prepared(here)

    def work() -> float:
        _init(here, environment)
        _apply(here, environment)
        return 0

    return _measured(work)


def plan_by_hand(here: Place) -> Sample:
    """``terraform plan``: what even a deploy of nothing cannot do without."""
    environment = _prepared(here)

    def work() -> float:
        here.terraform(environment, "plan", "-input=false", _PARALLELISM)
        return 0

    return _measured(work)


def script(here: Place) -> Sample:
    """Build, push, apply, sync, check, one after the other, as deploy scripts do it."""
    environment = _prepared(here)

    def work() -> float:
        here.inv("frontend.build")
        built = next(event for event in here.inv("image.build") if event["type"] == "image")
        _init(here, environment)
        _apply(here, environment, _REPOSITORY)  # before the function, which needs an image in it
        # Not Terraform's output: a targeted apply leaves out what it does not need.
        repositories = _aws(environment).client("ecr").describe_repositories()["repositories"]
        url = repositories[0]["repositoryUri"]
        here.inv("image.push", "--repository-url", url, "--tag", built["values"]["tag"])
        _apply(here, environment, *_BUT_THE_CLIENT)
        here.inv("frontend.publish", "--bucket", _CLIENT_BUCKET)
        began = time.monotonic()
        here.inv("smoke")
        return time.monotonic() - began

    return _measured(work)


def _prepared(here: Place) -> dict[str, str]:
    """The variables, the copy that Terraform runs in, and a bucket for the state."""
    environment = here.stack.tool_environment()
    s3 = _aws(environment).client("s3")
    if _STATE_BUCKET not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        region = {"LocationConstraint": environment["AWS_REGION"]}
        s3.create_bucket(Bucket=_STATE_BUCKET, CreateBucketConfiguration=region)
    return environment


def _aws(environment: Mapping[str, str]) -> Aws:
    return Aws(region=environment["AWS_REGION"], environment=environment)


def _init(here: Place, environment: Mapping[str, str]) -> None:
    here.terraform(
        environment,
        "init",
        "-input=false",
        "-backend-config=backend.hcl",
        "-backend-config=local_backend.hcl",
    )


def _apply(here: Place, environment: Mapping[str, str], *targets: str) -> None:
    here.terraform(
        environment,
        "apply",
        "-auto-approve",
        "-input=false",
        _PARALLELISM,
        *(f"-target={target}" for target in targets),
    )


def _measured(work: Callable[[], float]) -> Sample:
    """What `work` takes: on the clock, without the proof, whose seconds `work` returns, and of the CPU.

    CPU seconds are those of every process that it has started and waited for.
    """
    started, used = time.monotonic(), children_cpu()
    proof = work()
    took = time.monotonic() - started
    return {"seconds": took, "unproven_s": took - proof, "cpu_s": children_cpu() - used}
