"""The deployed site in a real browser, as a visitor meets it: on the shared deployment.

Nothing is asserted about how fast this machine is: the load time is measured and kept with the screenshots
(``.artifacts/browser``), and a growing answer is known by its states, not by a clock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Response, Route, expect

from scripts.aws import Aws
from scripts.frontend import publish_directory, restore, standin_client
from scripts.progress import ignored
from scripts.settings import Settings
from scripts.smoke.checks.frontend import LOAD_SECONDS
from tests.e2e.browser import ARTIFACTS, Visit, chromium, visiting
from tests.e2e.checkout import make_checkout
from tests.e2e.stack import ROOT, Stack

pytestmark = pytest.mark.e2e

NEXT_TITLE = "The next release"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, stack: Stack) -> Iterator[Visit]:
    """A new visitor of the shared deployment."""
    with visiting(browser, stack.url) as visit:
        yield visit


def from_s3(answer: Response) -> bool:
    """Whether an answer came out of the bucket, and not from API Gateway."""
    headers = answer.headers
    return "x-amz-server-side-encryption" in headers and "x-amz-apigw-id" not in headers


def ready(visit: Visit) -> None:
    """Wait until the chat page is there and the API has told it that it is healthy."""
    expect(visit.page.locator("main.chat.healthy")).to_be_visible()


def test_the_page_and_every_asset_come_from_the_bucket_and_nothing_complains(visit: Visit) -> None:
    visit.page.goto("/", wait_until="load")
    ready(visit)
    visit.page.evaluate("document.fonts.ready")

    files = [each for each in visit.answers if not urlsplit(each.url).path.startswith("/api/")]
    kinds = {each.request.resource_type for each in files}
    assert {"document", "script", "stylesheet", "font", "image"} <= kinds
    for each in files:
        assert each.status in (200, 304), each.url
        assert from_s3(each), f"{each.url}: {each.headers}"
    health = visit.answer("/api/health")
    assert (health.status, from_s3(health)) == (200, False)
    assert urlsplit(visit.page.url).path == "/c/new"
    assert visit.complaints == []
    visit.screenshot("chat")


def test_no_policy_is_violated_on_any_page(visit: Visit) -> None:
    for path in ("/", "/login", "/about"):
        answer = visit.page.goto(path, wait_until="load")
        assert answer is not None
        assert {"content-security-policy", "content-security-policy-report-only"} <= set(answer.headers)
        expect(visit.page.locator("main")).to_be_visible()
        assert visit.violations() == []


def test_nobody_may_put_the_page_into_a_frame(visit: Visit, stack: Stack) -> None:
    visit.page.goto("about:blank")
    visit.page.set_content(f'<iframe src="{stack.url}/"></iframe>')
    frame = visit.page.frames[-1]
    frame.wait_for_load_state()
    assert frame.locator("#root").count() == 0


def test_a_deep_link_opens_its_page_and_survives_a_reload(visit: Visit) -> None:
    for load in (lambda: visit.page.goto("/c/4711"), visit.page.reload):
        answer = load()
        assert answer is not None
        assert (answer.status, from_s3(answer)) == (200, True)
        expect(visit.page.get_by_text("Conversation 4711")).to_be_visible()
        assert urlsplit(visit.page.url).path == "/c/4711"
        ready(visit)
    assert visit.complaints == []


def test_the_api_is_the_page_s_own_origin_so_no_request_needs_a_preflight(visit: Visit, stack: Stack) -> None:
    visit.page.goto("/login")
    with visit.page.expect_response("**/api/auth/login") as login:
        visit.page.get_by_role("button", name="Continue").click()

    # Another origin would have to allow a POST of JSON beforehand.
    request = login.value.request
    assert request.header_value("content-type") == "application/json"
    assert request.header_value("origin") == stack.url
    assert request.header_value("sec-fetch-site") == "same-origin"
    assert ("POST", f"{stack.url}/api/auth/login") in visit.methods
    assert not [method for method, _ in visit.methods if method == "OPTIONS"]
    assert {urlsplit(url).netloc for _, url in visit.methods} == {urlsplit(stack.url).netloc}


def test_the_cookies_of_a_login_come_back_with_the_next_request(visit: Visit) -> None:
    visit.page.goto("/login")
    visit.screenshot("login")
    visit.page.get_by_role("button", name="Continue").click()
    ready(visit)

    cookies = {cookie["name"]: cookie for cookie in visit.page.context.cookies()}
    assert set(cookies) == {"refreshToken", "token_provider"}
    assert all(cookie["httpOnly"] and cookie["secure"] for cookie in cookies.values())
    assert visit.page.evaluate("document.cookie") == "", "scripts do not see them"
    echoed = visit.page.evaluate("fetch('/api/echo').then((answer) => answer.json())")
    assert echoed["cookies"] == {name: cookie["value"] for name, cookie in cookies.items()}
    refreshed = visit.page.evaluate("fetch('/api/auth/refresh', { method: 'POST' }).then((a) => a.json())")
    assert refreshed["user"]["email"] == "you@example.org"


# Every state of the answer that the page painted, with whether the request was over by then.
RECORD_ANSWER = """
window.states = [];
const record = (frame) => {
  const answer = document.querySelector('.assistant');
  const length = answer ? answer.textContent.length : 0;
  if (length && length !== states.at(-1)?.length) {
    states.push({ length, ms: Math.round(frame), over: document.querySelector('footer').textContent !== '' });
  }
  requestAnimationFrame(record);
};
requestAnimationFrame(record);
"""


def slower(route: Route) -> None:
    """A chat request whose answer takes so long that even a machine that stalls sees it growing."""
    wanted = route.request.post_data_json | {"tokens": 12, "interval_ms": 500}
    route.continue_(post_data=json.dumps(wanted))


def test_an_answer_grows_on_the_page_while_it_arrives(visit: Visit) -> None:
    visit.page.route("**/api/agents/chat", slower)
    visit.page.goto("/c/new")
    ready(visit)
    visit.page.evaluate(RECORD_ANSWER)
    visit.page.get_by_placeholder("Message the stand-in").fill("Tell me a story")
    visit.page.get_by_role("button", name="Send").click()

    visit.page.wait_for_function("states.length >= 3")
    visit.screenshot("answer-growing")
    expect(visit.page.locator("footer")).to_contain_text("12 chunks")
    visit.screenshot("answer-complete")

    states: list[dict[str, Any]] = visit.page.evaluate("states")
    growing = [state["length"] for state in states if not state["over"]]
    # Painted while the request was under way. In one piece there would be one, the whole answer.
    assert len(growing) >= 3, states
    assert growing == sorted(set(growing))
    assert visit.complaints == []
    ARTIFACTS.joinpath("answer.json").write_text(json.dumps(states, indent=1) + "\n")


LOAD = """() => new Promise((resolve) => {
  const [page] = performance.getEntriesByType('navigation');
  new PerformanceObserver((list) => resolve({
    first_byte_ms: page.responseStart,
    dom_content_loaded_ms: page.domContentLoadedEventEnd,
    load_ms: page.loadEventEnd,
    largest_contentful_paint_ms: list.getEntries().at(-1).startTime,
    files: 1 + performance.getEntriesByType('resource').length,
    transferred_bytes: performance.getEntriesByType('resource').reduce((sum, e) => sum + e.transferSize, 0),
  })).observe({ type: 'largest-contentful-paint', buffered: true });
})"""


def test_the_load_time_is_measured_with_the_browser_s_own_timings(visit: Visit) -> None:
    visit.page.goto("/", wait_until="load")
    visit.page.wait_for_function("performance.getEntriesByType('navigation')[0].loadEventEnd > 0")
    load: dict[str, float] = visit.page.evaluate(LOAD)

    ARTIFACTS.joinpath("load.json").write_text(json.dumps({"limit_s": LOAD_SECONDS, **load}, indent=1) + "\n")
    assert 0 < load["first_byte_ms"] <= load["dom_content_loaded_ms"] <= load["load_ms"]
    assert load["largest_contentful_paint_ms"] > 0
    assert load["transferred_bytes"] > 0


def test_pages_follow_the_visitor_s_colour_scheme(browser: Browser, stack: Stack) -> None:
    with visiting(browser, stack.url, color_scheme="dark") as visit:
        visit.page.goto("/about")
        expect(visit.page.get_by_text("Configuration")).to_be_visible()
        assert visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(23, 23, 23)"
        visit.screenshot("about-dark")


@pytest.fixture
def next_release(stack: Stack, tmp_path: Path, default_settings: Settings) -> Iterator[Any]:
    """Publishes another client: new title, other chunks. Afterwards the deployed one is live again."""
    environment = stack.tool_environment()
    bucket = stack.inv("outputs", "--json").last("outputs")["values"]["frontend_bucket"]
    s3 = Aws(region=environment["AWS_REGION"], environment=environment).client("s3")
    keep = default_settings.releases.keep

    def publish() -> None:
        checkout = make_checkout(tmp_path / "checkout")
        client = "scripts/local/app/client"
        checkout.edit(f"{client}/index.html", "<title>LibreChat stand-in<", f"<title>{NEXT_TITLE}<")
        checkout.edit(f"{client}/src/about.js", "About this deployment", "About the next release")
        checkout.edit(f"{client}/src/chat.js", "Message the stand-in", "Message the next release")
        dist = standin_client(checkout.root, ignored)
        publish_directory(dist.path, s3, bucket, release=dist.content_hash, keep=keep)

    yield publish
    restore(s3, bucket, standin_client(ROOT, ignored).content_hash, keep=keep)


def test_a_new_release_is_seen_on_reload_and_a_page_that_stayed_open_finds_its_chunks(
    browser: Browser, stack: Stack, visit: Visit, next_release: Any
) -> None:
    with visiting(browser, stack.url) as stayed:
        for each in (visit, stayed):
            each.page.goto("/c/new", wait_until="load")
            ready(each)
        before = scripts_of(visit)

        next_release()
        visit.page.reload(wait_until="load")
        ready(visit)
        stayed.page.get_by_role("link", name="About").click()

        expect(visit.page).to_have_title(NEXT_TITLE)
        expect(visit.page.get_by_placeholder("Message the next release")).to_be_visible()
        assert not before & scripts_of(visit), "the new page runs none of the old one's scripts"
        # Loaded now, for the first time, from a release that is no longer live.
        expect(stayed.page.get_by_role("heading", name="About this deployment")).to_be_visible()
        expect(stayed.page).to_have_title("LibreChat stand-in")
        assert stayed.complaints == []
        stayed.screenshot("old-page-new-chunk")
        visit.page.get_by_role("link", name="About").click()
        expect(visit.page.get_by_role("heading", name="About the next release")).to_be_visible()
        visit.screenshot("new-release")


def scripts_of(visit: Visit) -> set[str]:
    """The hashed scripts that the page in front of us is made of."""
    return set(re.findall(r"assets/[\w.-]+\.js", visit.page.content()))
