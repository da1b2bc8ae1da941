"""Checks before anything is touched: the tools, the account, the things that the tfvars refer to.

Each check says what it found; a failed one also says what to do. Nothing here changes anything.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts.aws import error_code
from scripts.errors import DeployError, ExitStatus
from scripts.settings import Settings
from scripts.target import Target

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class Check:
    """One finding. `remedy` is empty when `ok`."""

    name: str
    ok: bool
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class Report:
    """All findings. An `Outcome` of the console."""

    checks: tuple[Check, ...]

    type = "preflight"

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return all(check.ok for check in self.checks)

    def require(self) -> None:
        """Go on only when every check passed.

        Raises:
            DeployError: with `ExitStatus.PREFLIGHT_FAILED`, naming each failed check.
        """
        failed = [check for check in self.checks if not check.ok]
        if failed:
            raise DeployError(
                "The checks before the start failed; nothing was touched",
                "\n".join(f"{check.name}: {check.found}" for check in failed),
                "\n".join(dict.fromkeys(check.remedy for check in failed)),
                status=ExitStatus.PREFLIGHT_FAILED,
            )

    def to_json(self) -> dict[str, Any]:
        """Each check with its finding."""
        return {
            "ok": self.ok,
            "checks": [
                {"name": c.name, "ok": c.ok, "found": c.found, "remedy": c.remedy} for c in self.checks
            ],
        }

    def __rich__(self) -> RenderableType:
        """A table; a failed check has its remedy in the last column."""
        from rich.table import Table
        from rich.text import Text

        table = Table("", "Check", box=None, pad_edge=False)
        table.add_column("Found", overflow="fold")
        table.add_column("" if self.ok else "Next", overflow="fold")
        for check in self.checks:
            mark = Text("✓", "green") if check.ok else Text("✗", "bold red")
            table.add_row(mark, check.name, Text(check.found), Text(check.remedy))
        return table


def tools(settings: Settings) -> Report:
    """The programs that a run needs, and their versions. Takes a fraction of a second."""
    wanted = (
        (settings.terraform.binary, ("version",), (1, 11), "Install Terraform 1.11 or newer."),
        ("node", ("--version",), (20, 19), "Install Node.js 20.19 or newer."),
    )
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda tool: _version(*tool), wanted))
    if settings.image.builder == "buildx":
        docker = ("docker", ("buildx", "version"), (0, 10), "Install Docker with the buildx plugin.")
        found.append(_version(*docker))
    if settings.target == "local":
        found.append(_sandbox(settings))
    found.append(_tfvars(settings))
    return Report(tuple(found))


def account(settings: Settings, target: Target) -> Report:
    """Whether the credentials work and belong to the account of the settings."""
    wanted = settings.aws.account_id
    try:
        identity = target.aws.client("sts").get_caller_identity()
    except Exception as error:
        remedy = "Sign in (aws sso login), or name a profile with INVOKE_AWS_PROFILE."
        if type(error).__name__.endswith(("ConnectionError", "TimeoutError")):
            remedy = "Check the network and the proxy settings: AWS was not reached."
        return Report((Check("credentials", False, _reason(error), remedy),))
    if identity["Account"] != wanted:
        found = f"these credentials belong to account {identity['Account']}, the settings to {wanted}"
        remedy = "Choose the right profile with INVOKE_AWS_PROFILE, or correct aws.account_id."
        return Report((Check("account", False, found, remedy),))
    return Report((Check("account", True, f"{wanted} as {identity['Arn']}"),))


def references(settings: Settings, target: Target) -> Report:
    """Whether the things exist that the configuration refers to and does not create."""
    tfvars, aws = settings.tfvars, target.aws
    looks: list[tuple[str, Callable[[], Any]]] = [
        ("VPC", lambda: aws.client("ec2").describe_vpcs(VpcIds=[tfvars["vpc_id"]])),
        ("subnets", lambda: aws.client("ec2").describe_subnets(SubnetIds=tfvars["private_subnet_ids"])),
        (
            "security groups",
            lambda: aws.client("ec2").describe_security_groups(
                GroupIds=list(tfvars["security_group_ids"].values())
            ),
        ),
        ("hosted zone", lambda: aws.client("route53").get_hosted_zone(Id=tfvars["route53_zone_id"])),
        (
            "certificate",
            lambda: aws.client("acm", "us-east-1").describe_certificate(
                CertificateArn=tfvars["acm_certificate_arn"]
            ),
        ),
        ("SSM parameters", lambda: _parameters(target, tfvars.get("ssm_parameters", {}).values())),
        ("librechat.yaml", lambda: _configuration(target, tfvars)),
    ]
    with ThreadPoolExecutor() as pool:
        return Report(tuple(pool.map(lambda look: _referenced(*look), looks)))


def _referenced(name: str, look: Callable[[], Any]) -> Check:
    try:
        found = look()
    except Exception as error:
        return Check(name, False, _reason(error), "Correct terraform.tfvars.json, or create what is missing.")
    return Check(name, True, found if isinstance(found, str) else "found")


def _reason(error: Exception) -> str:
    return (
        str(error)
        if error_code(error) or isinstance(error, LookupError)
        else f"{type(error).__name__}: {error}"
    )


def _parameters(target: Target, arns: Iterable[str]) -> None:
    """Names only: values are never asked for."""
    wanted = sorted({"/" + arn.split(":parameter/", 1)[1] for arn in arns})
    ssm = target.aws.client("ssm")
    found: set[str] = set()
    for start in range(0, len(wanted), 50):
        chosen = [{"Key": "Name", "Option": "Equals", "Values": wanted[start : start + 50]}]
        for page in ssm.get_paginator("describe_parameters").paginate(ParameterFilters=chosen):
            found |= {parameter["Name"] for parameter in page["Parameters"]}
    if missing := [name for name in wanted if name not in found]:
        raise LookupError(f"missing: {', '.join(missing)}")


def _configuration(target: Target, tfvars: Mapping[str, Any]) -> str:
    """The file that the function reads at its cold start; a bad one would be refused only there."""
    from scripts import app_config

    bucket, key = tfvars["config_s3_bucket"], tfvars["config_s3_key"]
    try:
        content = target.aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    except Exception as error:
        if error_code(error) == "AccessDenied":  # another account's bucket, and only the function may read it
            return "not checked: these credentials may not read it"
        raise
    try:
        version = app_config.validate(content)
    except DeployError as error:
        raise LookupError(f"s3://{bucket}/{key}: {error.why}") from error
    old = tfvars["replaced_domain"]
    if app_config.replace_domain(content, old, "")[1]:
        raise LookupError(f"s3://{bucket}/{key} still names {old} (FR-027)")
    return f"found, version {version}"


def _version(program: str, arguments: tuple[str, ...], least: tuple[int, ...], remedy: str) -> Check:
    name = " ".join([program, *arguments[:-1]])
    if shutil.which(program) is None:
        return Check(name, False, "not on PATH", remedy)
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    match = re.search(r"v?(\d+(?:\.\d+)+)", done.stdout)
    if match is None:
        return Check(name, False, "says no version: " + (done.stderr or done.stdout).strip()[:200], remedy)
    version = tuple(int(part) for part in match.group(1).split("."))
    return Check(name, version[: len(least)] >= least, match.group(1), "" if version >= least else remedy)


def _sandbox(settings: Settings) -> Check:
    """Bubblewrap, where the local target's Lambda environments are processes under it."""
    from scripts.image.engine import home

    if home(settings).kind != "process":
        return Check("bwrap", True, "not needed: Lambda environments are containers")
    if shutil.which("bwrap") is None:
        return Check("bwrap", False, "not on PATH", "Install bubblewrap: apt-get install bubblewrap.")
    probe = ["bwrap", "--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    done = subprocess.run(probe, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        remedy = "Run as root, or allow user namespaces: sysctl kernel.unprivileged_userns_clone=1"
        return Check("bwrap", False, done.stderr.strip() or f"ended with {done.returncode}", remedy)
    return Check("bwrap", True, "isolates Lambda's environments")


def _tfvars(settings: Settings) -> Check:
    """The account of the values and the account of the settings must be one."""
    theirs = settings.tfvars.get("aws_account_id", settings.aws.account_id)
    if theirs != settings.aws.account_id:
        found = f"the tfvars are for account {theirs}, the settings for {settings.aws.account_id}"
        return Check("tfvars", False, found, "Correct aws.account_id or terraform.tfvars.json.")
    return Check("tfvars", True, settings.shown(settings.tfvars_path))
