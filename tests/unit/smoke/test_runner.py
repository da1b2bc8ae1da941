"""The order of the checks, and what becomes of a check that cannot run."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

import httpx
import pytest

from scripts.smoke.model import Check, Need, NotCheckedError, Result, Stage, Status, failed, passed
from scripts.smoke.report import Finding
from scripts.smoke.runner import run_checks
from scripts.smoke.site import Site


class Facts:
    """A site whose facts only note that they were asked for."""

    def __init__(self, seen: list[str]) -> None:
        self._seen = seen
        self.lacking: set[Need] = set()

    async def health(self) -> None:
        self._seen.append("health begins")
        await asyncio.sleep(0)
        self._seen.append("health")

    async def deployed(self) -> None:
        self._seen.append("account")


class Bench:
    """Checks that note when they begin and end."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.told: list[Finding] = []

    def check(self, id: str, stage: Stage, run: Callable[[], Awaitable[Result]] | None = None) -> Check:
        async def note(site: Site) -> Result:
            self.seen.append(f"{id} begins")
            await asyncio.sleep(0)
            result = await run() if run else passed(id)
            self.seen.append(id)
            return result

        return Check(id, f"the {id}", stage, note, by_function=True, also=("X",))

    async def run(self, *checks: Check) -> tuple[Finding, ...]:
        site = cast(Site, Facts(self.seen))
        return await run_checks(site, checks, self.told.append)


async def test_the_stages_follow_each_other_and_the_findings_keep_the_order_of_the_checks() -> None:
    bench = Bench()
    stages = (Stage.HEAVY, Stage.STREAM, Stage.API, Stage.STATIC, Stage.PAGE)
    findings = await bench.run(*(bench.check(stage.value, stage) for stage in stages))
    assert [finding.id for finding in findings] == [stage.value for stage in stages]
    order = [bench.seen.index(name) for name in ("page", "static begins", "stream begins", "heavy begins")]
    assert order == sorted(order)
    assert bench.seen.index("api") < bench.seen.index("stream begins")
    assert {finding.id for finding in bench.told} == {stage.value for stage in stages}


async def test_files_are_asked_for_side_by_side_and_beside_the_api() -> None:
    bench = Bench()
    await bench.run(
        bench.check("a", Stage.STATIC), bench.check("b", Stage.STATIC), bench.check("c", Stage.API)
    )
    assert max(map(bench.seen.index, ("a begins", "b begins", "health begins"))) < bench.seen.index("a")


@pytest.mark.parametrize("stage", [Stage.API, Stage.HEAVY, Stage.PAGE])
async def test_some_stages_run_one_after_the_other(stage: Stage) -> None:
    bench = Bench()
    await bench.run(bench.check("a", stage), bench.check("b", stage))
    seen = [entry for entry in bench.seen if entry.removesuffix(" begins") in ("a", "b")]
    assert seen == ["a begins", "a", "b begins", "b"]


async def test_the_api_is_healthy_before_the_first_check_of_it_begins() -> None:
    bench = Bench()
    await bench.run(bench.check("a", Stage.API))
    assert bench.seen.index("health") < bench.seen.index("a begins")


async def test_without_a_check_of_the_api_nobody_asks_for_its_health() -> None:
    bench = Bench()
    await bench.run(bench.check("a", Stage.STATIC), bench.check("b", Stage.STREAM))
    assert "health" not in bench.seen


async def test_the_account_is_asked_before_streams_are_measured() -> None:
    bench = Bench()
    await bench.run(bench.check("a", Stage.STREAM))
    assert bench.seen.index("account") < bench.seen.index("a begins")


async def test_a_check_that_cannot_run_is_not_checked_and_says_why() -> None:
    async def cannot() -> Result:
        raise NotCheckedError("no login")

    bench = Bench()
    [finding] = await bench.run(bench.check("a", Stage.STATIC, cannot))
    assert (finding.result.status, finding.result.reason) == (Status.NOT_CHECKED, "no login")


async def test_what_a_check_lacked_is_shown_by_its_own_check_though_that_was_left_out() -> None:
    async def cannot() -> Result:
        raise NotCheckedError("the API is not healthy", lacks=Need.API)

    async def away() -> Result:
        return failed("500", reason="It is away.")

    bench = Bench()
    health = replace(bench.check("health check", Stage.STATIC, away), shows=Need.API)
    index = replace(bench.check("index check", Stage.STATIC, away), shows=Need.INDEX)
    asked = bench.check("a", Stage.STREAM, cannot), bench.check("b", Stage.API, cannot)
    site = cast(Site, Facts(bench.seen))
    findings = await run_checks(site, asked, bench.told.append, others=(health, index))
    assert [(finding.id, finding.result.status) for finding in findings] == [
        ("health check", Status.FAILED), ("a", Status.NOT_CHECKED), ("b", Status.NOT_CHECKED),
    ]  # fmt: skip
    assert len(bench.told) == 3


async def test_what_was_left_out_stays_out_when_nothing_lacked_it() -> None:
    bench = Bench()
    health = replace(bench.check("health check", Stage.STATIC), shows=Need.API)
    site = cast(Site, Facts(bench.seen))
    [finding] = await run_checks(site, [bench.check("a", Stage.API)], bench.told.append, others=(health,))
    assert finding.id == "a"


async def test_a_check_that_breaks_fails_by_itself_and_says_where() -> None:
    async def breaks() -> Result:
        raise ValueError("Invalid IPv6 URL")

    bench = Bench()
    broken, good = await bench.run(bench.check("a", Stage.STATIC, breaks), bench.check("b", Stage.STATIC))
    assert good.result.ok
    assert (broken.result.status, broken.result.measured) == (Status.FAILED, "the check itself broke")
    assert "Invalid IPv6 URL" in broken.result.reason
    assert re.search(r"^test_runner\.py:\d+ in breaks$", broken.result.evidence, re.MULTILINE)
    assert "/" not in broken.result.evidence, "no path of this machine"


async def test_a_request_without_an_answer_is_a_failure_that_names_the_request() -> None:
    async def dropped() -> Result:
        raise httpx.ReadError("gone", request=httpx.Request("GET", "http://x/chat/123"))

    bench = Bench()
    [finding] = await bench.run(bench.check("a", Stage.STATIC, dropped))
    assert finding.result.status is Status.FAILED
    assert finding.result.evidence == "GET http://x/chat/123"


async def test_a_finding_has_what_its_check_says_of_itself() -> None:
    bench = Bench()
    [finding] = await bench.run(bench.check("a", Stage.STATIC))
    facts: dict[str, Any] = finding.to_json()
    assert finding.by_function
    assert facts | {"seconds": 0} == {
        "id": "a", "also": ["X"], "title": "the a", "status": "passed", "measured": "a", "seconds": 0,
    }  # fmt: skip
