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
from scripts.smoke import health
from scripts.smoke.model import Status
from scripts.smoke.page import asset_paths
from scripts.smoke.report import Report
from scripts.target import Target
from tests.unit.smoke import server
from tests.unit.smoke.server import Deployment, Handler, always, api, file, s3_denied

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tries for health passes next to nothing."""
    monkeypatch.setattr(health, "_FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(health, "_PATIENCE_SECONDS", 600)


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
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_ENDPOINT_URL": url}
    account = aws or Aws(region="eu-west-1", environment=keys)
    return Target("local", {"AWS_ENDPOINT_URL": f"{url}/s3"}, account, url)


async def run(
    wrong: Mapping[str, Handler] | None = None,
    *,
    json_lines: bool = False,
    outputs: Mapping[str, Any] | None = None,
) -> Run:
    out = io.StringIO()
    console = Console(json_lines=json_lines, stdout=out)
    async with Deployment(wrong).serve() as url:
        every = {**server.OUTPUTS, "function_name": "the-function", **(outputs or {})}
        report = await asyncio.to_thread(smoke.run, target(url), settings(), every, console)
    console.show(report)
    return Run(report, out.getvalue())


async def test_a_good_deployment_passes_and_says_what_could_not_be_checked() -> None:
    done = await run()
    assert done.report.ok, done.output
    assert not done.failed
    assert (done.report.target, done.report.environment) == ("local", "dev")
    unchecked = {finding.id for finding in done.report.of(Status.NOT_CHECKED)}
    assert unchecked == {"FR-021", "FR-022", "FR-023"}, "there is no TLS and no domain on loopback"
    assert done.report.function_log == ()
    assert done.output.count("✓  SC-004") == 1, "each check is in the table once"
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
    basic = smoke.Options().select(smoke.ALL)
    assert [finding.title for finding in done.report.findings] == [check.title for check in basic]


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
    # This account may not read the log: even that is said and never raised.
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


async def look(url: str, *only: str) -> Report:
    """A run that knows nothing but the address."""
    subject = smoke.subject_at(url, settings())
    return await asyncio.to_thread(smoke.check, subject, smoke.Options(only=only))


async def test_an_address_is_enough_and_what_needs_more_says_so() -> None:
    async with Deployment().serve() as url:
        report = await look(url)
    assert report.ok, report.to_json()
    assert (report.target, report.environment) == ("", "")
    reasons = {finding.id: finding.result.reason for finding in report.of(Status.NOT_CHECKED)}
    assert reasons["FR-014"] == "only the address is known, not Terraform's output frontend_bucket"
    assert {"FR-014", "FR-031", "FR-027"} <= set(reasons)
    assert report.deployed is None


async def test_what_was_chosen_runs_and_what_it_needs_is_not_shown() -> None:
    deployment = Deployment()
    async with deployment.serve() as url:
        report = await look(url, "FR-013")
    assert [finding.id for finding in report.findings] == ["FR-013", "FR-013"]
    assert "/api/health" in {request.path for request in deployment.requests}
    assert report.options.to_json()["only"] == ["FR-013"]


@pytest.mark.parametrize("only", ["SC-004", "FR-013", "US2.3"])
async def test_what_was_chosen_fails_with_what_it_needs(only: str) -> None:
    denied = always(lambda: api({"message": "Internal server error"}, 500))
    async with Deployment({"/api/*": denied, "/api/health": denied}).serve() as url:
        report = await look(url, only)
    assert not report.ok
    assert [(finding.id, finding.title) for finding in report.of(Status.FAILED)] == [
        ("SC-003", "/api/health answers OK")
    ]
    assert report.of(Status.NOT_CHECKED)


async def test_a_deep_link_alone_fails_with_the_page() -> None:
    async with Deployment(dict.fromkeys(server.FILES, always(s3_denied))).serve() as url:
        report = await look(url, "US1.2")
    assert [f.title for f in report.of(Status.FAILED)] == ["index.html arrives through CloudFront"]


async def test_an_answer_of_nobody_knows_whom_is_not_taken_for_the_api_s() -> None:
    plain = always(lambda: web.json_response({"made by": "a plain server"}))
    async with Deployment({"/api/smoke-*": plain}).serve() as url:
        report = await look(url, "FR-013")
    api_paths, login = report.findings
    assert api_paths.result.status is Status.NOT_CHECKED
    assert "no header of API Gateway" in api_paths.result.reason
    assert login.result.ok


async def test_a_run_that_could_check_nothing_is_no_success() -> None:
    async with Deployment().serve() as url:
        report = await look(url, "FR-021")
    assert report.of(Status.NOT_CHECKED) == report.findings
    assert not report.ok


async def test_one_request_that_is_dropped_takes_nothing_along() -> None:
    health, dropped = always(lambda: api("OK")), 0

    async def second_is_dropped(request: web.Request) -> web.StreamResponse:
        nonlocal dropped
        dropped += 1
        if dropped == 2:
            assert request.transport is not None
            request.transport.close()
        return await health(request)

    done = await run({"/api/health": second_is_dropped})
    assert done.report.ok, done.output
    [finding] = [finding for finding in done.report.findings if finding.id == "SC-003"]
    assert finding.result.measured.endswith("no answer when warm")


async def test_a_post_that_is_dropped_fails_once() -> None:
    async def drop(request: Any) -> Any:
        request.transport.close()

    done = await run({"/api/echo": drop})
    assert list(done.failed) == ["a POST reaches the app as sent"]


async def test_a_page_with_a_broken_link_is_a_wrong_asset_and_not_the_end_of_the_run() -> None:
    page = server.INDEX.replace("</head>", "<script src='//[bad/x.js'></script></head>")
    index = always(lambda: web.Response(text=page, headers=file("/").headers))
    done = await run(dict.fromkeys(["/", "/index.html", "/chat/*", "/c/*"], index))
    assert list(done.failed) == ["every asset that index.html names arrives"]
    assert "//[bad/x.js did not arrive: invalid url" in next(iter(done.failed.values())).lower()
    assert len(done.report.findings) == len(smoke.Options().select(smoke.ALL))


async def test_what_does_not_touch_the_api_leaves_it_alone() -> None:
    deployment = Deployment()
    async with deployment.serve() as url:
        report = await look(url, "US1", "SC-002")
    assert report.ok
    assert not [request.path for request in deployment.requests if request.path.startswith("/api/")]


async def test_the_page_is_loaded_with_nothing_beside_it() -> None:
    served: list[str] = []

    async def note(request: web.Request) -> web.StreamResponse:
        served.append(request.path)
        return file(request.path)

    async with Deployment(dict.fromkeys(server.FILES, note)).serve() as url:
        report = await look(url, "US1", "SC-002")
    assert report.ok
    page = ["/", *asset_paths(server.INDEX, "http://x/")]
    assert sorted(served[: len(page)]) == sorted(page)


async def test_the_checks_of_the_api_come_one_after_the_other() -> None:
    under_way: list[str] = []
    most = 0

    async def slowly(request: web.Request) -> web.StreamResponse:
        nonlocal most
        under_way.append(request.path)
        most = max(most, len(under_way))
        await asyncio.sleep(0.02)
        under_way.remove(request.path)
        return await server.GOOD.get(request.path, always(lambda: api("x")))(request)

    paths = dict.fromkeys(["/api/health", "/api/config", "/api/echo", "/api/auth/login", "/oauth/*"], slowly)
    async with Deployment(paths).serve() as url:
        await look(url, "FR-013", "FR-015", "US2.2", "FR-008", "US3")
    assert most == 1


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
