"""The real front, in a process of its own, asked over real sockets."""

import contextlib
import json
import os
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest

from gocron import cli
from gocron.config import load_config
from gocron.core.job import Job
from gocron.errors import ExitStatus
from gocron.fields import BODY_LIMIT
from gocron.render.crontab import CURL
from gocron.store import counts, job_row, jobs
from gocron.store.schema import open_store
from gocron.sweep.world import open_world
from tests.front.conftest import away
from tests.peers import free_port

QUERY = b"cronname=backup&account=web-01&email=ops@example.com&frequency=3600"
START_LIMIT_S = 30
STOP_LIMIT_S = 20


@dataclass(frozen=True)
class Served:
    """A front that runs, by its port and its database."""

    port: int
    process: subprocess.Popen
    database_url: str
    log: Path
    host: str

    @property
    def workers(self) -> list[int]:
        """The process ids of those that serve: one, or two while one takes over."""
        pid = self.process.pid
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def waiting(self) -> int:
        """How many connections wait to be accepted, as the kernel tells."""
        own = f":{self.port:04X}"
        for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, _, state, queues, *_ = row.split()
            if local.endswith(own) and state == "0A":
                return int(queues.partition(":")[2], 16)
        return 0

    def connect(self) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout=20)

    def ask(self, raw: bytes) -> tuple[int, bytes]:
        """Send `raw` as the only request of a connection; return status and body."""
        with self.connect() as connection:
            connection.sendall(raw)
            return answer(connection)

    def get(self, target: bytes, *headers: bytes) -> tuple[int, bytes]:
        return self.ask(request(b"GET", target, *headers))

    def post(self, body: bytes, *headers: bytes) -> tuple[int, bytes]:
        length = b"Content-Length: %d" % len(body)
        return self.ask(request(b"POST", b"/", length, *headers) + body)

    def jobs(self) -> list[Job]:
        store = open_store(self.database_url)
        with store.connected():
            return list(jobs.every_job(store))


def request(method: bytes, target: bytes, *headers: bytes) -> bytes:
    lines = [method + b" " + target + b" HTTP/1.1", b"Host: gocron", b"Connection: close", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def answer(connection: socket.socket) -> tuple[int, bytes]:
    """Read the answer to the last request of a connection: its status and body."""
    came = bytearray()
    while chunk := connection.recv(65_536):
        came += chunk
    head, found, body = bytes(came).partition(b"\r\n\r\n")
    assert found, f"no answer: {bytes(came)!r}"
    return int(head.split()[1]), body


@contextmanager
def serve(
    database_url: str,
    folder: Path,
    host: str = "127.0.0.1",
    port: int = 0,
    asked_at: str = "127.0.0.1",
) -> Iterator[Served]:
    port, config, log = port or free_port(), folder / "config.yml", folder / "front.log"
    config.write_text(
        f"database_url: '{database_url}'\nlisten_host: '{host}'\nlisten_port: {port}\n"
    )
    command = "import sys; from gocron import cli; sys.exit(cli.front())"
    with log.open("ab") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", command, "--config", config],
            stderr=stderr,
            stdout=stderr,
            start_new_session=True,
        )
    served = Served(port, process, database_url, log, asked_at)
    try:
        await_start(served)
        yield served
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def await_start(served: Served) -> None:
    give_up_at = time.monotonic() + START_LIMIT_S
    while time.monotonic() < give_up_at:
        with contextlib.suppress(OSError):
            served.get(b"/healthcheck")
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            served.process.wait(0.05)
            break
    pytest.fail(f"the front did not start: {served.log.read_text()}")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One front for all tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("served")
    with serve(f"sqlite:///{folder / 'gocron.db'}", folder) as served:
        yield served
        assert "Traceback" not in served.log.read_text()


@pytest.fixture
def front(shared: Served) -> Iterator[Served]:
    """The shared front, without jobs, and whole after the test."""
    store = open_store(shared.database_url)
    with store.connected():
        for job in list(jobs.every_job(store)):
            job_row.forget(store, job.account, job.cronname)
    yield shared
    assert shared.get(b"/healthcheck")[0] == 200


@pytest.fixture
def own(database_url: str, tmp_path: Path) -> Iterator[Served]:
    """A front of the test's own, on each database."""
    with serve(database_url, tmp_path) as served:
        yield served


