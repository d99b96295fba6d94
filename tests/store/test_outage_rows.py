"""Outages as they are remembered: joined where they belong together, and forgotten in time."""

from gocron.core.channel import MAIL
from gocron.core.job import Job
from gocron.core.news import Digest
from gocron.core.outage import Outage
from gocron.store import checkins, jobs, operator_news, outages, outbox
from gocron.store.database import Store
from tests.store.conftest import NOON, checkin

HOUR, DAY = 3600, 86_400


def record(store: Store, began_at: int, ended_at: int | None, now: int, late: bool = False) -> None:
    store.write(lambda tx: outages.record_own(tx, began_at, ended_at, False, now, found_late=late))


def rows(store: Store) -> list[tuple[int, int | None, int]]:
    found = store.tables.outage.select().order_by(store.tables.outage.id)
    return [(row["began_at"], row["ended_at"], row["noticed_at"]) for row in found]


def told_at(store: Store) -> list[int]:
    """Return when news of outages was queued for the operator."""
    return [row["queued_at"] for row in store.tables.news.select()]


def test_an_outage_that_is_found_anew_by_a_sweep_that_looks_further_back_is_no_news(
    store: Store,
) -> None:
    with store.connected():
        record(store, NOON, NOON + 300, NOON + 310)
        operator_news.queue(store, "admin@example.com", NOON + HOUR, MAIL)
        assert told_at(store) == [NOON + HOUR]
        for ended_at in (NOON + 300, NOON + 200):
            record(store, NOON, ended_at, NOON + 2 * HOUR)
        assert rows(store) == [(NOON, NOON + 300, NOON + 310)]
        operator_news.queue(store, "admin@example.com", NOON + 2 * HOUR, MAIL)
        assert told_at(store) == [NOON + HOUR]


def test_an_outage_that_goes_on_is_one_with_what_it_follows_and_news_again(store: Store) -> None:
    with store.connected():
        record(store, NOON, NOON + 300, NOON + 310)
        operator_news.queue(store, "admin@example.com", NOON + HOUR, MAIL)
        assert told_at(store) == [NOON + HOUR]
        record(store, NOON + 400, NOON + 600, NOON + 610)
        assert rows(store) == [(NOON, NOON + 600, NOON + 310)]
        operator_news.queue(store, "admin@example.com", NOON + 2 * HOUR, MAIL)
        assert told_at(store) == [NOON + 2 * HOUR]


def being_sent(store: Store, now: int) -> Digest:
    """Let a sweep begin to tell of an outage of five minutes; return what it tells."""
    record(store, NOON, NOON + 300, NOON + 310)
    operator_news.queue(store, "admin@example.com", now, MAIL)
    claimed = claim(store, now)
    assert claimed is not None
    return claimed


def claim(store: Store, now: int) -> Digest | None:
    """Let a sweep take what is due for delivery."""
    return next((outbox.claim(store, one, now) for one in outbox.due(store, now)), None)


def test_news_of_an_outage_that_goes_on_while_it_is_sent_is_not_lost_and_the_whole_is_told_after_it(
    store: Store,
) -> None:
    now = NOON + HOUR
    with store.connected():
        first = being_sent(store, now)
        record(store, NOON + 400, NOON + 600, now + 1)
        for late_s in (1, 60):
            operator_news.queue(store, "admin@example.com", now + late_s, MAIL)
            assert claim(store, now + late_s) is None
        outbox.mark_sent(store, first, now + 61)
        assert [row["sent_at"] for row in store.tables.news.select()] == [now + 61]
        for late_s in (120, 180):
            operator_news.queue(store, "admin@example.com", now + late_s, MAIL)
        assert told_at(store) == [now + 120]
        whole = claim(store, now + 180)
        assert whole is not None and whole.outage is not None
        assert whole.outage.outage.ended_at == NOON + 600


def test_an_outage_that_goes_on_before_its_news_was_sent_is_told_once_and_as_a_whole(
    store: Store,
) -> None:
    now = NOON + HOUR
    with store.connected():
        # The mail server is away, and gocron can't be reached again.
        outbox.put_back(store, being_sent(store, now), now, "451 later")
        record(store, NOON + 400, None, now + 60)
        store.write(lambda tx: operator_news.withdraw(tx, now + 60))
        operator_news.queue(store, "admin@example.com", now + 60, MAIL)
        assert claim(store, now + 600) is None
        record(store, NOON + 400, now + 600, now + 610)
        store.write(lambda tx: operator_news.withdraw(tx, now + 610))
        for hours in (1, 2):
            operator_news.queue(store, "admin@example.com", now + hours * HOUR, MAIL)
        assert told_at(store) == [now + HOUR]


def test_what_was_known_of_an_outage_while_no_sweep_looked_is_known_from_now_on(
    store: Store,
) -> None:
    with store.connected():
        record(store, NOON, NOON + 300, NOON + 310)
        record(store, NOON + 400, None, NOON + 900, late=True)
        assert rows(store) == [(NOON, None, NOON + 900)], "nobody was held for it meanwhile"
        record(store, NOON + 400, NOON + 950, NOON + 960, late=True)
        assert rows(store) == [(NOON, NOON + 950, NOON + 900)], "it lasted, and a sweep knew"


def test_what_is_older_than_anybody_looks_back_is_forgotten_and_nothing_else(store: Store) -> None:
    def hear(network: str, at: int) -> Job:
        told = checkin("office", at, site=True, network=network, address=network)
        store.write(lambda tx: checkins.record(tx, [told]))
        return jobs.find(store, "web-01", "office")

    with store.connected():
        presence, moved = store.tables.presence, store.tables.moved
        hear("192.0.2.1", NOON - 2 * DAY)
        hear("192.0.2.2", NOON - DAY)
        office = hear("192.0.2.3", NOON)
        ends = (NOON - DAY, NOON, NOON + DAY, None)
        kept = [Outage(0, office.id, NOON - 2 * DAY, ended_at) for ended_at in ends]
        store.write(lambda tx: outages.keep(tx, kept))
        for until_at in (NOON - 1, NOON):
            life = {"host": "a", "began_at": 0, "until_at": until_at, "heard_at": 0}
            store.write(lambda tx, life=life: presence.insert(life).execute())
        outages.drop_before(store, NOON)
        assert [ended_at for _, ended_at, _ in rows(store)] == [NOON, NOON + DAY, None]
        assert [row["network"] for row in moved.select()] == ["192.0.2.2"]
        assert [row["until_at"] for row in presence.select()] == [NOON]
