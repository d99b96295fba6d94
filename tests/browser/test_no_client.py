"""A real browser is no client: no web page checks in through it, who types the address does."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser

from gocron.store import jobs
from gocron.store.schema import open_store
from tests.peers import free_port
from tests.service.processes import front

pytestmark = pytest.mark.browser

# How a page makes its visitor's browser ask `url`, as far as it can do so without being asked.
WAYS = {
    "image": "document.body.append(Object.assign(new Image(), {src: url}))",
    "script": "document.head.append(Object.assign(document.createElement('script'), {src: url}))",
    "frame": "document.body.append(Object.assign(document.createElement('iframe'), {src: url}))",
    "style": "document.body.style.background = `url('${url}')`",
    "prefetch": (
        "document.head.append(Object.assign(document.createElement('link'),"
        " {rel: 'prefetch', href: url}))"
    ),
    "fetch": "fetch(url, {mode: 'no-cors', referrerPolicy: 'no-referrer'})",
    "post": "fetch(url, {mode: 'no-cors', method: 'POST', body: query})",
    "beacon": "navigator.sendBeacon(url, query)",
    "link": "Object.assign(document.createElement('a'), {href: url}).click()",
    "moved": "location.href = url",
    "form": (
        "(() => {const form = Object.assign(document.createElement('form'),"
        " {action: url, method: 'post'}); document.body.append(form); form.submit()})()"
    ),
}


class Empty(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("front")


@pytest.fixture(scope="module")
def gocron(folder: Path) -> Iterator[str]:
    """The address of a front."""
    port = free_port()
    config = folder / "config.yml"
    config.write_text(f"database_url: sqlite:///{folder}/gocron.db\nlisten_port: {port}\n")
    with front(config, port):
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page of somebody else's."""
    folder = tmp_path_factory.mktemp("evil")
    (folder / "index.html").write_text("<!doctype html><title>kittens</title><body>kittens")
    handler = partial(Empty, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def asked(gocron: str, name: str) -> str:
    told = {"cronname": name, "account": "a", "email": "ops@example.com", "frequency": "60"}
    return f"{gocron}?{urlencode(told)}"


def names(folder: Path) -> set[str]:
    store = open_store(f"sqlite:///{folder}/gocron.db")
    with store.connected():
        return {job.cronname for job in jobs.every_job(store)}


@pytest.mark.parametrize("way", WAYS)
def test_no_page_checks_in_through_its_visitor(
    browser: Browser, gocron: str, evil: str, folder: Path, way: str
) -> None:
    with browser.new_page() as page:
        page.goto(evil)
        with page.expect_response(lambda answer: answer.url.startswith(gocron)) as answered:
            page.evaluate(f"([url, query]) => {{ {WAYS[way]} }}", [asked(gocron, way), "x=1"])
        assert answered.value.status == 403
    assert way not in names(folder)


def test_what_a_browser_asks_leave_for_it_does_not_get(
    browser: Browser, gocron: str, evil: str, folder: Path
) -> None:
    sent = "{method: 'POST', body: '', headers: {'Content-Type': 'application/json'}}"
    with browser.new_page() as page:
        page.goto(evil)
        said = page.evaluate(
            f"url => fetch(url, {sent}).then(() => 'answered', () => 'refused')",
            asked(gocron, "preflight"),
        )
    assert said == "refused"
    assert "preflight" not in names(folder)


def test_who_types_the_address_checks_in(browser: Browser, gocron: str, folder: Path) -> None:
    with browser.new_page() as page:
        assert page.goto(asked(gocron, "typed")).status == 201
    assert "typed" in names(folder)
