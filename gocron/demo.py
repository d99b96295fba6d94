"""`gocron demo`: all of it on one machine, in a folder that vanishes with it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any

import yaml

from gocron.errors import ExitStatus, GocronError
from gocron.notify.http import NoAnswer, fetch
from gocron.output import complain, flush, say
from gocron.render.crontab import SAMPLE, check_in

HOST = "127.0.0.1"
SWEEP_EVERY_S = 5
SILENT_AFTER_S = 20
HEARTBEAT_S = 5
DAY_S = 86_400
FAILED_OUTPUT = """pg_dump: dumping contents of table "orders"
pg_dump: error: could not write to file: No space left on device"""
START_PATIENCE_S = 20

INTRODUCTION = """
gocron runs here until you press Ctrl-C, and leaves no data behind.

  Check in a job of your own, as a crontab line would:

    {check_in}

  Status page   {page}
  Mails         appear below, and as files in {mails}

  The job "nightly-dump" has reported a failure: in about {sweep_s} seconds you will see its
  alert, with what it printed. "nightly-report" has checked in once and won't again: its alert
  comes in about {alert_s} seconds. "heartbeat" checks in every {heartbeat_s} seconds, and all is
  well with it.
"""


def demo(port: int) -> ExitStatus:
    """Run front, sweep loop, mail catcher and page until a signal ends it."""
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    # A terminal that is closed must not leave front and back behind.
    signal.signal(signal.SIGHUP, stop)
    with tempfile.TemporaryDirectory(prefix="gocron-demo-") as folder:
        _run(Path(folder), port, stopping)
    say("\ngocron demo: stopped, and its data is gone.")
    return ExitStatus.OK


def _run(folder: Path, port: int, stopping: threading.Event) -> None:
    status, mails = folder / "status", folder / "mails"
    status.mkdir()
    mails.mkdir()
    front_port = _free_port(port)
    front = f"http://{HOST}:{front_port}"
    with _mail_catcher(mails) as mail_port, _page_server(status) as page_port:
        page = f"http://{HOST}:{page_port}/"
        config = folder / "config.yml"
        config.write_text(yaml.safe_dump(_config(folder, front_port, mail_port, page)), "utf-8")
        with _program("front", config) as front_process, _program("back", config):
            _await(front, front_process, stopping)
            _check_in(front, "nightly-report", SILENT_AFTER_S)
            _check_in(front, "nightly-dump", DAY_S, exit="1", msg=FAILED_OUTPUT)
            say(
                INTRODUCTION.format(
                    check_in=check_in(front, {**SAMPLE, "frequency": "60", "grace": "30"}),
                    page=page,
                    mails=mails,
                    sweep_s=SWEEP_EVERY_S,
                    alert_s=SILENT_AFTER_S + SWEEP_EVERY_S,
                    heartbeat_s=HEARTBEAT_S,
                )
            )
            flush()
            while not stopping.wait(HEARTBEAT_S):
                _check_in(front, "heartbeat", 4 * HEARTBEAT_S)


def _config(folder: Path, front_port: int, mail_port: int, page: str) -> dict[str, object]:
    return {
        "database_url": f"sqlite:///{folder}/gocron.db",
        "listen_host": HOST,
        "listen_port": front_port,
        "interval": SWEEP_EVERY_S,
        "status_dir": str(folder / "status"),
        "public_url": page,
        "smtpserver": HOST,
        "smtpport": mail_port,
        "smtp_security": "none",
        "mail_from": "gocron@example.com",
        # Nothing of a gocron that is installed on this host.
        "journal": "",
        "reports_dir": str(folder / "reports"),
    }


def _free_port(wanted: int) -> int:
    """Return `wanted`, or another port where it is taken."""
    for port in (wanted, 0):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((HOST, port))
            except (OSError, OverflowError):
                continue
            free: int = trial.getsockname()[1]
            return free
    raise GocronError("demo", "no free port", "name one with --port")


@contextmanager
def _program(name: str, config: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run gocron-`name` for the length of the block."""
    start = f"import sys; from gocron import cli; sys.exit(cli.{name}())"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GC_")}
    process = subprocess.Popen(  # noqa: S603 (our own program)
        [sys.executable, "-c", start, "--config", str(config)],
        env=environment,
        # Its own group: Ctrl-C reaches only us, and we end it in order.
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(front: str, process: "subprocess.Popen[bytes]", stopping: threading.Event) -> None:
    deadline = time.monotonic() + START_PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None and not stopping.is_set():
        with suppress(NoAnswer):
            if fetch(f"{front}/healthcheck", 2, direct=True).status == 200:
                return
        stopping.wait(0.2)
    if not stopping.is_set():
        raise GocronError("demo", "the front did not start", "see the lines above")


def _check_in(front: str, cronname: str, frequency_s: int, **told: str) -> None:
    fields = {
        "cronname": cronname,
        "account": "demo",
        "email": "you@example.com",
        "frequency": frequency_s,
        **told,
    }
    url = f"{front}/?{urllib.parse.urlencode(fields)}"
    try:
        answer = fetch(url, 10, direct=True)
    except NoAnswer as error:
        said = str(error)
    else:
        if answer.status == 201:
            return
        said = str(answer)
    complain("gocron demo", f"{cronname} could not check in: {said}")


@contextmanager
def _mail_catcher(folder: Path) -> Iterator[int]:
    """Take every mail on a port of its own, print it and keep it as a file."""
    try:
        from aiosmtpd.controller import Controller
    except ImportError:
        raise GocronError("demo", "aiosmtpd is missing", "pip install 'gocron[demo]'") from None
    port = _free_port(0)
    # Named, or it asks the DNS for its name before it greets anybody.
    controller = Controller(
        _Mailbox(folder), hostname=HOST, port=port, server_hostname="mail.example.com"
    )
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


class _Mailbox:
    """What aiosmtpd hands mails to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep and print one mail."""
        self._count += 1
        (self._folder / f"{self._count:03}.eml").write_bytes(envelope.content)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        body = mail.get_body(("plain",))
        text = body.get_content() if body is not None else ""
        rows = [f"From: {mail['From']}", f"To: {mail['To']}", f"Subject: {mail['Subject']}", ""]
        say("\n".join(f"  | {row}" for row in [*rows, *text.splitlines()]) + "\n")
        flush()
        return "250 OK"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing: the terminal is for mails."""


@contextmanager
def _page_server(folder: Path) -> Iterator[int]:
    """Serve `folder` on a port of its own."""
    with ThreadingHTTPServer((HOST, 0), partial(_Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
