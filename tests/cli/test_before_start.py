"""`gocron check --before-start`: what would keep gocron-front from starting; nothing changes."""

import json
import multiprocessing
import os
import pwd
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gocron import cli
from gocron.errors import ExitStatus
from gocron.store.database import Store
from gocron.store.schema import pending
from tests.peers import free_port
from tests.service.processes import front

Check = Callable[..., tuple[int, str]]


@pytest.fixture
def options(tmp_path: Path) -> dict[str, str]:
    return {
        "status_dir": str(tmp_path / "page"),
        "listen_host": "127.0.0.1",
        "listen_port": str(free_port()),
    }


@pytest.fixture
def check(options: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture) -> Check:
    """Run the check by `options`; return its status and all that it said."""

    def run() -> tuple[int, str]:
        config = tmp_path / "config.yml"
        config.write_text(json.dumps(options))
        status = cli.main(["check", "--before-start", "--config", str(config)])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return status, said.out + said.err

    return run


@contextmanager
def listener(answer: bytes, port: str, user: int | None = None) -> Iterator[None]:
    """A process that listens and answers, as `user` if that is told."""

    def serve() -> None:
        if user is not None:
            os.setuid(user)
        with socket.create_server(("127.0.0.1", int(port))) as server:
            ready.set()
            while True:
                with closing(server.accept()[0]) as connection:
                    connection.recv(65536)
                    connection.sendall(answer)

    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=serve, daemon=True)
    process.start()
    try:
        assert ready.wait(20)
        yield
    finally:
        process.kill()
        process.join()


GOCRON = b"HTTP/1.0 404 None\r\n\r\ngocron: check in with /?...\n"


def test_where_all_is_ready_each_line_is_ok(
    check: Check, options: dict[str, str], database_url: str
) -> None:
    options["database_url"] = database_url
    status, said = check()
    assert status == ExitStatus.OK
    subjects = [line.removeprefix("ok    ").partition(":")[0] for line in said.splitlines()]
    assert subjects == ["configuration", "port", "database", "schema", "page folder"]


def test_what_the_start_makes_is_not_made_by_the_check(
    check: Check, options: dict[str, str], empty_database_url: str, tmp_path: Path
) -> None:
    options["database_url"] = empty_database_url
    before = set(tmp_path.iterdir())
    status, said = check()
    assert status == ExitStatus.OK, said
    assert set(tmp_path.iterdir()) - before <= {tmp_path / "config.yml"}
    if empty_database_url.startswith("postgresql"):
        assert "migrations pending, applied at the start" in said
        store = Store(empty_database_url)
        with store.connected():
            assert not store.db.get_tables()


@pytest.mark.parametrize("database", ["sqlite"])
def test_a_database_that_waits_for_an_upgrade_is_left_as_it_is(
    check: Check, options: dict[str, str], empty_database_url: str
) -> None:
    store = Store(empty_database_url)
    options["database_url"] = empty_database_url
    with store.connected():
        waiting = pending(store)
    status, said = check()
    assert (status, f"{len(waiting)} migrations pending" in said) == (ExitStatus.OK, True)
    with store.connected():
        assert pending(store) == waiting


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.0 200 OK\r\n\r\n<h1>It works!</h1>", b"SSH-2.0\r\n"]
)
def test_a_port_that_another_program_has_is_said(
    check: Check, options: dict[str, str], tmp_path: Path, answer: bytes
) -> None:
    options["database_url"] = f"sqlite:///{tmp_path}/gocron.db"
    with listener(answer, options["listen_port"]):
        status, said = check()
    assert status == ExitStatus.CONFIG
    where = f"listen_host 127.0.0.1, listen_port {options['listen_port']}"
    assert f"FAIL  port: {where}: can't listen: Address already in use; free the port" in said


