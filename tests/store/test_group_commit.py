"""The thread that commits: it survives what befalls its database, and says so."""

import os
import secrets
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import peewee
import psycopg2
import pytest

from gocron.core.checkin import CheckIn
from gocron.errors import Bug, StoreError, Unfit
from gocron.store import checkins, jobs, late_checkins
from gocron.store.database import Store, Transaction
from gocron.store.group_commit import ASKERS_LIMIT, GroupCommit
from gocron.store.postgres import ServerDatabase, parameters
from gocron.store.schema import later, open_store
from tests.peers import free_port
from tests.service.processes import until
from tests.store.conftest import HOUR, NOON, checkin, look, record

BEYOND_64_BITS = 2**63


def test_one_check_in_that_cannot_be_held_costs_the_others_nothing(store: Store) -> None:
    outcomes = GroupCommit(store)._commit(
        [checkin("a"), checkin("b", frequency_s=BEYOND_64_BITS), checkin("c")]
    )
    assert outcomes[0] == outcomes[2] == NOON + HOUR
    assert isinstance(outcomes[1], Unfit)
    with store.connected():
        assert [job.cronname for job in jobs.every_job(store)] == ["a", "c"]


UNFIT = {
    "an integer beyond 64 bits": {"frequency_s": BEYOND_64_BITS},
    "half a character": {"cronname": "b\ud800"},
    "nothing where something must be": {"address": None},
}


@pytest.mark.parametrize("what", UNFIT)
def test_what_no_database_holds_is_unfit_and_cuts_no_connection(store: Store, what: str) -> None:
    group_commit = GroupCommit(store)
    assert group_commit._commit([checkin("a")]) == [NOON + HOUR]
    connection = store.db.connection()
    group = [checkin("a"), checkin(**{"cronname": "b", **UNFIT[what]}), checkin("c")]
    _, unfit, _ = group_commit._commit(group)
    assert isinstance(unfit, Unfit)
    assert store.db.connection() is connection