@contextmanager
def locked(database_url: str) -> Iterator[None]:
    """Hold the lock that every check-in needs for the length of the block."""
    if database_url.startswith("sqlite"):
        path = database_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
            other.execute("ROLLBACK")
    else:
        with closing(psycopg2.connect(database_url)) as other, other.cursor() as cursor:
            cursor.execute("LOCK TABLE job IN EXCLUSIVE MODE")
            yield
            other.rollback()


# What goes over the wire.


def test_a_check_in_by_get_post_and_head_is_answered_201_and_empty(front: Served) -> None:
    assert front.get(b"/?" + QUERY) == (201, b"")
    assert front.post(QUERY) == (201, b"")
    assert front.post(b'{"cronname": "backup", "account": "web-01"}') == (201, b"")
    assert front.ask(request(b"HEAD", b"/?" + QUERY)) == (201, b"")
    assert len(front.jobs()) == 1


def test_a_refusal_of_a_head_request_has_no_body(front: Served) -> None:
    assert front.ask(request(b"HEAD", b"/?cronname=x")) == (400, b"")


def test_other_methods_and_paths_are_refused_in_one_line(front: Served) -> None:
    assert front.ask(request(b"PUT", b"/?" + QUERY)) == (405, b"gocron: use GET, POST or HEAD\n")
    assert front.get(b"/nope?" + QUERY) == (404, b"gocron: no such page\n")
    status, line = front.get(b"/")
    assert status == 404
    assert line.startswith(b"gocron: check in with")
    assert front.jobs() == []


def test_two_requests_on_one_connection_are_both_answered(front: Served) -> None:
    first = b"GET /?" + QUERY + b" HTTP/1.1\r\nHost: gocron\r\n\r\n"
    with front.connect() as connection:
        connection.sendall(first + request(b"GET", b"/?cronname=backup&account=web-01"))
        came = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert came.count(b"HTTP/1.1 201 ") == 2


def test_raw_utf_8_in_the_request_line_is_kept_as_sent(front: Served) -> None:
    name = "日本 ✓".replace(" ", "+")
    status, _ = front.get(b"/?" + QUERY.replace(b"backup", name.encode()))
    assert status == 201
    assert [job.cronname for job in front.jobs()] == ["日本 ✓"]


@pytest.mark.parametrize("raw", [b"\xff", b"\xc3", b"%ff", b"\x80\x00", b"a\tb", b"\x7f", b"%00"])
def test_raw_bytes_in_the_request_line_are_refused_and_change_nothing(
    front: Served, raw: bytes
) -> None:
    assert front.get(b"/?" + QUERY.replace(b"backup", raw))[0] == 400
    assert front.jobs() == []


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/cron?x=日".encode(), 200),
        ("/cron/日".encode(), 404),
        (b"/cron/%E6%97%A5", 404),
        (b"/cron/%00", 404),
        (b"/cron/%ff", 404),
        (b"/cron/%ed%a0%80", 404),
        (b"/healthcheck?x=%ff", 200),
        ("/healthcheck?x=日".encode(), 200),
        (b"/version?%00", 200),
    ],
)
def test_what_reads_is_never_a_5xx_whatever_the_path_and_query(
    front: Served, target: bytes, status: int
) -> None:
    assert front.get(target)[0] == status


def test_the_read_api_finds_an_account_in_any_language(front: Served) -> None:
    front.get(b"/?" + QUERY.replace(b"web-01", b"%E6%97%A5"))
    status, body = front.get(b"/cron/%E6%97%A5")
    assert status == 200
    assert json.loads(body)["Account"] == "日"


def test_forwarded_addresses_in_several_headers_are_read_as_one_list(front: Served) -> None:
    one, two = b"X-Forwarded-For: 203.0.113.9, 198.51.100.7", b"X-Forwarded-For: 127.0.0.2"
    assert front.get(b"/?" + QUERY, one, two)[0] == 201
    assert front.jobs()[0].address == "198.51.100.7"
    assert front.get(b"/cron", one)[0] == 403