def test_the_front_that_will_be_restarted_may_have_the_port(
    check: Check, options: dict[str, str], tmp_path: Path
) -> None:
    options["database_url"] = f"sqlite:///{tmp_path}/gocron.db"
    assert check()[0] == ExitStatus.OK
    with front(tmp_path / "config.yml", int(options["listen_port"])):
        # Also where the configuration of the next start names another database.
        for name in ("gocron", "other"):
            options["database_url"] = f"sqlite:///{tmp_path}/{name}.db"
            status, said = check()
            assert status == ExitStatus.OK, said
            assert "gocron-front listens there" in said


@pytest.mark.root
def test_a_gocron_of_another_user_may_not(
    check: Check, options: dict[str, str], tmp_path: Path
) -> None:
    options["database_url"] = f"sqlite:///{tmp_path}/gocron.db"
    with listener(GOCRON, options["listen_port"], pwd.getpwnam("nobody").pw_uid):
        assert check()[0] == ExitStatus.CONFIG
    with listener(GOCRON, options["listen_port"]):
        assert check()[0] == ExitStatus.OK


@pytest.mark.parametrize("host", ["192.0.2.77", "no-such-host.invalid"])
def test_an_address_that_is_not_this_hosts_is_said(
    check: Check, options: dict[str, str], tmp_path: Path, host: str
) -> None:
    options |= {"database_url": f"sqlite:///{tmp_path}/gocron.db", "listen_host": host}
    status, said = check()
    assert (status, f"FAIL  port: listen_host {host}" in said) == (ExitStatus.CONFIG, True)


def test_a_database_that_is_away_is_said_without_its_password(
    check: Check, options: dict[str, str]
) -> None:
    options["database_url"] = f"postgresql://gocron:s3cret@127.0.0.1:{free_port()}/gocron"
    status, said = check()
    assert status == ExitStatus.STORE
    assert "FAIL  database: postgres gocron on 127.0.0.1, port " in said
    assert "s3cret" not in said


def test_a_database_of_a_later_gocron_that_broke_with_this_one_is_said(
    check: Check, options: dict[str, str], database_url: str
) -> None:
    store = Store(database_url)
    with store.connected():
        store.db.execute_sql(
            "INSERT INTO schema_migration (name, applied) VALUES ('9_breaking', '2030-01-01')"
        )
    options["database_url"] = database_url
    assert check()[0] == ExitStatus.STORE


@pytest.mark.parametrize(
    ("option", "value", "ends_with", "said"),
    [
        ("status_dir", "{}/file", ExitStatus.CONFIG, "is no folder; make it, or change status_dir"),
        ("database_url", "sqlite:///{}/none/g.db", ExitStatus.STORE, "or set database_url"),
    ],
)
def test_a_folder_that_is_none_is_said_with_its_option(
    check: Check,
    options: dict[str, str],
    tmp_path: Path,
    option: str,
    value: str,
    ends_with: ExitStatus,
    said: str,
) -> None:
    (tmp_path / "file").write_text("")
    options["database_url"] = f"sqlite:///{tmp_path}/gocron.db"
    options[option] = value.format(tmp_path)
    status, out = check()
    assert status == ends_with
    (line,) = [line for line in out.splitlines() if line.startswith("FAIL")]
    assert line.endswith(said)
    assert "ok    port: " in out


def test_all_that_is_wrong_is_told_at_once(
    check: Check, options: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    options |= {
        "database_url": f"postgresql://gocron@127.0.0.1:{free_port()}/gocron",
        "status_dir": str(tmp_path / "file"),
        "listen_host": "192.0.2.77",
    }
    status, said = check()
    assert status == ExitStatus.CONFIG
    bad = [line.split(":")[0] for line in said.splitlines() if line.startswith("FAIL")]
    assert bad == ["FAIL  port", "FAIL  database", "FAIL  page folder"]


def test_a_configuration_that_can_not_be_used_ends_as_it_would_at_the_start(
    check: Check, options: dict[str, str]
) -> None:
    options["smtpprot"] = "25"
    status, said = check()
    assert (status, "smtpprot: unknown key" in said) == (ExitStatus.CONFIG, True)