def test_a_bug_at_one_check_in_costs_the_others_nothing_and_is_no_database_that_is_away(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    works = checkins.record

    def record(tx: Transaction, some: list[CheckIn]) -> list[int | None]:
        if any(one.cronname == "b" for one in some):
            raise TypeError("a bug")
        return works(tx, some)

    monkeypatch.setattr(checkins, "record", record)
    outcomes = GroupCommit(store)._commit([checkin("a"), checkin("b"), checkin("c")])
    assert outcomes[0] == outcomes[2] == NOON + HOUR
    assert isinstance(outcomes[1], Bug)
    assert [record.exc_info[0] for record in caplog.records] == [TypeError]


@pytest.fixture
def refusing(postgres) -> Iterator[tuple[Store, list[str]]]:
    """A database that refuses every check-in, and what it is asked."""
    with postgres.database() as name:
        store = open_store(postgres.url_of(name))
        with store.connected():
            store.db.execute_sql("ALTER TABLE job RENAME TO gone")
        asked: list[str] = []
        execute = store.db.execute_sql
        store.db.execute_sql = lambda sql, *more: (asked.append(sql), execute(sql, *more))[1]
        yield store, asked


def test_a_database_that_refuses_is_asked_for_a_group_and_not_for_each(
    refusing: tuple[Store, list[str]],
) -> None:
    store, asked = refusing
    outcomes = GroupCommit(store)._commit([checkin(f"job-{n}") for n in range(30)])
    assert {type(outcome) for outcome in outcomes} == {StoreError}
    assert len(asked) == 2


def test_a_database_that_goes_on_refusing_is_asked_once_for_each_group(
    refusing: tuple[Store, list[str]],
) -> None:
    store, asked = refusing
    group_commit = GroupCommit(store)
    for times in (2, 3, 4):
        assert isinstance(record(group_commit, checkin("a")), StoreError)
        assert len(asked) == times
    with store.connected():
        store.db.execute_sql("ALTER TABLE gone RENAME TO job")
    assert record(group_commit, checkin("a")) == NOON + HOUR


@pytest.fixture
def in_latin_1(postgres) -> Iterator[str]:
    """The URL of a database that keeps text as Latin-1, with gocron's tables."""
    name = f"gocron_latin_{secrets.token_hex(6)}"
    postgres.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        open_store(postgres.url_of(name))
        yield postgres.url_of(name)
    finally:
        postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_name_that_the_database_has_no_letters_for_is_unfit_and_all_others_are_kept(
    in_latin_1: str,
) -> None:
    store = open_store(in_latin_1)
    group_commit = GroupCommit(store)
    outcomes = group_commit._commit([checkin("a"), checkin("\u65e5\u672c"), checkin("caf\xe9")])
    assert outcomes[0] == outcomes[2] == NOON + HOUR
    assert isinstance(outcomes[1], Unfit)
    assert 'no equivalent in encoding "LATIN1"' in str(outcomes[1])
    with store.connected():
        assert [job.cronname for job in jobs.every_job(store)] == ["a", "caf\xe9"]
        late = [checkin("b"), checkin("\u65e5\u672c"), checkin("c")]
        assert late_checkins.keep(store, late, lambda _: True) == [late[1]]


@pytest.mark.parametrize("encoding", ["UTF8", "SQL_ASCII"])
def test_every_name_is_kept_and_read_where_the_database_has_room_for_it(
    postgres, encoding: str
) -> None:
    name = f"gocron_any_{secrets.token_hex(6)}"
    postgres.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
    try:
        store = open_store(postgres.url_of(name))
        assert record(GroupCommit(store), checkin("\u65e5\u672c")) == NOON + HOUR
        with store.connected():
            assert [job.cronname for job in jobs.every_job(store)] == ["\u65e5\u672c"]
            assert store.encoding() == encoding
    finally:
        postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_what_postgres_says_twice_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store("postgresql://gocron@127.0.0.1:9/gocron")
    line = 'connection to server at "db" (192.0.2.1), port 5432 failed: FATAL:  no such role'
    with pytest.raises(StoreError) as refused, store.reporting():
        raise peewee.OperationalError(f"{line}\n{line}\n")
    assert refused.value.what == "FATAL: no such role"
    other = line.replace("db", "db2")
    with pytest.raises(StoreError) as refused, store.reporting():
        raise peewee.OperationalError(f"{line}\n\tIs it up?\n{other}\n\tIs it up?\n")
    assert refused.value.what.count("Is it up?") == 1
    assert '"db2"' in refused.value.what


def test_a_connection_that_was_cut_is_made_anew_without_the_client_noticing(postgres) -> None:
    with postgres.database() as name:
        store = open_store(postgres.url_of(name))
        group_commit = GroupCommit(store)
        assert record(group_commit, checkin("a")) == NOON + HOUR
        postgres.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )
        assert record(group_commit, checkin("b")) == NOON + HOUR


def test_a_database_that_is_away_is_an_outcome_and_its_return_too(tmp_path: Path, postgres) -> None:
    with postgres.database() as name:
        store = open_store(postgres.url_of(name))
        group_commit = GroupCommit(store)
        postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        assert isinstance(record(group_commit, checkin("a")), StoreError)
        postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        assert record(group_commit, checkin("a")) == NOON + HOUR


def test_a_store_error_names_the_database_and_no_password(postgres) -> None:
    with pytest.raises(StoreError) as refused:
        open_store("postgresql://gocron:s3cret@127.0.0.1:9/gocron")
    assert "postgres gocron on 127.0.0.1" in str(refused.value)
    assert "s3cret" not in str(refused.value)


def applied_by_a_later_version(url: str, name: str) -> None:
    store = Store(url)
    with store.connected():
        store.db.execute_sql(
            f"INSERT INTO schema_migration (name, applied) VALUES ('{name}', '2030-01-01')"
        )


def test_a_database_that_a_later_version_added_to_is_used_and_known_for_it(
    database_url: str,
) -> None:
    applied_by_a_later_version(database_url, "9999_more")
    store = open_store(database_url)
    with store.connected():
        assert later(store) == ["9999_more"]


def test_a_database_that_a_later_version_broke_with_is_refused(database_url: str) -> None:
    applied_by_a_later_version(database_url, "9999_other_breaking")
    with pytest.raises(StoreError, match="later gocron"):
        open_store(database_url)


