"""How long publishing takes, beside `aws s3 sync` and Terraform's `aws_s3_object`, in one run.

Run it with ``./bootstrap python tests/benchmarks/publish.py [FILES…]``; 200 and 2,000 files without an
argument. Everything speaks to the same embedded S3, of its own. Each tool is a process of its own, start
included. Prints medians of three, and requests (counted by a proxy, in runs that are not timed);
asserts nothing. The AWS CLI comes from PyPI into a temporary environment: it pins another botocore.

On loopback every tool waits for the embedded S3's one CPU, so what counts is the number of requests. With
``--latency 50`` the proxy stays in between and each request takes 50 ms longer, as a region is away: then
the number of requests at once counts as well.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

from scripts.local.registry import cli_config, find_plugin_mirrors  # noqa: E402
from tests.integration.conftest import ACCOUNT, REGION, Emulator  # noqa: E402

REPEATS = 3
SITUATIONS = ("from nothing", "nothing changed", "one file changed")
AVERAGE_BYTES = 40_000

OURS = """
import sys
from pathlib import Path
from scripts.aws import Aws
from scripts.frontend import publish_directory
dist, bucket, release, region = sys.argv[1:]
publish_directory(Path(dist), Aws(region=region).client("s3"), bucket, release=release, keep=5)
"""

TERRAFORM = """
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


def main() -> None:
    """Measure each tool in each situation, for each number of files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=int, nargs="*", default=[200, 2000], help="numbers of files")
    parser.add_argument("--latency", type=int, default=0, help="milliseconds that each request takes longer")
    parser.add_argument("--without-terraform", action="store_true", help="it takes minutes")
    options = parser.parse_args()
    os.chdir(ROOT)  # the emulator is a module of this project
    with tempfile.TemporaryDirectory(prefix="librechat-bench-") as directory:
        place = Path(directory)
        emulator = Emulator(place / "emulator")
        emulator.state.mkdir()
        emulator.start()
        try:
            cli = install_cli(place / "cli")
            for size in options.files:
                compare(place / str(size), size, emulator, cli, options)
        finally:
            emulator.stop()


def compare(place: Path, size: int, emulator: Emulator, cli: Path, options: argparse.Namespace) -> None:
    """Print the table of one number of files."""
    dist = place / "dist"
    total = make_site(dist, size)
    tools: dict[str, Tool] = {
        "inv frontend.publish": Publisher(dist, emulator),
        "aws s3 sync": Sync(dist, emulator, cli),
    }
    if not options.without_terraform:
        tools["Terraform aws_s3_object"] = Terraform(dist, emulator, place / "terraform")
    away = f", {options.latency} ms away" if options.latency else ""
    print(f"\n{size} files, {total / 1e6:.1f} MB{away}: seconds / CPU seconds of the tool (requests)")
    print(f"{'':<26}" + "".join(f"{situation:>24}" for situation in SITUATIONS))
    base: list[float] = []
    for name, tool in tools.items():
        results = [tool.measure(situation, options.latency / 1000) for situation in SITUATIONS]
        base = base or [result.seconds for result in results]
        cells = (str(result).rjust(24) for result in results)
        print(f"{name:<26}" + "".join(cells), flush=True)
        if name != next(iter(tools)):
            ratios = (f"{r.seconds / own:.1f} x".rjust(24) for r, own in zip(results, base, strict=True))
            print(f"{'':<26}" + "".join(ratios), flush=True)


@dataclass(frozen=True)
class Figures:
    """Medians of one situation. A busy machine changes the seconds, and hardly the CPU seconds."""

    seconds: float
    cpu: float
    requests: int

    def __str__(self) -> str:
        return f"{self.seconds:.2f} / {self.cpu:.2f} ({self.requests})"


@dataclass
class Tool:
    """One way to publish a directory; a fresh bucket is from nothing."""

    dist: Path
    emulator: Emulator
    bucket: str = ""
    buckets: int = 0
    edits: int = field(default=0)

    def measure(self, situation: str, latency: float) -> Figures:
        """Run it in a situation, once to count and then for the time."""
        seconds, cpu = [], []
        with counting(self.emulator, latency) as (endpoint, count):
            self.prepare(situation)
            self.run(endpoint)
            requests = count()
            for _ in range(REPEATS):
                self.prepare(situation)
                began, used = time.monotonic(), children_cpu()
                self.run(endpoint if latency else self.emulator.endpoint)
                seconds.append(time.monotonic() - began)
                cpu.append(children_cpu() - used)
        return Figures(statistics.median(seconds), statistics.median(cpu), requests)

    def prepare(self, situation: str) -> None:
        """Bring files and bucket into the situation."""
        if situation == "from nothing":
            self.buckets += 1
            self.bucket = f"bench-{type(self).__name__.lower()}-{self.dist.parent.name}-{self.buckets}"
            location = {"LocationConstraint": REGION}
            self.emulator.aws.client("s3").create_bucket(
                Bucket=self.bucket, CreateBucketConfiguration=location
            )
        elif situation == "one file changed":
            self.edits += 1
            (self.dist / "robots.txt").write_text(f"{type(self).__name__} {self.edits}" + " " * self.edits)

    def run(self, endpoint: str) -> None:
        """Publish, as a process."""
        raise NotImplementedError

    def process(self, command: list[str], endpoint: str, **more: str) -> None:
        """Run a command that must succeed, with the embedded AWS as its account."""
        environment: Mapping[str, str] = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            **more,
        }
        subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)


class Publisher(Tool):
    """Ours, without the build."""

    def run(self, endpoint: str) -> None:
        release = f"release-{self.edits}"
        self.process([sys.executable, "-c", OURS, str(self.dist), self.bucket, release, REGION], endpoint)


class Sync(Tool):
    """The AWS CLI. It sets neither Cache-Control nor an order."""

    def __init__(self, dist: Path, emulator: Emulator, cli: Path) -> None:
        super().__init__(dist, emulator)
        self.cli = cli

    def run(self, endpoint: str) -> None:
        self.process(
            [
                str(self.cli),
                "s3",
                "sync",
                "--delete",
                "--only-show-errors",
                str(self.dist),
                f"s3://{self.bucket}",
            ],
            endpoint,
        )


class Terraform(Tool):
    """One resource a file."""

    def __init__(self, dist: Path, emulator: Emulator, directory: Path) -> None:
        super().__init__(dist, emulator)
        self.directory = directory
        directory.mkdir()
        (directory / "main.tf").write_text(TERRAFORM)
        # The provider comes from where the local target finds it; no module is asked for.
        self.config = directory / "cli.tfrc"
        self.config.write_text(cli_config("http://127.0.0.1:9", find_plugin_mirrors()))
        self.terraform("init", "-input=false", endpoint=emulator.endpoint)

    def prepare(self, situation: str) -> None:
        super().prepare(situation)
        if situation == "from nothing":
            (self.directory / "terraform.tfstate").unlink(missing_ok=True)

    def run(self, endpoint: str) -> None:
        self.terraform("apply", "-auto-approve", "-input=false", "-parallelism=20", endpoint=endpoint)

    def terraform(self, *arguments: str, endpoint: str) -> None:
        self.process(
            ["terraform", f"-chdir={self.directory}", *arguments],
            endpoint,
            TF_CLI_CONFIG_FILE=str(self.config),
            TF_VAR_dist=str(self.dist),
            TF_VAR_bucket=self.bucket,
        )


def children_cpu() -> float:
    """CPU seconds of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def make_site(dist: Path, size: int) -> int:
    """A client like LibreChat's: two thirds hashed, most files small and some large. Returns its bytes."""
    chance = random.Random(size)
    written = 0
    for number in range(size - 3):
        name = f"assets/chunk{number}.{number:08d}.js" if number % 3 else f"images/{number}.png"
        path = dist / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = chance.randbytes(min(int(chance.expovariate(1 / AVERAGE_BYTES)), 4_000_000))
        path.write_bytes(content)
        written += len(content)
    for name in ("index.html", "sw.js", "robots.txt"):
        (dist / name).write_text(name)
    return written


