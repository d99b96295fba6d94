"""Real peers for the tests: a mail server, and an HTTP server that stands in for Slack's."""

import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

from aiosmtpd.controller import Controller


class MailPeer:
    """A mail server on a port of its own; it can be stopped and started again, and can refuse."""

    def __init__(self) -> None:
        self.received: list[tuple[str, EmailMessage]] = []
        self.answers: dict[str, str] = {}
        self._controller: Controller | None = None
        self.port = 0

    def start(self) -> None:
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port or free_port(),
            # Named, or it asks the DNS for its name before it greets anybody.
            server_hostname="mail.example.com",
        )
        self._controller.start()
        self.port = self._controller.port

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    @property
    def mails(self) -> list[EmailMessage]:
        return [mail for _, mail in self.received]

    @property
    def subjects(self) -> list[str]:
        return [mail["Subject"] for mail in self.mails]

    @property
    def recipients(self) -> list[str]:
        return [recipient for recipient, _ in self.received]

    def told(self) -> Counter:
        """How often the mails, repeated ones counted once, list each job named job-N."""
        distinct = {(to, mail["Message-ID"]): mail for to, mail in self.received}
        return Counter(name for mail in distinct.values() for name in listed(mail))

    def told_names(self) -> list[str]:
        """The jobs that the mails tell of as missing, in the order told."""
        return [
            above
            for mail in self.mails
            for above, line in pairwise(
                mail.get_body(("plain",)).get_content().split("\nBACK\n")[0].splitlines()
            )
            if line.startswith("account: ") and "is back" not in mail["Subject"]
        ]

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802
        if answer := self.answers.get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self.received += [(recipient, mail) for recipient in envelope.rcpt_tos]
        return self.answers.get("DATA", "250 OK")


class SlackPeer:
    """An HTTP server that takes posts as Slack's webhooks do; `status` is what it answers."""

    def __init__(self) -> None:
        self.posts: list[dict] = []
        self.status = 200
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                peer.posts.append(json.loads(body))
                self.send_response(peer.status)
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/services/T/B/secret"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def mail_peer() -> Iterator[MailPeer]:
    peer = MailPeer()
    peer.start()
    try:
        yield peer
    finally:
        peer.stop()


@contextmanager
def slack_peer() -> Iterator[SlackPeer]:
    peer = SlackPeer()
    try:
        yield peer
    finally:
        peer.stop()


@contextmanager
def scripted_server(*lines: bytes, pause_s: float = 0.0, port: int = 0) -> Iterator[int]:
    """Serve one connection: our lines, each for one that came in, or each after a pause."""
    with socket.create_server(("127.0.0.1", port)) as server:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    for line in lines:
                        connection.sendall(line)
                        if pause_s:
                            time.sleep(pause_s)
                        elif not connection.recv(65536):
                            return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]


def listed(mail: EmailMessage) -> list[str]:
    """The jobs named job-N that a mail lists, a line each."""
    lines = mail.get_body(("plain",)).get_content().splitlines()
    return [line for line in lines if re.fullmatch(r"job-\d+", line)]


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]