def test_a_check_in_whose_client_was_told_503_is_not_kept_later(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gocron.store.group_commit.PATIENCE_S", 0.0)
    assert isinstance(record(GroupCommit(store), checkin("late")), StoreError)
    monkeypatch.undo()
    record(GroupCommit(store), checkin("after"))
    with store.connected():
        assert [job.cronname for job in jobs.every_job(store)] == ["after"]


# A database that hangs: its kernel takes what is sent, and nothing answers.


def backends(postgres, name: str) -> list[int]:
    """The process ids of the server's ends of gocron's connections to this database."""
    with closing(psycopg2.connect(postgres.url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = %s AND application_name = 'gocron'",
            (name,),
        )
        return [pid for (pid,) in cursor.fetchall()]


@contextmanager
def standing_still(*pids: int) -> Iterator[None]:
    """Stop these processes for the length of the block; one may end at that very moment."""

    def tell(signal_number: int) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal_number)

    tell(signal.SIGSTOP)
    try:
        yield
    finally:
        tell(signal.SIGCONT)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """No limit keeps a test waiting for long."""
    monkeypatch.setattr("gocron.store.group_commit.ANSWER_WITHIN_S", 0.5)
    monkeypatch.setattr("gocron.store.postgres.CONNECT_WITHIN_S", 1)


@pytest.mark.usefixtures("hasty")
def test_a_connection_that_hangs_is_left_for_another_and_nothing_is_kept_twice(postgres) -> None:
    with postgres.database() as name:
        store = open_store(postgres.url_of(name))
        group_commit = GroupCommit(store)
        assert record(group_commit, checkin("a")) == NOON + HOUR
        with standing_still(*backends(postgres, name)):
            assert record(group_commit, checkin("a", seen_at=NOON + 60)) == NOON + HOUR + 60
            assert record(group_commit, checkin("b")) == NOON + HOUR
        until(lambda: len(backends(postgres, name)) == 1)
        with store.connected():
            told = {job.cronname: (job.last_seen_at, job.gaps) for job in jobs.every_job(store)}
        assert told == {"a": (NOON + 60, (60,)), "b": (NOON, ())}


def processes(postgres) -> list[int]:
    """The process ids of all of the server, the first one's first."""
    folder = Path(postgres.url.rpartition("host=")[2])
    first = int((folder / "data/postmaster.pid").read_text().splitlines()[0])
    children = Path(f"/proc/{first}/task/{first}/children").read_text()
    return [first, *map(int, children.split())]


@pytest.mark.usefixtures("hasty")
def test_a_server_that_hangs_is_no_2xx_and_is_found_again_once_it_goes_on(postgres) -> None:
    with postgres.database() as name:
        store = open_store(postgres.url_of(name))
        group_commit = GroupCommit(store)
        assert record(group_commit, checkin("a")) == NOON + HOUR
        with standing_still(*processes(postgres)):
            outcome = record(group_commit, checkin("b"))
            assert isinstance(outcome, StoreError)
            assert not look(group_commit).is_keeping
        assert record(group_commit, checkin("c")) == NOON + HOUR
        until(lambda: look(group_commit).is_keeping)


@pytest.mark.usefixtures("hasty")
def test_sweeps_and_commands_wait_for_no_server_that_hangs(
    postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gocron.store.postgres._Connection.answer_within_s", 0.5)
    with postgres.database() as name:
        store = open_store(postgres.url_of(name))
        with store.connected():
            pids = backends(postgres, name)
            no_answer = pytest.raises(StoreError, match="no answer")
            with standing_still(*pids), no_answer, store.reporting():
                store.write(lambda tx: checkins.record(tx, [checkin("a")]))
        with standing_still(*processes(postgres)), pytest.raises(StoreError), store.connected():
            pass


@pytest.mark.usefixtures("hasty")
def test_who_asks_how_a_gocron_is_that_hangs_is_not_remembered_for_ever(postgres) -> None:
    with postgres.database() as name:
        group_commit = GroupCommit(open_store(postgres.url_of(name)))
        record(group_commit, checkin("a"))
        with standing_still(*backends(postgres, name)):
            for _ in range(3 * ASKERS_LIMIT):
                group_commit.ask(lambda _: None)
            assert len(group_commit._askers) <= ASKERS_LIMIT


@pytest.mark.usefixtures("hasty")
def test_an_address_at_which_nothing_answers_is_left_for_the_next() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as stack:
        port = full.getsockname()[1]
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        database = ServerDatabase(**parameters("postgresql://gocron@/x"))
        hosts = {"host": "127.0.0.1,127.0.0.1", "port": f"{port},{free_port()}"}
        database.connect_params.update(hosts)
        with pytest.raises(peewee.OperationalError, match="Connection refused"):
            database.connect()
