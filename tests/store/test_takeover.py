"""The Go program's Postgres is taken over: its jobs, their state, and nobody is told twice."""

from collections.abc import Iterator
from dataclasses import replace

import psycopg2
import pytest

from gocron.config import load_config
from gocron.core.checkin import CheckIn
from gocron.store import checkins, jobs
from gocron.store.schema import open_store
from gocron.sweep import sweep
from tests.peers import mail_peer

NOON = 1_790_000_000

ORIGINAL = """
CREATE TABLE gocron (cronname varchar, account varchar, email varchar, ipaddress varchar,
    frequency {integer}, lastruntime {integer}, alerted boolean, site boolean,
    PRIMARY KEY (cronname, account))
"""
ROWS = [
    ("backup", "web-01", "ops@example.com", "203.0.113.9", 3600, NOON - 60, False, False),
    ("gateway", "office", "ops@example.com", "203.0.113.1", 300, NOON - 10, False, True),
    ("dead", "web-01", "ops@example.com", "203.0.113.9", 3600, NOON - 90_000, True, False),
    ("odd\nname", "web-01", "no address", "", 0, 0, True, None),
]


@pytest.fixture(params=["integer", "varchar"])
def original_url(request: pytest.FixtureRequest, postgres) -> Iterator[str]:
    """A Postgres as the Go program left it; its early versions kept numbers as text."""
    with postgres.database() as name:
        url = postgres.url_of(name)
        connection = psycopg2.connect(url)
        with connection, connection.cursor() as cursor:
            cursor.execute(ORIGINAL.format(integer=request.param))
            cursor.executemany("INSERT INTO gocron VALUES (%s,%s,%s,%s,%s,%s,%s,%s)", ROWS)
        connection.close()
        yield url


def test_every_job_and_its_state_is_there(original_url: str) -> None:
    store = open_store(original_url)
    with store.connected():
        taken = {job.cronname: job for job in jobs.every_job(store)}
    assert set(taken) == {row[0] for row in ROWS}
    backup, gateway, dead = taken["backup"], taken["gateway"], taken["dead"]
    assert (backup.email, backup.address) == ("ops@example.com", "203.0.113.9")
    assert (backup.last_seen_at, backup.due_at) == (NOON - 60, NOON - 60 + 3600)
    assert (backup.site, gateway.site) == (False, True)
    assert (backup.missed_at, dead.missed_at) == (None, NOON - 90_000 + 3600)


def test_the_old_table_stays_as_it_was(original_url: str) -> None:
    open_store(original_url)
    connection = psycopg2.connect(original_url)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM gocron")
        assert cursor.fetchone() == (len(ROWS),)
    connection.close()


def test_a_job_taken_over_as_alerted_is_told_of_only_when_it_is_back(original_url: str) -> None:
    store = open_store(original_url)
    config = load_config(environment={"GC_DATABASE_URL": original_url, "GC_STATUS_DIR": ""})
    back = CheckIn("web-01", "dead", None, None, None, None, "203.0.113.9", NOON + 20)
    with mail_peer() as mail, store.connected():
        config = replace(
            config,
            smtpserver="127.0.0.1",
            smtpport=mail.port,
            smtp_security="none",
            mail_from="gocron@example.com",
        )
        sweep(store, config, lambda: NOON + 10)
        assert mail.mails == []
        store.write(lambda tx: checkins.record(tx, [back]))
        sweep(store, config, lambda: NOON + 30)
        assert [mail["Subject"].split(" after ")[0] for mail in mail.mails] == [
            "[gocron] dead (web-01) is back"
        ]


def test_another_table_of_the_same_name_is_left_alone(postgres) -> None:
    with postgres.database() as name:
        url = postgres.url_of(name)
        connection = psycopg2.connect(url)
        with connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE gocron (something integer)")
        connection.close()
        store = open_store(url)
        with store.connected():
            assert list(jobs.every_job(store)) == []