def install_cli(directory: Path) -> Path:
    """The AWS CLI in an environment of its own."""
    venv.create(directory, with_pip=True)
    pip = [str(directory / "bin" / "python"), "-m", "pip", "install", "--quiet", "awscli"]
    subprocess.run(pip, check=True)
    return directory / "bin" / "aws"


@contextmanager
def counting(emulator: Emulator, latency: float) -> Iterator[tuple[str, Callable[[], int]]]:
    """An endpoint that counts every request and passes it on, `latency` seconds later."""
    from aiohttp import ClientSession, web

    seen = 0
    skip = {"transfer-encoding", "content-length", "content-encoding", "connection"}

    async def pass_on(request: web.Request) -> web.Response:
        nonlocal seen
        seen += 1
        await asyncio.sleep(latency)
        async with sessions[0].request(
            request.method,
            f"{emulator.endpoint}{request.raw_path}",
            headers=request.headers,
            data=await request.read(),
            skip_auto_headers=("Content-Type", "User-Agent"),
        ) as answer:
            headers = [(k, v) for k, v in answer.headers.items() if k.lower() not in skip]
            body = await answer.read()
            response = web.Response(status=answer.status, headers=headers, body=body or None)
            if request.method == "HEAD":
                response.headers["Content-Length"] = answer.headers.get("Content-Length", "0")
            return response

    sessions: list[ClientSession] = []
    started: list[int] = []
    ready, loop = threading.Event(), asyncio.new_event_loop()

    async def serve() -> web.AppRunner:
        sessions.append(ClientSession(auto_decompress=False))
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{path:.*}", pass_on)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        started.append(runner.addresses[0][1])
        ready.set()
        return runner

    def run() -> None:
        runner = loop.run_until_complete(serve())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.run_until_complete(sessions[0].close())

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()
    try:
        yield f"http://127.0.0.1:{started[0]}", lambda: seen
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


if __name__ == "__main__":
    sys.exit(main())
