"""The page of ``--report`` in a real browser, opened from disk as a reader does it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from scripts.smoke.report import html
from tests.e2e.browser import chromium
from tests.unit.smoke.reports import COUNT, check, on_time, report, stream

pytestmark = pytest.mark.integration

LONG = "averylongwordwithoutanyplacetobreak" * 6
RUN = report(
    check("SC-004", "failed", measured="buffered whole", limit="progressive", reason=LONG, evidence=LONG,
          details=stream([2000.0] * COUNT)),
    check("US2.3", measured=LONG, limit=LONG, details=stream(on_time(8), heartbeats_ms=[900.0])),
    check("SC-003", details={"seconds": 8.4, "warm_seconds": 0.1}),
    check("SC-002", details={"waterfall": [{"path": LONG, "headers_ms": 5, "end_ms": 9, "cache": LONG}]}),
    check("FR-021", "not checked", title=LONG, reason=LONG),
    url=f"https://{LONG}.test", function_log=[LONG], deployed={"release": LONG, "image": LONG},
)  # fmt: skip
BEFORE = report(check("SC-004"), check("SC-003", title="title of SC-003", details={"seconds": 0.2}))

# What text is drawn on: the nearest background that is one. WCAG 2's relative luminance.
CONTRASTS = """() => {
  const channel = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const luminance = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(channel);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const found = {};
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const text = element instanceof SVGElement ? style.fill : style.color;
    const [low, high] = [luminance(text), luminance(ground(element))].sort((a, b) => a - b);
    found[`${text} on ${ground(element)}`] = (high + 0.05) / (low + 0.05);
  }
  return found;
}"""
LEAST_CONTRAST = 4.5
"""https://www.w3.org/TR/WCAG22/#contrast-minimum"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "smoke.html"
    html.write(RUN, BEFORE, path)
    return path


def opened(browser: Browser, file: Path, width: int, **options: Any) -> tuple[Page, list[str]]:
    """The page, and everything that it asked for or complained about."""
    page = browser.new_page(viewport={"width": width, "height": 800}, **options)
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: heard.append(request.url))
    page.goto(file.as_uri())
    return page, [each for each in heard if each not in (file.as_uri(), "data:,")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_asks_for_nothing_complains_of_nothing_and_never_scrolls_sideways(
    browser: Browser, file: Path, width: int, scheme: Any
) -> None:
    page, heard = opened(browser, file, width, color_scheme=scheme)
    assert heard == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    shown = page.locator("svg[role=img]:visible")
    assert shown.count() == 2, "each stream is drawn once for this width"
    for each in range(shown.count()):
        box = shown.nth(each).bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= width
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_text_stands_out_in_both_colour_schemes(browser: Browser, file: Path, scheme: Any) -> None:
    page, _ = opened(browser, file, 1280, color_scheme=scheme)
    contrasts: dict[str, float] = page.evaluate(CONTRASTS)
    assert len(contrasts) > 5
    assert {pair: ratio for pair, ratio in contrasts.items() if ratio < LEAST_CONTRAST} == {}
    dark = re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert (max(map(int, dark)) < 64) is (scheme == "dark")
    page.close()


def test_on_paper_it_is_light_and_nothing_is_cut_off(browser: Browser, file: Path) -> None:
    page, _ = opened(browser, file, 720, color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(
        "[...document.querySelectorAll('pre')].every((e) => e.scrollHeight <= e.clientHeight)"
    )
    assert page.evaluate("document.documentElement.scrollWidth") == 720
    page.close()


def test_its_policy_lets_no_script_run(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "injected.html"
    html.write(RUN, None, path)
    path.write_text(path.read_text().replace("<main>", "<main><script>document.title = 'ran'</script>"))
    page, heard = opened(browser, path, 1280)
    assert page.title() != "ran"
    assert any("Content Security Policy" in each for each in heard)
    page.close()
