"""Debian's Chromium, headless, and what a page's network looked like from inside it.

Playwright drives it and downloads no browser of its own. A missing browser skips the tests with the reason;
where ``LIBRECHAT_TEST_BROWSER=required`` is set, as CI does, it fails them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Response, sync_playwright

from tests.e2e.stack import ROOT

ARTIFACTS = ROOT / ".artifacts" / "browser"
REQUIRED_VARIABLE = "LIBRECHAT_TEST_BROWSER"
WAIT_MS = 120_000
"""The longest wait for anything: for a cold start on a busy machine, never a measure of speed."""

_NAMES = ("chromium", "chromium-browser", "google-chrome")
# Chromium asks its maker about updates, networks and accounts unless it is told not to.
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# What the page itself collects, from before its first script runs.
_COLLECT = """
window.violations = [];
addEventListener('securitypolicyviolation', (event) => {
  violations.push(`${event.disposition}: ${event.effectiveDirective} ${event.blockedURI}`);
});
"""


@dataclass
class Visit:
    """A page in a browser context of its own, and everything that happened in it.

    Attributes:
        page: The page.
        answers: Every response, in order of arrival.
        methods: Method and address of every request, preflights included, as the network sent it.
        complaints: Errors and warnings of the console, uncaught exceptions, and requests that failed.
    """

    page: Page
    answers: list[Response] = field(default_factory=list)
    methods: list[tuple[str, str]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def failed(self, request: Request) -> None:
        """Note a request that failed; not one that the browser itself gave up because its page was left."""
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.url}: {request.failure}")

    def answer(self, path: str) -> Response:
        """The last response for a path."""
        found = [each for each in self.answers if urlsplit(each.url).path == path]
        assert found, f"{path} was not asked for: {[each.url for each in self.answers]}"
        return found[-1]

    def violations(self) -> list[str]:
        """What the Content Security Policies, the reporting one included, would not have."""
        found: list[str] = self.page.evaluate("violations")
        return found

    def screenshot(self, name: str) -> Path:
        """Keep a picture of the page among the artefacts."""
        path = ARTIFACTS / f"{name}.png"
        self.page.screenshot(path=path, animations="disabled")
        return path


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser with a profile of its own, which is gone afterwards."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        reason = "Chromium is not installed (apt-get install --no-install-recommends chromium)"
        if os.environ.get(REQUIRED_VARIABLE) == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visiting(browser: Browser, url: str, **options: Any) -> Iterator[Visit]:
    """A new visitor: no cookies, no cache, no page open yet. Paths are relative to `url`."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    options = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"} | options
    context = browser.new_context(base_url=url, **options)
    try:
        yield _watched(context)
    finally:
        context.close()


def _watched(context: BrowserContext) -> Visit:
    context.set_default_timeout(WAIT_MS)
    context.add_init_script(_COLLECT)
    visit = Visit(context.new_page())
    # The page's own events leave preflights out: CORS is the network's business. The protocol shows them.
    network = context.new_cdp_session(visit.page)
    network.on(
        "Network.requestWillBeSent",
        lambda event: visit.methods.append((event["request"]["method"], event["request"]["url"])),
    )
    network.send("Network.enable")
    context.on("response", lambda answer: visit.answers.append(answer))
    context.on("requestfailed", visit.failed)
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    visit.page.on(
        "console",
        lambda message: (
            visit.complaints.append(f"{message.type}: {message.text}")
            if message.type in ("error", "warning")
            else None
        ),
    )
    return visit
