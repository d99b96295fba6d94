"""The status page in a browser, under the strictest policy that it promises to live with."""

import functools
import html
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gocron.core.job import Account, Job, Totals
from gocron.core.judge import judge
from gocron.render.page import (
    AccountPage,
    Group,
    IndexPage,
    Row,
    account_file,
    account_html,
    age_script,
    index_html,
)
from gocron.render.templates import Templates

POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
INTERVAL_S = 60
TEMPLATES = Templates()

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium here"),
]

Look = Callable[[str], str]


class _Handler(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def look(tmp_path) -> Iterator[Look]:
    """Serve `tmp_path`; what is yielded returns a page of it as it is once scripts have run."""
    handler = functools.partial(_Handler, directory=str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def page(path: str) -> str:
        command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
        command += ["--disable-background-networking", "--disable-component-update"]
        command += ["--disable-sync", f"--user-data-dir={tmp_path / 'profile'}"]
        command += ["--virtual-time-budget=2000"]
        address = f"http://127.0.0.1:{server.server_port}/{path}"
        told = subprocess.run([*command, address], capture_output=True, timeout=60, check=True)
        return told.stdout.decode()

    yield page
    server.shutdown()
    server.server_close()


def write(folder: Path, written_at: int, swept_at: int) -> None:
    """Write the page of one job into `folder`, as a sweep does."""
    now = int(time.time())
    job = Job(1, "web-01", "backup", "", 3600, 0, False, "", 0, now - 300, now + 3300)
    account = Account("web-01", 1, 0, now)
    rows = (Row(job, judge(job, now)),)
    totals = Totals(1, 1, 0, swept_at)
    index = IndexPage(
        written_at, INTERVAL_S, "1", totals, (), 0, (Group(account, rows),), False, ()
    )
    (folder / "account").mkdir()
    (folder / "index.html").write_text(index_html(TEMPLATES, index))
    (folder / account_file("web-01")).write_text(
        account_html(TEMPLATES, AccountPage(now - 86_400, INTERVAL_S, "1", account, rows))
    )
    (folder / "age.js").write_text(age_script(swept_at, INTERVAL_S))
    for name in ("style.css", "page.js"):
        (folder / name).write_bytes(TEMPLATES.asset(name))


def banner(page: str) -> str:
    """Return what the banner says, "" where it is hidden."""
    (attributes, said) = re.search(r'<p id="stale"([^>]*)>(.*?)</p>', page, re.DOTALL).groups()
    return "" if "hidden" in attributes else html.unescape(said)


def test_a_fresh_page_tells_its_age_and_is_calm(look, tmp_path):
    now = int(time.time())
    write(tmp_path, now - 5, now - 5)
    page = look("index.html")
    assert banner(page) == ""
    assert re.search(r'id="age">Written \d+ s ago<', page)
    assert re.search(r">5 min ago</time> <small class=\"clock\">\d\d:\d\d</small>", page)
    assert re.search(r'<p class="search"><input', page)


def test_an_old_page_turns_on_itself(look, tmp_path):
    then = int(time.time()) - 17 * 60
    write(tmp_path, then, then)
    page = look("index.html")
    assert banner(page).startswith("This page is 17 min old: gocron has not swept since ")
    assert banner(page).endswith("Silence below may be ours, not the jobs\u2019.")
    assert "Nothing was missing at the last sweep.</h1>" in page
    assert "<title>Stale" in page


def test_an_account_page_learns_from_age_js_whether_gocron_sweeps(look, tmp_path):
    now = int(time.time())
    write(tmp_path, now, now)
    assert banner(look(account_file("web-01"))) == ""
    (tmp_path / "age.js").write_text(age_script(now - 17 * 60, INTERVAL_S))
    assert "gocron has not swept since" in banner(look(account_file("web-01")))
    (tmp_path / "age.js").unlink()
    assert "tell whether gocron still sweeps" in banner(look(account_file("web-01")))


def test_a_page_that_is_no_longer_written_does_not_blame_the_sweep(look, tmp_path):
    now = int(time.time())
    write(tmp_path, now - 17 * 60, now)
    assert "gocron still sweeps, but does not write it any more" in banner(look("index.html"))


def test_a_page_from_the_future_blames_the_clock(look, tmp_path):
    then = int(time.time()) + 3600
    write(tmp_path, then, then)
    assert "in the future" in banner(look("index.html"))
