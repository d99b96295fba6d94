"""Whatever happens to a fleet, its sites and gocron itself: only true alarms, and all of them."""

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gocron.core.news import Kind
from tests.simulation.databases import Databases, postgres_databases, sqlite_databases
from tests.simulation.promises import broken, deaths_to_tell
from tests.simulation.story import START, Span, Story, draw
from tests.simulation.tell import Outcome, config_of, mortal_store, tell

# Enough to notice what is broken; `python -m tests.simulation.soak` tells thousands.
STORIES = {"sqlite": 40, "postgres": 10}

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def databases(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Databases:
    template = request.getfixturevalue(f"{database}_template")
    if database == "sqlite":
        return sqlite_databases(template, tmp_path)
    return postgres_databases(template, request.getfixturevalue("postgres"))


def told_in(story: Story, databases: Databases) -> Outcome:
    with databases() as url:
        store = mortal_store(url)
        with store.connected():
            return tell(story, store, config_of(url))


def test_every_alarm_is_true_and_none_is_lost(databases: Databases, database: str) -> None:
    @settings(
        max_examples=STORIES[database],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**32))
    def every_story(seed: int) -> None:
        story = draw(Random(seed))
        assert broken(story, told_in(story, databases)) == []

    every_story()


def test_the_stories_know_late_gateways_floods_of_sites_and_many_who_are_told() -> None:
    crons = [cron for seed in range(100) for cron in draw(Random(seed)).crons.values()]
    assert any(one.site and one.jitter_s > one.grace_s for one in crons)
    assert any(one.site and "," in one.email for one in crons)
    assert sum(one.name.startswith("flood") for one in crons) > 100


@pytest.mark.parametrize("seed", range(4))
def test_killed_sweeps_tell_the_same_as_whole_ones(databases: Databases, seed: int) -> None:
    story = draw(Random(seed))
    killed = replace(story, kills={number: (number % 9, number % 2 == 0) for number in range(60)})
    told, despite = told_in(story, databases), told_in(killed, databases)
    assert broken(killed, despite) == []
    # What lasted long enough to be told of in any case.
    sure = {
        (cron.name, last_seen)
        for cron in story.crons.values()
        for last_seen, _ in deaths_to_tell(killed, despite, cron)
    }
    assert _silences(told) & sure == _silences(despite) & sure == sure


@pytest.mark.parametrize("seed", range(4))
def test_refused_names_hold_no_other_news_of_a_digest(databases: Databases, seed: int) -> None:
    """All of it in one digest: there was no mail server for as long as there was trouble."""
    story = draw(Random(seed))
    jobs = [name for name, cron in story.crons.items() if not cron.site]
    piled_up = replace(
        story,
        mail_down=[Span(START, story.troubled_until)],
        unspeakable=frozenset(jobs[::3]),
        kills={number: (number % 9, number % 2 == 0) for number in range(seed, 200, 4)},
    )
    assert broken(piled_up, told_in(piled_up, databases)) == []


def _silences(outcome: Outcome) -> set[tuple[str, int]]:
    return {(one.job, one.last_seen_at) for one in outcome.told if one.kind is Kind.MISSING}
