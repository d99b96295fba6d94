"""`/ping/` over real sockets: hostile paths, bodies without end, and bodies that come by drops."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from gocron.front.request import OUTPUT_READ_LIMIT_B
from tests.front.test_served import QUERY, Served, answer, request, serve
from tests.service.processes import until

JOB = b"/ping/web-01/backup"
OK = (200, b"OK")


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A front that knows one job, and has it alone in the end."""
    folder = tmp_path_factory.mktemp("ping")
    with serve(f"sqlite:///{folder / 'gocron.db'}", folder) as served:
        assert served.get(b"/?" + QUERY) == (201, b"")
        yield served
        assert [(job.account, job.cronname) for job in served.jobs()] == [("web-01", "backup")]
        assert served.get(b"/healthcheck")[0] == 200
        assert "Traceback" not in served.log.read_text()


def post(body: bytes, tail: bytes = b"", *headers: bytes) -> bytes:
    return request(b"POST", JOB + tail, b"Content-Length: %d" % len(body), *headers) + body


def test_get_head_and_post_are_answered_200_and_head_has_no_body(front: Served) -> None:
    for tail in (b"", b"/", b"/start", b"/fail/", b"/log", b"/0", b"/3", b"/SIGTERM?rid=x&msg=y"):
        assert front.get(JOB + tail) == OK
        assert front.ask(request(b"HEAD", JOB + tail)) == (200, b"")
        assert front.ask(post(b"out", tail)) == OK


def test_one_connection_takes_several_pings_with_bodies(front: Served) -> None:
    first = post(b"x" * 300_000).replace(b"Connection: close\r\n", b"")
    with front.connect() as connection:
        connection.sendall(first * 2 + post(b"end"))
        came = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert came.count(b"HTTP/1.1 200 ") == 3


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"/ping/", 404),
        (b"/ping/checks", 404),
        (b"/ping/..", 404),
        (b"/ping/../cron", 404),
        (b"/ping/%2e%2e/cron", 404),
        (b"/ping/web-01/%2e%2e", 404),
        (b"/ping/web-01/..%2f..%2fcron", 404),
        (b"/ping/web-01/backup/..", 404),
        (b"/ping/web-01/backup%2f%2f", 404),
        (b"//ping/web-01/backup", 404),
        (b"/PING/web-01/backup", 404),
        (b"/ping" + b"/x" * 1_000, 404),
        (b"/ping" + b"/" * 30_000, 404),
        (b"/ping/web-01/backup%00", 400),
        (b"/ping/web-01%0d%0aX-Evil:%20yes/backup", 400),
        (b"/ping/web-01/backup%ff", 400),
        (b"/ping/web-01/%c3%28", 400),
        (b"/ping/web-01/%ed%a0%80", 400),
        (b"/ping/web-01/\xff", 400),
        (b"/ping/web-01/back\x00up", 400),
        (b"/ping/web-01/" + b"%41" * 20_000, 400),
        (b"/ping/web-01/" + b"x" * 70_000, 414),
        (b"/ping/web-01/%E2%80%8B?email=a@b.c&frequency=60", 400),
        (b"/ping/web-01/a;b", 404),
        (b"/ping/web-01/<script>", 400),
        (b"/ping/web-01/%3Cscript%3E", 404),
        (b"/ping/web-01/backup?%ff", 400),
        (b"/ping/web-01/backup?" + b"&".join([b"x=1"] * 99), 400),
        (b"/ping/web-01/backup%2fstart", 200),
        (b"http://elsewhere.example/ping/web-01/backup", 200),
    ],
)
def test_hostile_paths_check_in_no_other_job_and_break_nothing(
    front: Served, target: bytes, status: int
) -> None:
    for method in (b"GET", b"POST", b"HEAD"):
        assert front.ask(request(method, target))[0] == status


def test_bodies_of_any_length_are_answered_200(front: Served) -> None:
    for size in (65_537, 2**20, OUTPUT_READ_LIMIT_B - 1):
        assert front.ask(post(b"x" * size, b"/fail")) == OK
    chunk = b"%x\r\n" % 100_000 + b"x" * 100_000 + b"\r\n"
    chunked = request(b"POST", JOB, b"Transfer-Encoding: chunked")
    assert front.ask(chunked + chunk * 20 + b"0\r\n\r\n") == OK


def test_a_body_of_tiny_parts_is_answered_before_its_end(front: Served) -> None:
    parts = OUTPUT_READ_LIMIT_B // 1024
    chunked = request(b"POST", JOB, b"Transfer-Encoding: chunked")
    with front.connect() as connection:
        # It never says that it ended.
        connection.sendall(chunked + b"1\r\nx\r\n" * parts)
        assert answer(connection) == OK


def send_all(front: Served, body: bytes) -> int:
    """Send a body that may be too long to be read to its end; return the status, 0 where lost."""
    with front.connect() as connection:
        with suppress(ConnectionError):
            connection.sendall(post(body))
        with suppress(ConnectionError, AssertionError):
            return answer(connection)[0]
    return 0


def highest_b(served: Served) -> int:
    """The most memory that a process of the front has had."""
    told = (Path(f"/proc/{pid}/status").read_text() for pid in served.workers)
    return max(int(one.split("VmHWM:")[1].split()[0]) * 1024 for one in told)


def test_a_flood_of_large_bodies_takes_little_memory_and_each_is_kept(front: Served) -> None:
    (before,) = front.jobs()
    highest = highest_b(front)
    body = b"x" * (OUTPUT_READ_LIMIT_B // 2)
    with ThreadPoolExecutor(24) as clients:
        assert set(clients.map(lambda _: send_all(front, body), range(48))) == {200}
    endless = body * 6
    assert send_all(front, endless) in (0, 200)
    assert highest_b(front) - highest < 64 * 2**20, "384 MB came at a time"
    (after,) = front.jobs()
    assert after.last_seen_at >= before.last_seen_at


def test_a_body_that_comes_by_drops_holds_nobody_up_and_costs_no_check_in(front: Served) -> None:
    slow = post(b"x" * 100)[:-99]
    clients = [front.connect() for _ in range(20)]
    try:
        for client in clients:
            client.sendall(slow)
        assert front.get(JOB) == OK
        assert [answer(client) for client in clients] == [OK] * len(clients)
    finally:
        for client in clients:
            client.close()


def test_who_hangs_up_within_the_body_has_checked_in_all_the_same(
    tmp_path: Path, database_url: str
) -> None:
    fields = b"?email=ops@example.com&frequency=3600"
    broken = {
        b"half": [b"Content-Length: 400", b"half"],
        b"none": [b"Content-Length: 400", b""],
        b"chunk": [b"Transfer-Encoding: chunked", b"4\r\nhal"],
    }
    with serve(database_url, tmp_path) as own:
        for name, (header, body) in broken.items():
            with own.connect() as connection:
                connection.sendall(
                    request(b"POST", b"/ping/web-01/" + name + fields, header) + body
                )
        until(lambda: {job.cronname for job in own.jobs()} == {"half", "none", "chunk"})
        assert own.get(b"/healthcheck")[0] == 200
        assert "Traceback" not in own.log.read_text()