@pytest.mark.parametrize("unreadable", [b"\xff", b"203.0.113.9\x80", "1.2.3.4, \u65e5".encode()])
@pytest.mark.parametrize("then", [(), (b"X-Forwarded-For: 127.0.0.2",)])
def test_whom_a_proxy_names_in_bytes_that_nobody_can_read_is_unknown_and_not_the_proxy(
    front: Served, unreadable: bytes, then: tuple[bytes, ...]
) -> None:
    headers = (b"X-Forwarded-For: " + unreadable, *then)
    assert front.get(b"/?" + QUERY, *headers)[0] == 201
    (job,) = front.jobs()
    assert (job.address, job.network) == ("unknown", "")
    assert front.get(b"/cron", *headers)[0] == 403
    for proxy in (b"Via: ", b"X-Real-IP: ", b"Forwarded: "):
        assert front.get(b"/cron", proxy + unreadable)[0] == 403


def test_jobs_are_not_read_by_the_name_of_a_web_page(front: Served) -> None:
    asked = b"GET /cron HTTP/1.1\r\nConnection: close\r\nHost: %s\r\n\r\n"
    told = {host: front.ask(asked % host)[0] for host in (b"localhost", b"127.0.0.1:1", b"e.vil")}
    assert told == {b"localhost": 200, b"127.0.0.1:1": 200, b"e.vil": 403}


def test_what_a_web_page_has_its_visitor_ask_is_refused_and_changes_nothing(
    front: Served,
) -> None:
    for header in (b"Origin: https://evil.example", b"Origin: null", b"Sec-Fetch-Site: cross-site"):
        for status, said in (
            front.get(b"/?" + QUERY, header),
            front.post(QUERY, header),
            front.get(b"/cron", header),
            front.ask(request(b"OPTIONS", b"/?" + QUERY, header)),
        ):
            assert (status, said.count(b"\n")) == (403, 1)
        assert front.ask(request(b"HEAD", b"/?" + QUERY, header)) == (403, b"")
    assert front.jobs() == []
    assert front.get(b"/?" + QUERY, b"Sec-Fetch-Site: none")[0] == 201


def test_a_header_of_raw_bytes_is_no_reason_for_a_5xx(front: Served) -> None:
    for value in (b"\xff\xfe", "日".encode(), b"a\tb"):
        for name in (b"X-Forwarded-For", b"User-Agent", b"Content-Type"):
            assert front.get(b"/?" + QUERY, name + b": " + value)[0] in (201, 400)
            assert front.get(b"/cron", name + b": " + value)[0] < 500
            assert front.post(QUERY, name + b": " + value)[0] in (201, 400)


def test_a_megabyte_is_refused_wherever_it_is_sent(front: Served) -> None:
    with contextlib.suppress(ConnectionError):
        assert 400 <= front.get(b"/?cronname=" + b"x" * 1_000_000)[0] < 500
    with contextlib.suppress(ConnectionError):
        assert 400 <= front.get(b"/", b"X-Forwarded-For: " + b"1" * 1_000_000)[0] < 500
    with contextlib.suppress(ConnectionError):
        assert front.post(b"cronname=" + b"x" * 1_000_000)[0] == 400
    assert front.jobs() == []


def test_a_body_up_to_the_limit_is_read_and_one_byte_more_is_refused(front: Served) -> None:
    fit = QUERY + b"&email=".ljust(BODY_LIMIT - len(QUERY), b"x")
    assert b"email: given more than once" in front.post(fit)[1]
    assert b"has a body of more than" in front.post(fit + b"x")[1]


NOT_WHOLE = b"gocron: request: has a body that is not as long as its Content-Length\n"


def chunks(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)


CHUNKED = request(b"POST", b"/", b"Transfer-Encoding: chunked")


@pytest.mark.parametrize(
    "parts", [[QUERY], [QUERY[:9], QUERY[9:]], [bytes([char]) for char in QUERY]]
)
def test_a_body_in_chunks_is_taken_once_it_ended(front: Served, parts: list[bytes]) -> None:
    assert front.ask(CHUNKED + chunks(*parts) + b"0\r\n\r\n") == (201, b"")
    assert [job.frequency_s for job in front.jobs()] == [3600]


def test_a_body_in_chunks_is_refused_past_the_limit_like_any_other(front: Served) -> None:
    status, line = front.ask(CHUNKED + chunks(b"x" * (BODY_LIMIT + 1)) + b"0\r\n\r\n")
    assert (status, b"has a body of more than" in line) == (400, True)


