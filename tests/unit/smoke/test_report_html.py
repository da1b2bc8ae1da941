"""The page of --report: what is on it, and what never is."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from scripts.errors import DeployError, ExitStatus
from scripts.smoke.report import html
from scripts.smoke.report.files import require_writable
from tests.unit.smoke.reports import COUNT, check, on_time, report, stream

NASTY = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}</pre></style>\x1b]0;x\x07\ud800\u202e"
)
GOOD = check("US1.2", measured="200, index.html", limit="200, index.html")
BAD = check("SC-003", "failed", measured="502", limit="200", reason="It crashed.", evidence="502\n\nboom")
UNKNOWN = check("FR-021", "not checked", reason="not an https address")
STREAM = check("SC-004", measured="progressive", details=stream(on_time()))
HEALTH = check("SC-003", details={"seconds": 8.42, "warm_seconds": 0.05})
LOAD = check(
    "SC-002",
    measured="0.3 s",
    details={
        "waterfall": [
            {"path": "/", "start_ms": 0, "headers_ms": 50, "end_ms": 100, "bytes": 764, "status": 200,
             "cache": "Hit from cloudfront"},
            {"path": "/a.js", "start_ms": 100, "headers_ms": 150, "end_ms": 200, "bytes": 2048,
             "status": 200},
        ]
    },
)  # fmt: skip


class Page(HTMLParser):
    """A page as its elements."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        """What a reader sees, without the style sheet."""
        return " ".join(text for text in self.texts if not text.startswith(":root"))

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        sought = {name.rstrip("_"): value for name, value in wanted.items()}
        return [each for name, each in self.elements if name == tag and sought.items() <= each.items()]


def page(*checks: dict[str, Any], previous: dict[str, Any] | None = None, **more: Any) -> Page:
    return Page(html.render(report(*checks, **more), previous))


def test_the_verdict_comes_first_with_where_when_and_release() -> None:
    made = page(GOOD, UNKNOWN)
    assert made.text.index("Everything that was checked works") < made.text.index("https://chat.example.test")
    assert "2 January 2026, 03:04 UTC" in made.text
    assert "20260102T030405678Z-1a2b3c" in made.text
    assert "Target" not in made.text, "a run of an address alone has none"
    assert "aws, environment prod" in page(GOOD, target="aws", environment="prod").text


def test_a_failure_stands_before_everything_else_with_reason_evidence_and_the_next_step() -> None:
    made = page(GOOD, STREAM, BAD, function_log=["12:00 [ERROR] boom in the function"])
    assert "1 of 3 checks failed" in made.text
    assert made.text.index("It crashed.") < made.text.index("How the streams arrived")
    assert "inv smoke --only SC-003" in made.text
    assert "[ERROR] boom in the function" in made.text


def test_every_check_is_in_the_table_with_value_limit_time_and_why_it_was_not_checked() -> None:
    made = page(GOOD, BAD, UNKNOWN, STREAM)
    table = made.text[made.text.index("All checks") :]
    for said in ("US1.2", "200, index.html", "250 ms", "✗ failed", "not an https address", "title of SC-004"):
        assert said in table


def test_a_stream_is_drawn_for_wide_pages_and_for_phones() -> None:
    made = page(STREAM)
    assert len(made.all("line", class_="seen")) == len(made.all("line", class_="due")) == 2 * COUNT
    assert "20 of 20 events" in made.text


def test_gaps_bursts_and_missing_events_are_drawn_and_explained() -> None:
    whole = page(check("A", "failed", details=stream([2000.0] * COUNT)))
    assert whole.all("rect", class_="gap") and whole.all("rect", class_="burst")
    assert "gap: events were due, nothing came" in whole.text and "20 at once" in whole.text
    cut = page(check("A", "failed", details=stream(on_time(8), heartbeats_ms=[900.0])))
    assert (
        cut.all("line", class_="missing") and cut.all("path", class_="beat") and cut.all("path", class_="cut")
    )
    assert "gap" not in page(STREAM).text


def test_every_picture_has_a_title_and_a_description_and_ids_are_unique() -> None:
    made = page(STREAM, check("US2.3", details=stream(on_time())))
    pictures = made.all("svg", role="img")
    ids = [attributes["id"] for _, attributes in made.elements if "id" in attributes]
    assert len(pictures) == 4
    assert len(ids) == len(set(ids))
    for picture in pictures:
        assert set(picture["aria-labelledby"].split()) <= set(ids)
    for other in made.all("svg"):
        assert other.get("role") == "img" or other["aria-hidden"] == "true"


def test_the_page_load_is_a_waterfall() -> None:
    made = page(LOAD)
    waits, takes = made.all("rect", class_="wait"), made.all("rect", class_="take")
    assert [(rect["x"], rect["width"]) for rect in waits] == [("0.0", "25.0"), ("50.0", "25.0")]
    assert [(rect["x"], rect["width"]) for rect in takes] == [("25.0", "25.0"), ("75.0", "25.0")]
    assert "/a.js 200 2 KiB 100 ms" in made.text


def test_cold_and_warm_stand_beside_each_other() -> None:
    assert "paid for the start of the function" in page(HEALTH).text
    assert "8.42 s" in page(HEALTH).text
    assert "warm already" in page(check("SC-003", details={"seconds": 0.12, "warm_seconds": 0.05})).text


def test_what_was_tested_has_names_and_units_and_what_could_not_be_read_its_reason() -> None:
    deployed = {
        "transfer_mode": "STREAM",
        "function_timeout": 900.0,
        "memory_mb": 2048,
        "compress": False,
        "brand_new": "x",
        "unknown": {"distribution": "AccessDenied"},
    }
    text = page(GOOD, deployed=deployed).text
    for said in (
        "Timeout 900 s",
        "Memory 2048 MB",
        "Compresses API answers no",
        "Brand new x",
        "AccessDenied",
    ):
        assert said in text
    assert "What was tested" not in page(GOOD, deployed=None).text


def test_the_previous_run_is_compared_with_verdicts_first_and_the_rule_said() -> None:
    before = report(check("US1.2", "failed"), check("SC-003", details={"seconds": 0.2}))
    text = page(GOOD, HEALTH, previous=before).text
    compared = text[text.index("Since the previous run") :]
    assert compared.index("✗ failed → ✓ passed") < compared.index("200 ms 8.42 s 42 times")
    assert "more than 100 ms and a factor of 1.3" in compared
    assert "Since the previous run" not in page(GOOD).text


def test_a_failure_that_is_new_says_so() -> None:
    assert "It passed in the previous run." in page(BAD, previous=report(check("SC-003"))).text
    assert "It passed" not in page(BAD, previous=report(BAD)).text


def test_what_a_server_sent_is_never_markup() -> None:
    fields = ("title", "measured", "limit", "reason", "evidence")
    bad = check("X-1", "failed", **dict.fromkeys(fields, NASTY))
    named = check(NASTY, details=stream(on_time(), verdict=NASTY, cause=NASTY))
    loaded = check("Y", details={"waterfall": [{"path": NASTY, "status": NASTY, "cache": NASTY}]})
    made = page(
        bad, named, loaded, previous=report(check("X-1", title=NASTY), release=NASTY), url=f"https://{NASTY}",
        function_log=[NASTY], deployed={NASTY: NASTY, "release": NASTY, "unknown": {NASTY: NASTY}},
        options={"only": [NASTY]},
    )  # fmt: skip
    assert not made.all("script") and not made.all("img")
    assert len(made.all("style")) == 1
    assert not [name for _, attributes in made.elements for name in attributes if name.startswith("on")]
    assert "{{ 7*7 }}" in made.text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\ud800-\udfff\u202e]", made.source)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", ""])
def test_an_address_that_is_none_is_no_link(url: str) -> None:
    assert not page(GOOD, url=url).all("a")


def test_the_page_asks_the_network_for_nothing_and_its_policy_says_so() -> None:
    made = page(STREAM, BAD, LOAD, HEALTH, previous=report(GOOD))
    named = [
        (tag, name, value)
        for tag, attributes in made.elements
        for name, value in attributes.items()
        if name in ("src", "srcset", "href", "xlink:href", "action", "data", "poster") and tag != "a"
    ]
    assert named == [("link", "href", "data:,")]
    style = re.search(r"<style>(.*?)</style>", made.source, re.DOTALL)
    assert style is not None and "url(" not in style[1] and "@import" not in style[1]
    (policy,) = made.all("meta", **{"http-equiv": "Content-Security-Policy"})
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy["content"].startswith(f"default-src 'none'; style-src 'sha256-{digest}'")
    assert not [1 for _, attributes in made.elements if "style" in attributes]


def test_no_value_of_a_credential_is_on_the_page() -> None:
    evidence = (
        "502\nauthorization: Bearer MARKED-1\ncookie: sid=MARKED-2; theme=MARKED-3\n"
        "set-cookie: refreshToken=MARKED-4; Path=/\nx-amz-security-token: MARKED-5\n"
        '\n{"accessToken": "MARKED-6"} mongodb://user:MARKED-7@host/db'
    )
    bad = check("A", "failed", reason=evidence, evidence=evidence, measured=evidence, details={"a": evidence})
    made = page(bad, function_log=evidence.splitlines(), deployed={"note": evidence}, previous=report(bad))
    assert "MARKED" not in made.source
    assert "refreshToken=" in made.source


def test_the_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "smoke.html"
    path.write_text("old")
    path.chmod(0o640)
    html.write(report(GOOD), None, path)
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "latest.html").symlink_to(tmp_path / "kept" / "run.html")
    html.write(report(GOOD), None, tmp_path / "latest.html")
    assert (tmp_path / "latest.html").is_symlink()
    assert (tmp_path / "kept" / "run.html").is_file()


@pytest.mark.parametrize("name", ["no/such/directory/x.html", "file/x.html", "directory"])
def test_a_path_that_cannot_be_written_is_found_before_the_run(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "directory").mkdir()
    with pytest.raises(DeployError) as caught:
        require_writable(tmp_path / name, "--report")
    assert caught.value.status is ExitStatus.PREFLIGHT_FAILED
    assert "--report" in caught.value.next_step


def test_looking_whether_it_can_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    require_writable(tmp_path / "x.html", "--report")
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_any_check_has_a_page_too() -> None:
    assert "Nothing was checked" in page().text
