"""The thread that commits: it survives what befalls its database, and says so."""

from pathlib import Path

import pytest

from gocron.errors import StoreError
from gocron.store import jobs
from gocron.store.database import Store
from gocron.store.group_commit import GroupCommit
from gocron.store.schema import later, open_store
from tests.store.conftest import HOUR, NOON, checkin

BEYOND_64_BITS = 2**63


def test_one_check_in_that_cannot_be_held_costs_the_others_nothing(store: Store) -> None:
    outcomes = GroupCommit(store)._commit(
        [checkin("a"), checkin("b", frequency_s=BEYOND_64_BITS), checkin("c")]
    )
    assert outcomes[0] == outcomes[2] == NOON + HOUR
    assert isinstance(outcomes[1], StoreError)
    with store.connected():
        assert [job.cronname for job in jobs.every_job(store)] == ["a", "c"]


def test_a_connection_that_was_cut_is_made_anew_without_the_client_noticing(postgres) -> None:
    with postgres.database() as name:
        store = open_store(postgres.url_of(name))
        group_commit = GroupCommit(store)
        assert group_commit.record(checkin("a")) == NOON + HOUR
        postgres.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )
        assert group_commit.record(checkin("b")) == NOON + HOUR


def test_a_database_that_is_away_is_an_outcome_and_its_return_too(tmp_path: Path, postgres) -> None:
    with postgres.database() as name:
        store = open_store(postgres.url_of(name))
        group_commit = GroupCommit(store)
        postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        assert isinstance(group_commit.record(checkin("a")), StoreError)
        postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        assert group_commit.record(checkin("a")) == NOON + HOUR


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
    assert isinstance(GroupCommit(store).record(checkin("late")), StoreError)
    monkeypatch.undo()
    GroupCommit(store).record(checkin("after"))
    with store.connected():
        assert [job.cronname for job in jobs.every_job(store)] == ["after"]
