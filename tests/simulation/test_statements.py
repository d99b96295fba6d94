"""Queries that are compiled once: each is still what it says."""

from collections.abc import Callable
from typing import Any

import pytest
from peewee import Case, fn

from gocron.store.database import Store
from tests.simulation.statements import Compiled, Differs


def queries(store: Store) -> list[Any]:
    """Return queries of which each resembles another one."""
    job, news, outage = store.tables.job, store.tables.news, store.tables.outage
    other = job.alias("other")
    return [
        job.select(job.id).where(job.id == 1),
        job.select(job.id).where(job.id == 2),
        job.select(job.id).where(job.id.is_null()),
        job.select(job.id).where(job.id.is_null(False)),
        job.select(job.id).where(job.missed_at == 1),
        job.select(job.id).where(~(job.id == 1)),
        job.select(job.id.alias("one")),
        job.select(job.id.alias("two")),
        job.select(job.id).where(job.id.in_([])),
        job.select(job.id).where(job.id.in_([1])),
        job.select(job.id).where(job.id.in_([1, 2])),
        job.select(job.id).where(job.id.in_([2, 1])),
        job.select(job.id).where(job.id.in_(other.select(other.id))),
        job.select(job.id).where(job.id.in_(news.select(news.id))),
        job.select(job.id).distinct().order_by(job.id),
        job.select(job.id).order_by(job.id.desc()).limit(1),
        job.select(job.id).order_by(job.id).offset(1).limit(2),
        job.select(Case(None, [(job.id == 1, 2)], 3)),
        job.select(Case(None, [(job.id == 1, 2)])),
        job.select(fn.MAX(job.id)).group_by(job.site).having(fn.COUNT(job.id) > 1),
        job.select(job.id).join(other, on=(other.id == job.id)),
        job.select(job.id).left_outer_join(other, on=(other.id == job.id)),
        job.update({job.missed_at: None, job.site: 1}).where(job.id == 1),
        job.update({job.site: 1, job.missed_at: None}).where(job.id == 1),
        job.update({job.missed_at: job.due_at + 1}),
        job.delete().where(job.id == 1),
        outage.insert({"site_id": 1, "began_at": 2}),
        outage.insert({"began_at": 2, "site_id": 1}),
        outage.insert({"began_at": 2, "site_id": 1}).on_conflict("IGNORE"),
        store._transaction.locked(job.select(job.id)),
        store._transaction.locked_if_free(job.select(job.id)),
    ]


def compiling(store: Store, query: Any) -> Callable[[], tuple[str, list[Any]]]:
    return lambda: store.db.get_sql_context().parse(query)


def test_a_query_that_was_compiled_once_is_what_it_is_compiled_anew(store: Store) -> None:
    compiled = Compiled()
    for _ in range(3):
        for query in queries(store):
            anew = compiling(store, query)
            assert compiled.of(query, anew) == anew()


def test_a_query_is_compiled_again_only_now_and_then(store: Store) -> None:
    compiled, times = Compiled(), []
    job = store.tables.job
    for number in range(9):
        query = job.select(job.id).where(job.id == number)
        anew = compiling(store, query)
        assert compiled.of(query, lambda made=anew: times.append(1) or made())[1] == [number]
    assert len(times) == 4


def test_what_would_be_compiled_otherwise_the_next_time_stops_the_story(store: Store) -> None:
    compiled = Compiled()
    job = store.tables.job
    query = job.select(job.id)
    compiled.of(query, compiling(store, query))
    with pytest.raises(Differs):
        compiled.of(query, lambda: ("SELECT 1", []))
