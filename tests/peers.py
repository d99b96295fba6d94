"""Real peers for the tests: a mail server, and an HTTP server that stands in for Slack's."""

import hmac
import json
import re
import socket
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult


class MailPeer:
    """A mail server on a port of its own; it can be stopped and started again, and can refuse.

    `answers` are what it says to RCPT, by recipient, and to DATA; `objections` what it says to
    messages that hold a word, `breaks_off` the words at which it hangs up once it read all, and
    `takes_and_breaks_off` those at which it takes the message first. `size_limit` is the size that
    it announces. `tries` are the subjects of all messages that it read. Where there are `logins`,
    it takes mail from these only.
    """

    def __init__(self) -> None:
        self.received: list[tuple[str, EmailMessage]] = []
        self.answers: dict[str, str] = {}
        self.objections: dict[str, str] = {}
        self.breaks_off: set[str] = set()
        self.takes_and_breaks_off: set[str] = set()
        self.size_limit: int | None = None
        self.tries: list[str] = []
        self.logins: dict[bytes, bytes] = {}
        self.mechanisms = ("PLAIN", "LOGIN")
        self._controller: Controller | None = None
        self.port = 0

    def start(self) -> None:
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port or free_port(),
            data_size_limit=self.size_limit,
            auth_required=bool(self.logins),
            auth_require_tls=not self.logins,
            auth_exclude_mechanism={"PLAIN", "LOGIN", "CRAM-MD5"} - set(self.mechanisms),
            authenticator=self._knows,
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

    def _knows(self, _server, _session, _envelope, _mechanism, login) -> AuthResult:
        return self._is_known(self.logins.get(login.login) == login.password, login.password)

    async def auth_CRAM__MD5(self, server, _arguments) -> AuthResult:  # noqa: N802
        said = await server.challenge_auth(b"<1896.697170952@mail.example.com>")
        user, _, digest = said.rpartition(b" ")
        key = self.logins.get(user, b"")
        proof = hmac.new(key, b"<1896.697170952@mail.example.com>", "md5").hexdigest()
        return self._is_known(bool(key) and proof.encode() == digest, said)

    def _is_known(self, known: bool, told: bytes) -> AuthResult:
        # Some servers send back what was sent to them.
        echo = f"535 5.7.8 failed: {told.decode('utf-8', 'replace')} {b64encode(told).decode()}"
        return AuthResult(success=known, handled=known, message=None if known else echo)

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802
        if answer := self.answers.get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, _session, envelope):  # noqa: N802
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self.tries.append(mail["Subject"])
        read = "\n".join([*mail.values(), *(part.get_content() for part in _texts(mail))])
        for word, answer in self.objections.items():
            if word in read:
                return answer
        if any(word in read for word in self.breaks_off):
            return _hang_up(server)
        self.received += [(recipient, mail) for recipient in envelope.rcpt_tos]
        if any(word in read for word in self.takes_and_breaks_off):
            return _hang_up(server)
        return self.answers.get("DATA", "250 OK")


def _hang_up(server: SMTP) -> str:
    server.transport.abort()
    raise ConnectionResetError


class SlackPeer:
    """An HTTP server that takes posts as Slack's webhooks do, and answers `status`, `said`.

    To posts that hold a word of `objections` it answers 400 and what stands there.
    """

    def __init__(self) -> None:
        self.posts: list[dict] = []
        self.taken: list[dict] = []
        self.asked: list[Message] = []
        self.status = 200
        self.said = b"ok"
        self.headers: dict[str, str] = {"Content-Type": "text/html"}
        self.objections: dict[str, str] = {}
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                peer.asked.append(self.headers)
                peer.posts.append(json.loads(body))
                status, said = peer.status, peer.said
                for word, answer in peer.objections.items():
                    if word in str(peer.posts[-1]):
                        status, said = 400, answer.encode()
                if status == 200:
                    peer.taken.append(peer.posts[-1])
                self.send_response(status)
                for name, value in peer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said)

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


def _texts(mail: EmailMessage) -> Iterator[EmailMessage]:
    return (part for part in mail.walk() if part.get_content_maintype() == "text")


def listed(mail: EmailMessage) -> list[str]:
    """The jobs named job-N that a mail lists, a line each."""
    lines = mail.get_body(("plain",)).get_content().splitlines()
    return [line for line in lines if re.fullmatch(r"job-\d+", line)]


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]