@pytest.mark.parametrize(
    "rest",
    [b"", b"0\r\n", b"5\r\nab", b"zz\r\n"],
    ids=["no end", "half an end", "half a chunk", "no chunk"],
)
def test_a_body_in_chunks_that_broke_off_is_not_kept(front: Served, rest: bytes) -> None:
    with front.connect() as connection:
        connection.sendall(CHUNKED + chunks(QUERY) + rest)
        connection.shutdown(socket.SHUT_WR)
        came = connection.makefile("rb").read()
    assert not came or (came.startswith(b"HTTP/1.1 400 ") and came.endswith(NOT_WHOLE))
    assert front.jobs() == []


def test_a_body_in_chunks_with_a_trailer_is_refused_for_it_looks_like_one_that_broke_off(
    front: Served,
) -> None:
    trailer = b"0\r\nX-Trailer: a\r\n\r\n"
    assert front.ask(CHUNKED + chunks(QUERY) + trailer) == (400, NOT_WHOLE)
    assert front.jobs() == []


def test_a_body_that_broke_off_is_refused_even_where_its_half_reads_well(front: Served) -> None:
    for missing in (1, 2, len(QUERY) - 1):
        with front.connect() as connection:
            length = b"Content-Length: %d" % len(QUERY)
            connection.sendall(request(b"POST", b"/", length) + QUERY[:-missing])
            connection.shutdown(socket.SHUT_WR)
            assert answer(connection) == (400, NOT_WHOLE)
    assert front.jobs() == []


def test_a_client_that_waits_to_be_told_to_go_on_is_told(front: Served) -> None:
    length = b"Content-Length: %d" % len(QUERY)
    with front.connect() as connection:
        connection.sendall(request(b"POST", b"/", length, b"Expect: 100-continue"))
        assert connection.recv(25).startswith(b"HTTP/1.1 100 ")
        connection.sendall(QUERY)
        assert b" 201 " in b"".join(iter(lambda: connection.recv(65_536), b""))


# Clients that misbehave.


def test_forty_clients_that_send_by_drops_keep_nobody_waiting(front: Served) -> None:
    slow = request(b"POST", b"/", b"Content-Length: %d" % len(QUERY))
    with ExitStack() as stack:
        clients = [stack.enter_context(front.connect()) for _ in range(40)]
        for client in clients:
            client.sendall(slow + QUERY[:1])
        assert front.get(b"/?" + QUERY) == (201, b"")
        assert front.post(QUERY) == (201, b"")
        assert front.get(b"/healthcheck")[0] == 200
        # Had any of these waited for the forty, the forty had been told to come again.
        for client in clients:
            client.sendall(QUERY[1:])
        assert [answer(client) for client in clients] == [(201, b"")] * 40


def test_a_body_that_does_not_come_is_answered_and_not_awaited_for_ever(front: Served) -> None:
    status, line = front.ask(request(b"POST", b"/", b"Content-Length: 99") + QUERY[:9])
    assert status == 503
    assert line == b"gocron: the request's body did not come in time; try again\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /?cronname=ba",
        b"GET /?" + QUERY + b" HTTP/1.1\r\nHost: go",
        request(b"POST", b"/", b"Content-Length: 500") + QUERY,
        request(b"POST", b"/", b"Transfer-Encoding: chunked") + b"5\r\nab",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=["nothing", "line", "headers", "body", "chunk", "tls"],
)
def test_a_client_gone_in_the_middle_of_its_request_leaves_nothing_behind(
    front: Served, sent: bytes
) -> None:
    for linger in (b"\0" * 8, b"\1\0\0\0\0\0\0\0"):  # an orderly end, and a reset
        with front.connect() as connection:
            connection.sendall(sent)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    assert front.get(b"/?" + QUERY.replace(b"backup", b"after")) == (201, b"")
    assert [job.cronname for job in front.jobs()] == ["after"]


def test_clients_gone_before_their_answer_do_no_harm(front: Served) -> None:
    for _ in range(50):
        with front.connect() as connection:
            connection.sendall(request(b"GET", b"/?" + QUERY))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert front.get(b"/?" + QUERY) == (201, b"")


# The end, and what is away.


