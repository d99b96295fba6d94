"""The status page in a real browser, under the policy that nginx sends with it."""

import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Page, expect

from gocron.config import load_config
from gocron.core.checkin import CheckIn
from gocron.core.signal import FAIL, WORKED, Signal
from gocron.render.page import account_file, age_script
from gocron.store import checkins
from gocron.store.schema import open_store
from gocron.sweep import sweep

pytestmark = pytest.mark.browser

POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:"
LONG = "a-very-long-name-" * 11


class WithPolicy(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def now() -> int:
    """The moment of the sweep that wrote the page: the browser's clock is the machine's."""
    return int(time.time())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, now: int) -> Iterator[str]:
    """The address of a page with jobs that are well, missing, late and oddly named."""
    folder = tmp_path_factory.mktemp("page")
    url = f"sqlite:///{folder}/gocron.db"
    status = folder / "status"
    config = load_config(
        environment={
            "GC_DATABASE_URL": url,
            "GC_STATUS_DIR": str(status),
            "GC_SMTPSERVER": "127.0.0.1",
            "GC_SMTPPORT": "9",
        }
    )
    store = open_store(url)
    with store.connected():
        store.write(lambda tx: checkins.record(tx, list(fleet(now))))
        sweep(store, config, lambda: now)
    handler = partial(WithPolicy, directory=str(status))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def fleet(now: int) -> Iterator[CheckIn]:
    def job(
        account: str, name: str, ago_s: int, grace_s: int = 0, signal: Signal = WORKED
    ) -> CheckIn:
        address, seen_at = "203.0.113.9", now - ago_s
        told = (account, name, "ops@example.com", 3600, grace_s, False, address, seen_at)
        return CheckIn(*told, signal=signal)

    yield from (job(f"web-{number}", "backup", 60) for number in range(5))
    yield job("web-1", "rotate-logs", 7200)
    yield job("web-2", "certbot", 3700, grace_s=600)
    yield job("web-3", "dump", 1800, signal=Signal(FAIL, "TERM"))
    yield job(LONG, f"{LONG}2", 1800, signal=Signal(FAIL, "3"))
    yield job(LONG, LONG, 9000)
    yield job("odd", "<script>document.title='pwned'</script>", 9000)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("requestfailed", lambda request: page.complaints.append(request.url))
    yield page
    page.close()


def test_the_page_keeps_its_policy_and_asks_no_other_host(page: Page, site: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(site)
    assert page.complaints == []
    assert all(url.startswith((site, "data:")) for url in asked)


def test_what_is_missing_is_said_first_and_names_are_data(page: Page, site: str) -> None:
    page.goto(site)
    assert page.inner_text("h1") == "3 jobs are missing, 2 fail."
    assert "pwned" not in page.title()
    assert page.locator("table.silent:not(.failed) tbody tr").count() == 3
    assert page.locator("table.failed tbody tr").count() == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_nothing_runs_over_the_edge(browser: Browser, site: str, scheme: str, width: int) -> None:
    with browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme) as page:
        page.goto(site)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_dark_is_dark_and_light_is_light(browser: Browser, site: str) -> None:
    lightness = {}
    for scheme in ("light", "dark"):
        with browser.new_page(color_scheme=scheme) as page:
            page.goto(site)
            colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
            lightness[scheme] = sum(int(part) for part in colour[4:-1].split(",")[:3]) / 3
    assert lightness["dark"] < 64 < 192 < lightness["light"]


def test_a_fresh_page_is_quiet_and_an_old_one_says_so_by_itself(
    page: Page, site: str, now: int
) -> None:
    page.clock.install(time=now + 30)
    page.goto(site)
    stale = page.locator("#stale")
    assert not stale.is_visible()
    page.clock.run_for(170_000)
    expect(stale).to_be_visible()
    assert "gocron has not swept since" in stale.inner_text()
    colour = stale.evaluate("element => getComputedStyle(element).backgroundColor")
    red, green, blue = (int(part) for part in colour[4:-1].split(",")[:3])
    assert red > 2 * max(green, blue)


def test_an_account_page_learns_that_nobody_sweeps(page: Page, site: str, now: int) -> None:
    page.goto(site)
    page.clock.install(time=now + 3600)
    page.get_by_role("link", name="web-1", exact=True).first.click()
    expect(page.locator("#stale")).to_be_visible()


def test_a_page_that_is_no_longer_written_does_not_blame_the_sweep(
    page: Page, site: str, now: int
) -> None:
    later = now + 3600
    age = age_script(later, 60)
    page.route("**/age.js*", lambda route: route.fulfill(body=age, content_type="text/javascript"))
    page.clock.install(time=later)
    page.goto(site)
    page.clock.run_for(10_000)
    expect(page.locator("#stale")).to_contain_text("still sweeps, but does not write it")


def test_a_page_from_the_future_blames_the_clock(page: Page, site: str, now: int) -> None:
    page.clock.install(time=now - 3600)
    page.goto(site)
    expect(page.locator("#stale")).to_contain_text("in the future")


def test_search_leaves_only_what_was_asked_for(page: Page, site: str) -> None:
    page.goto(site)
    page.fill("#search", "certbot")
    visible = page.locator("table.jobs tbody tr:not(.group):visible")
    expect(visible).to_have_count(1)
    expect(visible).to_contain_text("certbot")


def test_without_a_script_everything_stands_there_in_utc(browser: Browser, site: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(site)
        assert "UTC" in page.inner_text("main")
        assert "trust this page" in page.inner_text("#age")
        assert page.locator("tr:visible").count() > 5


@pytest.mark.parametrize("after_s", [520, 3700])
@pytest.mark.parametrize("file", ["index.html", account_file("web-2")])
def test_no_row_says_that_a_job_is_well_and_was_due_long_ago(
    page: Page, site: str, now: int, file: str, after_s: int
) -> None:
    page.clock.install(time=now + after_s)
    page.goto(f"{site}/{file}")
    rows = page.locator("table.jobs tr.up, table.jobs tr.late")
    assert rows.count() > 1
    for row in rows.all():
        due = row.locator("td").nth(2).inner_text()
        assert "ago" not in due
        assert due.strip()


def test_what_is_to_be_done_again_is_not_said_to_be_over(page: Page, site: str, now: int) -> None:
    page.clock.install(time=now + 170)
    page.goto(site)
    notice = page.locator(".notice li").first.inner_text()
    assert "next try" in notice
    assert "ago" not in notice.split("next try")[1].split(".")[0]


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("UTC", "Times are UTC."),
        ("Etc/UTC", "Times are UTC."),
        ("Europe/Berlin", "Times in Europe/Berlin; point at one for UTC."),
    ],
)
def test_the_zone_is_named_once(browser: Browser, site: str, zone: str, said: str) -> None:
    with browser.new_context(timezone_id=zone) as context:
        page = context.new_page()
        page.goto(site)
        assert page.inner_text("#zone") == said
        title = page.locator("main time").first.get_attribute("title")
        assert title.count("UTC") == 1
        assert len(title.splitlines()) == (1 if said == "Times are UTC." else 2)
