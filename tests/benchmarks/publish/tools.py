"""The ways to publish a directory that are compared, each as a process of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

from scripts.terraform.cli_config import cli_config, find_plugin_mirrors
from tests.benchmarks.cpu import children_cpu
from tests.benchmarks.figures import NotMeasured
from tests.benchmarks.machine import ROOT
from tests.benchmarks.publish.storage import Storage
from tests.benchmarks.publish.wire import Wire
from tests.integration.conftest import REGION

CLI = ROOT / ".bench" / "aws-cli"

_OURS = """
import sys
from pathlib import Path
from scripts.aws import Aws
from scripts.frontend import publish_directory
dist, bucket, release, region = sys.argv[1:]
publish_directory(Path(dist), Aws(region=region).client("s3"), bucket, release=release, keep=5)
"""

_TERRAFORM = """
variable "dist" { type = string }
variable "bucket" { type = string }

provider "aws" {
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

resource "aws_s3_object" "file" {
  for_each      = fileset(var.dist, "**")
  bucket        = var.bucket
  key           = each.value
  source        = "${var.dist}/${each.value}"
  etag          = filemd5("${var.dist}/${each.value}")
  content_type  = "application/octet-stream"
  cache_control = "no-cache"
}
"""


class Tool:
    """One way to publish `dist`."""

    version = ""

    def __init__(self, dist: Path, s3: Storage) -> None:
        self.dist = dist
        self.s3 = s3
        self.bucket = ""
        self._edits = 0

    def turn(self, endpoint: str, wire: Wire) -> dict[str, float]:
        """Publish from nothing, again, and with one file changed. Returns a sample; seconds and requests."""
        with self.s3.bucket() as self.bucket:
            self.begin()
            used, s3_used = children_cpu(), self.s3.cpu
            sample = self._timed("first", endpoint, wire)
            sample |= {"cpu_s": children_cpu() - used, "s3_cpu_s": self.s3.cpu - s3_used}
            if not isinstance(self, Limit):
                sample |= self._timed("same", endpoint, wire)
                self._edits += 1
                # Of another length each time: aws s3 sync compares lengths and dates.
                (self.dist / "robots.txt").write_text(f"{type(self).__name__}{' ' * self._edits}")
                sample |= self._timed("one", endpoint, wire)
            return sample

    def begin(self) -> None:
        """Forget the bucket before."""

    def run(self, endpoint: str) -> None:
        """Publish what is in `dist` now."""
        raise NotImplementedError

    def process(self, *command: str | Path, endpoint: str, **more: str) -> None:
        """Run a command that must succeed."""
        environment = {**self.s3.environment(endpoint), **more}
        subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)

    def _timed(self, name: str, endpoint: str, wire: Wire) -> dict[str, float]:
        began, passed = time.monotonic(), wire.requests
        self.run(endpoint)
        seconds, requests = time.monotonic() - began, wire.requests - passed
        return {f"{name}_s": seconds, **({f"{name}_requests": requests} if requests else {})}


class Publisher(Tool):
    """Ours, without the build."""

    def run(self, endpoint: str) -> None:
        """A release's name is that of its content."""
        release = f"release-{self._edits}"
        self.process(sys.executable, "-c", _OURS, self.dist, self.bucket, release, REGION, endpoint=endpoint)


class Limit(Tool):
    """Sends the files, and does nothing else."""

    def run(self, endpoint: str) -> None:
        """From nothing only: it compares nothing."""
        self.process(
            sys.executable, Path(__file__).with_name("bare.py"), self.dist, self.bucket, endpoint=endpoint
        )


class Sync(Tool):
    """The AWS CLI of PyPI, in an environment of its own: it pins another botocore."""

    def __init__(self, dist: Path, s3: Storage) -> None:
        super().__init__(dist, s3)
        self._aws = CLI / "bin" / "aws"
        try:
            if not self._aws.exists():
                venv.create(CLI, with_pip=True)
                pip = [str(CLI / "bin" / "python"), "-m", "pip", "install", "--quiet", "awscli"]
                subprocess.run(pip, check=True, capture_output=True)
            said = subprocess.run([self._aws, "--version"], check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise NotMeasured(f"awscli cannot be installed: {error}") from error
        self.version = said.stdout.split()[0]

    def run(self, endpoint: str) -> None:
        """As its manual has it; by default ten requests at a time."""
        to = f"s3://{self.bucket}"
        self.process(
            self._aws, "s3", "sync", "--delete", "--only-show-errors", self.dist, to, endpoint=endpoint
        )


class Terraform(Tool):
    """One resource a file."""

    def __init__(self, dist: Path, s3: Storage) -> None:
        super().__init__(dist, s3)
        mirrors = find_plugin_mirrors()
        if not shutil.which("terraform"):
            raise NotMeasured("terraform is not installed")
        self._directory = dist.parent / "terraform"
        self._directory.mkdir()
        (self._directory / "main.tf").write_text(_TERRAFORM)
        self._config = self._directory / "cli.tfrc"
        self._config.write_text(cli_config("http://127.0.0.1:9", mirrors))  # no module is asked for
        try:
            self._terraform("init", "-input=false", endpoint=s3.endpoint)
        except subprocess.CalledProcessError as error:
            raise NotMeasured(f"terraform init failed: {error}") from error
        said = subprocess.run(["terraform", "version"], check=True, capture_output=True, text=True)
        self.version = said.stdout.split()[1]

    def begin(self) -> None:
        """Without its state it knows of nothing."""
        (self._directory / "terraform.tfstate").unlink(missing_ok=True)

    def run(self, endpoint: str) -> None:
        """Plan and apply in one, with as many requests at a time as its users set."""
        self._terraform("apply", "-auto-approve", "-input=false", "-parallelism=20", endpoint=endpoint)

    def _terraform(self, *arguments: str, endpoint: str) -> None:
        self.process(
            "terraform",
            f"-chdir={self._directory}",
            *arguments,
            endpoint=endpoint,
            TF_CLI_CONFIG_FILE=str(self._config),
            TF_VAR_dist=str(self.dist),
            TF_VAR_bucket=self.bucket,
        )