def test_a_signal_to_stop_lets_what_was_read_be_answered_and_kept(own: Served) -> None:
    with ExitStack() as stack:
        stack.enter_context(own.connect())  # an idle connection holds nothing up
        clients = [stack.enter_context(own.connect()) for _ in range(20)]
        with locked(own.database_url):
            for number, client in enumerate(clients):
                name = b"job-%d" % number
                client.sendall(request(b"GET", b"/?" + QUERY.replace(b"backup", name)))
            # Requests are read in turn: once this later one is answered, all are under way.
            assert own.get(b"/version")[0] == 200
            own.process.send_signal(signal.SIGTERM)
        assert [answer(client) for client in clients] == [(201, b"")] * 20
    assert own.process.wait(STOP_LIMIT_S) == 0
    assert {job.cronname for job in own.jobs()} == {f"job-{number}" for number in range(20)}
    assert "Traceback" not in own.log.read_text()


def wait_for(condition: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + START_LIMIT_S
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


def stand_still(process: int) -> None:
    """Stop a process, and return once none of its threads goes on."""
    os.kill(process, signal.SIGSTOP)
    threads = [*Path(f"/proc/{process}/task").iterdir()]
    for thread in threads:
        wait_for(lambda stat=thread / "stat": stat.read_text().rpartition(") ")[2][0] == "T")


def curls(served: Served, count: int) -> list[subprocess.Popen]:
    """Start `count` check-ins of different jobs, each tried once."""
    url = f"http://127.0.0.1:{served.port}/?{QUERY.decode().replace('backup', 'job-%d')}"
    return [subprocess.Popen(["curl", "-fsS", "-m", "30", url % number]) for number in range(count)]


def end_whole_group(served: Served) -> None:
    """As systemd and a terminal's Ctrl-C do."""
    os.killpg(served.process.pid, signal.SIGTERM)


def interrupt_whole_group(served: Served) -> None:
    os.killpg(served.process.pid, signal.SIGINT)


def end_first(served: Served) -> None:
    served.process.send_signal(signal.SIGTERM)


def end_second(served: Served) -> None:
    os.kill(served.workers[0], signal.SIGTERM)


def crash_second(served: Served) -> None:
    os.kill(served.workers[0], signal.SIGKILL)


def reload_first(served: Served) -> None:
    served.process.send_signal(signal.SIGHUP)


@pytest.mark.parametrize("database", ["sqlite"])
@pytest.mark.parametrize(
    "stop",
    [end_first, end_whole_group, interrupt_whole_group, end_second, crash_second, reload_first],
)
def test_whoever_waits_to_be_let_in_when_a_front_stops_is_answered(
    own: Served, stop: Callable[[Served], None]
) -> None:
    (worker,) = own.workers
    # Before it stands still it would let some of them in.
    stand_still(worker)
    clients = curls(own, 60)
    wait_for(lambda: own.waiting() == 60)
    stop(own)
    with contextlib.suppress(ProcessLookupError):
        os.kill(worker, signal.SIGCONT)
    assert [client.wait() for client in clients] == [0] * 60
    assert len(own.jobs()) == 60
    if stop in (end_first, end_whole_group, interrupt_whole_group):
        assert own.process.wait(STOP_LIMIT_S) == 0
    else:
        wait_for(lambda: worker not in own.workers)
        assert own.get(b"/?" + QUERY)[0] == 201


def test_lines_of_the_readme_lose_nothing_while_a_front_restarts(tmp_path: Path) -> None:
    port, database_url = free_port(), f"sqlite:///{tmp_path / 'gocron.db'}"
    ended: list[int] = []

    def check_in(number: int) -> None:
        query = QUERY.decode().replace("backup", f"job-{number}")
        line = [*shlex.split(CURL), f"http://127.0.0.1:{port}/?{query}"]
        ended.append(subprocess.run(line, check=False).returncode)

    with ThreadPoolExecutor(16) as crontabs:
        with serve(database_url, tmp_path, port=port) as served:
            for number in range(300):
                crontabs.submit(check_in, number)
            wait_for(lambda: len(ended) > 50)
            served.process.send_signal(signal.SIGTERM)
            assert served.process.wait(STOP_LIMIT_S) == 0
        with serve(database_url, tmp_path, port=port) as served:
            wait_for(lambda: len(ended) == 300)
            assert set(ended) == {0}
            assert len(served.jobs()) == 300


def test_a_client_that_keeps_its_connection_open_is_told_to_end_it_when_a_front_stops(
    own: Served,
) -> None:
    check_in = b"GET /?" + QUERY + b" HTTP/1.1\r\nHost: gocron\r\n\r\n"
    with own.connect() as connection, connection.makefile("rb") as answers:
        connection.sendall(check_in)
        assert b"".join(iter(answers.readline, b"\r\n")).startswith(b"HTTP/1.1 201 ")
        (worker,) = own.workers
        stand_still(worker)
        own.process.send_signal(signal.SIGTERM)
        status = Path(f"/proc/{worker}/status")
        wait_for(lambda: "ShdPnd:\t0000000000000000" not in status.read_text())
        connection.sendall(check_in)
        os.kill(worker, signal.SIGCONT)
        last = answers.read()
    assert last.startswith(b"HTTP/1.1 201 ")
    assert b"connection: close\r\n" in last
    assert own.process.wait(STOP_LIMIT_S) == 0


def test_a_signal_to_stop_is_not_lost_on_a_front_that_has_only_begun(tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    config.write_text(
        f"database_url: sqlite:///{tmp_path}/own.db\n"
        f"listen_host: 127.0.0.1\nlisten_port: {free_port()}\n"
    )
    command = "import sys; from gocron import cli; sys.exit(cli.front())"
    with subprocess.Popen(
        [sys.executable, "-c", command, "--config", config], start_new_session=True
    ) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        wait_for(lambda: bool(children.read_text()))
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(STOP_LIMIT_S) == 0


@pytest.mark.parametrize("database", ["sqlite"])
@pytest.mark.parametrize(
    "sent",
    [b"GET /?cron", request(b"POST", b"/", b"Content-Length: %d" % BODY_LIMIT) + b"cron"],
    ids=["headers", "body"],
)
def test_a_client_that_sends_by_drops_holds_up_no_reload_and_nobody_else(
    own: Served, sent: bytes
) -> None:
    (worker,) = own.workers
    with own.connect() as slow:
        slow.sendall(sent)
        # Requests are read in turn.
        assert own.get(b"/healthcheck")[0] == 200
        reload_first(own)
        while worker in own.workers:
            with contextlib.suppress(OSError):
                slow.send(b"x")
            assert own.get(b"/?" + QUERY)[0] == 201
        # Had anybody waited for it, it had been told at last that it took too long.
        with contextlib.suppress(ConnectionError):
            assert slow.recv(65_536) == b""


@pytest.mark.parametrize("database", ["sqlite"])
def test_no_process_serves_on_once_the_first_was_killed(own: Served) -> None:
    (worker,) = own.workers
    own.process.kill()
    own.process.wait()
    wait_for(lambda: not Path(f"/proc/{worker}").exists())
    with pytest.raises(ConnectionRefusedError):
        own.connect()


def test_a_front_with_nothing_to_do_stops(own: Served) -> None:
    own.process.send_signal(signal.SIGTERM)
    assert own.process.wait(STOP_LIMIT_S) == 0


def test_a_database_held_by_another_is_answered_503_and_then_201(own: Served) -> None:
    assert own.get(b"/?" + QUERY)[0] == 201
    with locked(own.database_url):
        status, line = own.get(b"/?" + QUERY)
        assert (status, line) == (503, b"gocron: the database is away; try again\n")
    assert own.get(b"/?" + QUERY) == (201, b"")


@pytest.mark.parametrize("database", ["sqlite"])
@pytest.mark.parametrize("renew", [reload_first, crash_second])
def test_a_slip_in_the_configuration_ends_no_front_that_works(
    own: Served, renew: Callable[[Served], None]
) -> None:
    (worker,) = own.workers
    with own.log.with_name("config.yml").open("a") as config:
        config.write("nonsense_key: 3\n")
    renew(own)
    wait_for(lambda: len(own.workers) == 1 and own.workers != [worker])
    assert own.get(b"/?" + QUERY)[0] == 201
    assert own.process.poll() is None
    log = own.log.read_text()
    assert "nonsense_key: unknown key" in log
    assert "going on with the configuration of the start" in log
    assert "Traceback" not in log


@pytest.mark.parametrize("database", ["postgres"])
def test_a_database_that_went_away_and_came_back_is_found_again(own: Served) -> None:
    assert own.get(b"/?" + QUERY)[0] == 201
    with away(own.database_url):
        status, line = own.get(b"/?" + QUERY)
        assert (status, line) == (503, b"gocron: the database is away; try again\n")
        assert own.get(b"/healthcheck")[0] == 503
        assert own.get(b"/cron")[0] == 503
    assert own.get(b"/?" + QUERY) == (201, b"")
    assert own.get(b"/healthcheck")[0] == 200
    assert "Traceback" not in own.log.read_text()


@pytest.mark.parametrize(
    ("host", "clients"),
    [
        ("localhost", ["127.0.0.1"]),
        ("[::1]", ["::1"]),
        ("::1", ["::1"]),
        ("::", ["::1", "127.0.0.1"]),
        ("*", ["127.0.0.1"]),
    ],
)
def test_a_front_listens_where_it_is_told_by_address_or_by_name(
    tmp_path: Path, host: str, clients: list[str]
) -> None:
    port, database_url = free_port(), f"sqlite:///{tmp_path / 'gocron.db'}"
    await_host, config = clients[0], tmp_path / "config.yml"
    with serve(database_url, tmp_path, host=host, port=port, asked_at=await_host):
        for client in clients:
            with socket.create_connection((client, port), timeout=20) as connection:
                connection.sendall(request(b"GET", b"/?" + QUERY))
                assert answer(connection) == (201, b"")
        knocked = open_world(load_config(config, {})).knock("another")
        assert "answered 400" in knocked.why, "another gocron answers, but it answers"


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1"])
def test_a_name_or_address_that_is_not_of_this_host_is_one_line_and_exit_status_3(
    tmp_path: Path, capsys: pytest.CaptureFixture, host: str
) -> None:
    config = tmp_path / "config.yml"
    config.write_text(f"database_url: sqlite:///{tmp_path}/own.db\nlisten_host: {host}\n")
    assert cli.front(["--config", str(config)]) == ExitStatus.CONFIG
    said = capsys.readouterr().err
    assert said.startswith(f"gocron-front: listen_host {host}, listen_port 8080: can't listen: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("database", ["postgres"])
def test_who_watches_goes_the_way_of_check_ins_and_not_that_of_readers(own: Served) -> None:
    """No new connection can be had, and the one that check-ins are kept by goes on."""
    store = open_store(own.database_url)
    with store.connected():
        knock = b"/?self=" + counts.instance_name(store).encode()
    assert own.get(b"/?" + QUERY)[0] == 201
    with no_newcomers(own.database_url):
        assert own.get(b"/cron")[0] == 503
        assert own.get(b"/?" + QUERY)[0] == 201
        assert own.get(b"/healthcheck")[0] == 200
        assert own.get(knock)[0] == 201


@contextmanager
def no_newcomers(url: str) -> Iterator[None]:
    """Let nobody new into a Postgres database for the length of the block."""
    name = urlsplit(url).path.removeprefix("/")
    with closing(psycopg2.connect(urlsplit(url)._replace(path="/postgres").geturl())) as admin:
        admin.autocommit = True
        with admin.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            yield
            cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def test_a_flood_of_readers_mutes_neither_check_ins_nor_who_watches(front: Served) -> None:
    store = open_store(front.database_url)
    with store.connected():
        knock = b"/?self=" + counts.instance_name(store).encode()
    paths = (b"/cron", b"/version", b"/healthcheck", b"/?self=stranger")
    with ThreadPoolExecutor(40) as readers:
        asked = [readers.submit(front.get, path) for _ in range(100) for path in paths]
        watched = [front.get(b"/?" + QUERY)[0], front.get(knock)[0], front.get(b"/healthcheck")[0]]
    assert watched == [201, 201, 200]
    assert {reading.result()[0] for reading in asked} == {200, 400}


def test_a_port_in_use_is_one_line_and_exit_status_3(
    front: Served, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    config = tmp_path / "config.yml"
    config.write_text(
        f"database_url: sqlite:///{tmp_path}/own.db\n"
        f"listen_host: 127.0.0.1\nlisten_port: {front.port}\n"
    )
    assert cli.front(["--config", str(config)]) == ExitStatus.CONFIG
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        f"gocron-front: listen_host 127.0.0.1, listen_port {front.port}: can't listen: "
        "Address already in use; free the port or choose another\n"
    )
