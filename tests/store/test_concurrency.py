"""Several processes on one database: no deadlock is a lost check-in, no race makes twins."""

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing

import psycopg2
from playhouse.migrations import Runner

from gocron.core.job import Status
from gocron.store import checkins, declarations, job_row, jobs, late_checkins
from gocron.store.database import Store
from gocron.store.group_commit import GroupCommit
from gocron.store.schema import HISTORY, MIGRATIONS, open_store, pending
from tests.conftest import Postgres
from tests.service.processes import until
from tests.store.conftest import HOUR, NOON, checkin, record

PROCESSES = multiprocessing.get_context("spawn")
NAMES = [f"job-{number}" for number in range(40)]


def record_many(url: str, backwards: bool) -> None:
    store = open_store(url)
    names = NAMES[::-1] if backwards else NAMES
    with store.connected():
        for turn in range(25):
            group = [checkin(name, seen_at=NOON + turn) for name in names]
            assert None not in store.write(lambda tx, group=group: checkins.record(tx, group))


def declare_all(url: str) -> None:
    store = open_store(url)
    with store.connected():
        for name in NAMES:
            declarations.declare(store, checkin(name))


def open_once(url: str) -> None:
    store = open_store(url)
    with store.connected():
        store.write(lambda tx: checkins.record(tx, [checkin()]))


def run_all(target, arguments: list[tuple]) -> list[int | None]:
    processes = [PROCESSES.Process(target=target, args=some) for some in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


def test_two_fronts_that_keep_the_same_jobs_in_opposite_order_do_not_stop_each_other(
    store: Store, database_url: str
) -> None:
    assert run_all(record_many, [(database_url, False), (database_url, True)] * 2) == [0] * 4
    with store.connected():
        assert sorted(job.cronname for job in jobs.every_job(store)) == sorted(NAMES)


def test_a_job_may_check_in_first_while_it_is_declared(store: Store, database_url: str) -> None:
    assert run_all(declare_all, [(database_url,)] * 4) == [0] * 4
    with store.connected():
        assert sorted(job.cronname for job in jobs.every_job(store)) == sorted(NAMES)


def test_many_jobs_are_changed_together_and_check_ins_go_on(store: Store) -> None:
    def change_all() -> None:
        with store.connected(), store.writing() as tx:
            is_whole = job_row.hear_at(tx, job.last_seen_at > NOON + HOUR, NOON, NOON)
            # What another transaction holds is waited for with SQLite alone.
            assert is_whole != store.is_postgres

    with store.connected():
        for name in ("z", "silent", "a"):
            store.write(lambda tx, name=name: checkins.record(tx, [checkin(name)]))
        job = store.tables.job
        job.update({job.reprieve: Status.SUPPRESSED.value}).execute()
        with ThreadPoolExecutor(1) as pool:
            with store.writing() as tx:
                checkins.record(tx, [checkin("a", NOON + 1)])
                changed = pool.submit(change_all)
                wait([changed], timeout=0.3)
                checkins.record(tx, [checkin("z", NOON + 1)])
            changed.result()
        every = {one.cronname: one for one in jobs.every_job(store)}
        assert {name: one.last_seen_at - NOON for name, one in every.items()} == {
            "a": 1,
            "silent": 0,
            "z": 1,
        }
        assert all(one.spared is None for one in every.values())


def test_five_processes_that_open_a_new_database_at_once_upgrade_it_once(
    empty_database_url: str,
) -> None:
    assert run_all(open_once, [(empty_database_url,)] * 5) == [0] * 5
    store = open_store(empty_database_url)
    with store.connected():
        assert len(list(jobs.every_job(store))) == 1


def test_an_upgrade_and_a_sweep_of_the_version_before_that_wait_for_each_other_both_end(
    postgres: Postgres,
) -> None:
    with postgres.database() as name, ThreadPoolExecutor(1) as pool:
        # Whoever waits longer than this is undone: the upgrade. The sweep may wait for longer.
        postgres.execute(f"ALTER DATABASE {name} SET deadlock_timeout = '2s'")
        url = postgres.url_of(name)
        store = Store(url)
        with store.connected():
            Runner(store.db, str(MIGRATIONS), HISTORY).up("0006_clocks_and_allowances")
        with closing(psycopg2.connect(url)) as sweep, sweep.cursor() as cursor:
            cursor.execute("SET deadlock_timeout = '1min'")
            cursor.execute("UPDATE outage SET excused = 1")
            upgraded = pool.submit(open_store, url)
            until(lambda: _waits(cursor))
            cursor.execute("UPDATE job SET reprieve = NULL")
            sweep.commit()
            upgraded.result()
        with store.connected():
            assert pending(store) == []


def test_first_check_ins_of_one_job_from_many_clients_make_one_job(store: Store) -> None:
    group_commit = GroupCommit(store)
    outcomes: list[object] = []

    def client(number: int) -> None:
        outcomes.append(record(group_commit, checkin(seen_at=NOON + number)))

    clients = [threading.Thread(target=client, args=(number,)) for number in range(32)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    assert sorted(outcomes) == [NOON + number + 3600 for number in range(32)]
    with store.connected():
        assert len(list(jobs.every_job(store))) == 1


def test_what_is_replayed_does_not_get_over_a_newer_check_in_that_makes_the_job_known_meanwhile(
    store: Store, database_url: str
) -> None:
    def replay() -> None:
        sweeps = open_store(database_url)
        with sweeps.connected():
            assert late_checkins.keep(sweeps, [checkin(seen_at=NOON)], lambda _: True) == []

    with store.connected(), ThreadPoolExecutor(1) as pool:
        with store.writing() as tx:
            checkins.record(tx, [checkin(seen_at=NOON + HOUR)])
            replayed = pool.submit(replay)
            wait([replayed], timeout=0.5)
        replayed.result()
        assert jobs.find(store, "web-01", "backup").last_seen_at == NOON + HOUR


def _waits(cursor: "psycopg2.extensions.cursor") -> bool:
    """Tell whether another transaction in this database waits for a table."""
    cursor.execute(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return bool(cursor.fetchone()[0])
