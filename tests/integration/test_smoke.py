"""Whole smoke runs against deployments on loopback: what a run costs, says and returns."""

from __future__ import annotations

import asyncio
import io
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from scripts import smoke
from scripts.aws import Aws
from scripts.console import Console
from scripts.errors import DeployError, ExitStatus
from scripts.settings import Settings
from scripts.smoke import site as site_module
from scripts.smoke.model import Status
from scripts.smoke.report import Report
from scripts.target import Target
from tests.unit.smoke import server
from tests.unit.smoke.server import Deployment, Handler, always, api, file, s3_denied

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tries for health passes next to nothing."""
    monkeypatch.setattr(site_module, "_FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(site_module, "_PATIENCE_SECONDS", 600)


@dataclass(frozen=True)
class Run:
    report: Report
    output: str

    @property
    def failed(self) -> dict[str, str]:
        """Reasons by title."""
        return {finding.title: finding.result.reason for finding in self.report.of(Status.FAILED)}


def settings() -> Settings:
    loaded = Settings.load(yaml.safe_load((PROJECT / "invoke.yaml").read_text()))
    return replace(loaded, smoke=server.SETTINGS)


def target(url: str, aws: Aws | None = None) -> Target:
    return Target("local", {"AWS_ENDPOINT_URL": f"{url}/s3"}, aws or Aws(region="eu-west-1"), url)


async def run(
    wrong: Mapping[str, Handler] | None = None,
    *,
    json_lines: bool = False,
    outputs: Mapping[str, Any] | None = None,
) -> Run:
    out = io.StringIO()
    console = Console(json_lines=json_lines, stdout=out)
    async with Deployment(wrong).serve() as url:
        every = {**server.OUTPUTS, **(outputs or {})}
        report = await asyncio.to_thread(smoke.run, target(url), settings(), every, console)
    console.show(report)
    return Run(report, out.getvalue())


async def test_a_good_deployment_passes_and_says_what_could_not_be_checked() -> None:
    done = await run()
    assert done.report.ok, done.output
    assert not done.failed
    assert {finding.id for finding in done.report.of(Status.NOT_CHECKED)} == {"FR-021"}
    assert done.report.function_log == ()
    assert done.output.count("the diagnostic stream arrives") == 1, "each check is shown once"
    assert "progressive" in done.output


async def test_the_streams_are_measured_side_by_side() -> None:
    begun: set[str] = set()
    both = asyncio.Event()

    async def together(request: web.Request) -> web.StreamResponse:
        begun.add(request.path)
        if len(begun) == 2:
            both.set()
        await both.wait()
        return await server.good_stream(request)

    done = await run({"/api/health/stream": together, "/api/agents/chat": together})
    assert done.report.ok, done.output


async def test_programs_get_a_line_for_each_check_and_one_for_the_whole() -> None:
    done = await run(json_lines=True)
    events = [json.loads(line) for line in done.output.splitlines()]
    assert [event["type"] for event in events] == ["smoke.check"] * len(done.report.findings) + ["smoke"]
    assert events[-1]["ok"] is True


async def test_findings_keep_the_order_of_the_checks_whatever_ends_first() -> None:
    done = await run()
    assert [finding.title for finding in done.report.findings] == [check.title for check in smoke.ALL]


async def test_one_fault_gives_one_failure_and_the_rest_is_not_checked() -> None:
    denied = always(lambda: api({"message": "Internal server error"}, 500))
    done = await run({"/api/*": denied, "/api/health": denied, "/api/echo": denied})
    assert list(done.failed) == ["/api/health answers OK"]
    assert "aws_lambda_permission" in done.failed["/api/health answers OK"]
    reasons = [finding.result.reason for finding in done.report.of(Status.NOT_CHECKED)]
    assert reasons.count("the API is not healthy (SC-003)") > 6


async def test_a_bucket_policy_that_is_gone_gives_one_failure_in_the_frontend() -> None:
    files = dict.fromkeys(server.FILES, always(s3_denied))
    done = await run(files)
    assert list(done.failed) == ["index.html arrives through CloudFront"]


async def test_a_custom_error_response_is_recognised() -> None:
    index = always(lambda: file("/index.html"))
    done = await run({"/assets/nope*": index})
    assert list(done.failed) == ["a missing file is not index.html"]


async def test_a_failure_of_the_function_shows_its_log() -> None:
    # Nothing listens at the endpoint's logs API: even that is said and never raised.
    denied = always(lambda: api({"message": "Internal server error"}, 502))
    done = await run({"/api/health": denied}, outputs={"function_log_group": "/aws/lambda/f"})
    assert done.report.function_log
    assert "Last log lines of the function" in done.output


async def test_a_failure_of_the_frontend_does_not_read_the_function_s_log() -> None:
    done = await run({"/chat/*": always(s3_denied)}, outputs={"function_log_group": "/aws/lambda/f"})
    assert not done.report.ok
    assert done.report.function_log == ()


async def test_a_connection_that_is_dropped_is_a_failure_of_that_check_alone() -> None:
    async def drop(request: Any) -> Any:
        request.transport.close()

    done = await run({"/chat/*": drop})
    assert list(done.failed) == ["a deep link gives index.html"]
    assert "no whole answer" in done.failed["a deep link gives index.html"]


async def test_no_secret_reaches_the_output() -> None:
    leaky = always(lambda: api({"token": "s3cret-1"}, Set_Cookie="refreshToken=s3cret-2; Path=/"))
    done = await run({"/api/auth/login": leaky})
    assert "two Set-Cookie come back apart" in done.failed
    assert "s3cret" not in done.output
    assert "s3cret" not in json.dumps(done.report.to_json())


def test_an_address_where_nothing_listens_is_one_clear_error() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(DeployError) as raised:
            smoke.run(target(url), settings(), server.OUTPUTS, Console(stdout=io.StringIO()))
    assert raised.value.status is ExitStatus.SMOKE_FAILED
    assert raised.value.what == f"Nothing answers at {url}"
    assert "inv local.status" in raised.value.next_step


def test_without_an_address_there_is_nothing_to_check() -> None:
    with pytest.raises(DeployError, match="nothing to check") as raised:
        smoke.run(target(""), settings(), {}, Console(stdout=io.StringIO()))
    assert "inv deploy" in raised.value.next_step


async def test_terraform_s_address_is_used_where_the_target_has_none() -> None:
    async with Deployment().serve() as url:
        real = Target("local", {"AWS_ENDPOINT_URL": f"{url}/s3"}, Aws(region="eu-west-1"))
        outputs = {**server.OUTPUTS, "url": url}
        report = await asyncio.to_thread(smoke.run, real, settings(), outputs, Console(stdout=io.StringIO()))
    assert report.url == url
    assert report.ok
