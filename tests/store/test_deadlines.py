"""A check-in's deadline is the same whoever works it out: Python or SQL."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peewee import Select, Value

from gocron.core.checkin import FREQUENCY_LIMIT_S
from gocron.core.schedule import due_at
from gocron.store import checkins, deadlines, declarations, job_row, jobs
from gocron.store.database import Store
from tests.store.conftest import HOUR, NOON, checkin

TIMES = st.integers(0, 2**40)
FREQUENCIES = st.integers(1, FREQUENCY_LIMIT_S)
GRACES = st.none() | st.integers(0, FREQUENCY_LIMIT_S)

one_store = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)


@one_store
@given(TIMES, FREQUENCIES, GRACES)
def test_sql_says_of_a_deadline_what_python_says(
    store: Store, seen_at: int, frequency_s: int, grace_s: int | None
) -> None:
    asked = deadlines.due_at(Value(seen_at), Value(frequency_s), Value(grace_s))
    with store.connected():
        ((told,),) = store.db.execute(Select(columns=[asked]))
    assert told == due_at(seen_at, frequency_s, grace_s or 0)


@one_store
@given(TIMES, FREQUENCIES, GRACES, GRACES)
def test_every_way_to_a_deadline_leads_to_the_same_one(
    store: Store, seen_at: int, frequency_s: int, known_s: int | None, grace_s: int | None
) -> None:
    """By the first check-in, by one of a known job, by hand, and by a clock that is put right."""
    first = checkin(seen_at=NOON, frequency_s=2 * HOUR, grace_s=known_s)
    last = checkin(seen_at=seen_at, frequency_s=frequency_s, grace_s=grace_s)
    # What a check-in doesn't tell stays.
    stays_s = (known_s if grace_s is None else grace_s) or 0
    with store.connected(), store.undone() as tx:
        assert checkins.record(tx, [first]) == [due_at(NOON, 2 * HOUR, known_s or 0)]
        assert checkins.record(tx, [last]) == [due_at(seen_at, frequency_s, stays_s)]
        known = jobs.find(store, *last.key)
        assert known.due_at == known.judge_at == due_at(seen_at, frequency_s, stays_s)
        declarations.declare(store, checkin(frequency_s=HOUR, grace_s=grace_s))
        assert jobs.find(store, *last.key).due_at == due_at(seen_at, HOUR, stays_s)
        job = tx.tables.job
        assert job_row.hear_at(tx, job.last_seen_at == seen_at, NOON, NOON)
        assert jobs.find(store, *last.key).due_at == due_at(NOON, HOUR, stays_s)
