"""A site that goes down is one alert; what is dead behind it is found all the same."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

import gocron.sweep.sites as gocron_sites
from gocron.core.checkin import CheckIn
from gocron.core.job import Status
from gocron.core.judge import standing
from gocron.core.site import CROWD
from gocron.store import declarations, jobs, outages
from gocron.store.database import Transaction
from gocron.sweep.witnesses import Witnesses
from tests.sweep.conftest import HOUR, NOON, Gocron

MINUTE = 60
OFFICE, ELSEWHERE = "203.0.113.9", "198.51.100.7"
DOWN = NOON + HOUR

# When jobs run, in minutes after the hour.
RUNS = {"backup": 3, "rotate": 7, "report": 40}


@pytest.fixture(autouse=True)
def no_page(gocron: Gocron) -> None:
    """Hundreds of sweeps, and nobody looks at the page."""
    gocron.set(status_dir="")


def gateway(gocron: Gocron, at: int, address: str = OFFICE, **more: object) -> None:
    gocron.hear("office", at, email="net@example.com", frequency_s=5 * MINUTE, grace_s=MINUTE,
                site=True, address=address, **more)  # fmt: skip


def job(gocron: Gocron, name: str, at: int, address: str = OFFICE, **more: object) -> None:
    more = {"grace_s": 2 * MINUTE, **more}
    gocron.hear(name, at, address=address, **more)


def hear_all(gocron: Gocron, since: int, until: int, *left_out: str) -> None:
    """Let the gateway and all jobs behind it run from `since` on, before `until`."""
    for at in range(since, until, MINUTE):
        if at % (5 * MINUTE) == NOON % (5 * MINUTE):
            gateway(gocron, at)
        for name, minute in RUNS.items():
            if (at - NOON) % HOUR == minute * MINUTE and name not in left_out:
                job(gocron, name, at)


def sweep_each_minute(gocron: Gocron, since: int, until: int) -> None:
    for at in range(since + 30, until, MINUTE):
        gocron.sweep(at)


def told(gocron: Gocron) -> list[str]:
    """What was told of silences; that a gateway tells another frequency is news of its own."""
    subjects = [subject.removeprefix("[gocron] ") for subject in gocron.mail.subjects]
    return [subject for subject in subjects if not subject.endswith("declared anew")]


def text(gocron: Gocron, number: int) -> str:
    return gocron.mail.mails[number].get_body(("plain",)).get_content()


def stands(gocron: Gocron, name: str, at: int) -> Status:
    return standing(gocron.job(name), at)


def outage(gocron: Gocron, *dead: str) -> None:
    """Let the site be down from DOWN on for 30 minutes, and see how it goes on for two hours."""
    hear_all(gocron, NOON - 3 * HOUR, DOWN)
    sweep_each_minute(gocron, DOWN, DOWN + 30 * MINUTE)
    for at in range(DOWN + 30 * MINUTE, DOWN + 150 * MINUTE, MINUTE):
        hear_all(gocron, at, at + MINUTE, *dead)
        gocron.sweep(at + 30)


def test_a_site_that_goes_down_is_one_alert_and_one_recovery(gocron: Gocron) -> None:
    outage(gocron)
    assert told(gocron) == [
        "office (web-01) has not checked in",
        "office (web-01) is back after 35 min",
    ]
    assert gocron.mail.recipients == ["net@example.com"] * 2
    alert, recovery = text(gocron, 0), text(gocron, 1)
    assert "behind it: 3 jobs, not told of while nothing is heard from there" in alert
    assert (
        "site was silent: 2026-09-21 15:08:20 UTC to 2026-09-21 15:43:20 UTC (35 min)" in recovery
    )
    assert "run fell in it, waited for: 2: backup, rotate" in recovery


def test_what_died_behind_a_site_that_was_down_is_found(gocron: Gocron) -> None:
    outage(gocron, "rotate")
    assert told(gocron)[2:] == ["rotate (web-01) has not checked in"]
    # Excused once: its next run was due an hour after the one that fell in the outage.
    assert "why: no check-in by" in text(gocron, 2)
    assert "nor by" in text(gocron, 2)
    assert "after an outage, and the site office was heard at" in text(gocron, 2)


def test_a_job_that_dies_while_its_site_is_up_is_told_of_at_once(gocron: Gocron) -> None:
    hear_all(gocron, NOON - 3 * HOUR, DOWN)
    for at in range(DOWN, DOWN + 15 * MINUTE, MINUTE):
        hear_all(gocron, at, at + MINUTE, "backup")
        gocron.sweep(at + 30)
    assert told(gocron) == ["backup (web-01) has not checked in"]
    assert "and the site office was heard at" in text(gocron, 0)


def test_a_job_is_held_until_its_gateway_had_its_chance(gocron: Gocron) -> None:
    hear_all(gocron, NOON - 3 * HOUR, DOWN)
    gateway(gocron, DOWN)
    gocron.sweep(DOWN + 5 * MINUTE + 1)
    assert stands(gocron, "backup", DOWN + 5 * MINUTE + 1) is Status.HELD
    gateway(gocron, DOWN + 5 * MINUTE + 20)
    gocron.sweep(DOWN + 5 * MINUTE + 30)
    assert told(gocron) == ["backup (web-01) has not checked in"]


def test_a_slow_gateway_holds_a_job_for_ten_minutes_at_most(gocron: Gocron) -> None:
    gocron.hear("office", DOWN, frequency_s=6 * HOUR, site=True, address=OFFICE)
    job(gocron, "backup", DOWN)
    due_at = DOWN + HOUR + 2 * MINUTE
    gocron.sweep(due_at + 10 * MINUTE)
    assert told(gocron) == []
    gocron.sweep(due_at + 10 * MINUTE + 1)
    assert told(gocron) == ["backup (web-01) has not checked in"]
    assert "whether the site office is down is not known" in text(gocron, 0)


def test_a_job_elsewhere_is_told_of_while_the_site_is_down(gocron: Gocron) -> None:
    hear_all(gocron, NOON - 3 * HOUR, DOWN)
    job(gocron, "cloud", DOWN - HOUR, ELSEWHERE)
    gocron.hear("other", DOWN - HOUR, account="web-02", address=OFFICE)
    sweep_each_minute(gocron, DOWN, DOWN + 30 * MINUTE)
    assert "cloud (web-01)" in " ".join(told(gocron))
    assert "other (web-02)" in " ".join(told(gocron)), "never across accounts"


def test_a_job_may_name_its_gateway(gocron: Gocron) -> None:
    gateway(gocron, DOWN)
    job(gocron, "printer", DOWN - HOUR + 8 * MINUTE, ELSEWHERE, gateway="office")
    sweep_each_minute(gocron, DOWN + 7 * MINUTE, DOWN + 30 * MINUTE)
    assert told(gocron) == ["office (web-01) has not checked in"]
    assert stands(gocron, "printer", DOWN + 30 * MINUTE) is Status.SUPPRESSED


def test_ipv6_neighbours_share_a_site(gocron: Gocron) -> None:
    gateway(gocron, DOWN, "2001:db8:0:1::1")
    job(gocron, "printer", DOWN - HOUR + 8 * MINUTE, "2001:db8:0:1:aa::7")
    sweep_each_minute(gocron, DOWN + 7 * MINUTE, DOWN + 30 * MINUTE)
    assert told(gocron) == ["office (web-01) has not checked in"]


def test_a_changed_address_of_the_site_unbinds_nobody(gocron: Gocron) -> None:
    hear_all(gocron, NOON - 3 * HOUR, DOWN)
    gateway(gocron, DOWN + 2 * MINUTE, "192.0.2.77")
    # Nobody else has been heard from the new address when that goes down, too.
    sweep_each_minute(gocron, DOWN + 2 * MINUTE, DOWN + 30 * MINUTE)
    assert told(gocron) == ["office (web-01) has not checked in"]


def test_a_loopback_address_proves_nothing(gocron: Gocron) -> None:
    gateway(gocron, DOWN - HOUR, "127.0.0.1")
    job(gocron, "backup", DOWN - HOUR, "127.0.0.1")
    sweep_each_minute(gocron, DOWN, DOWN + 5 * MINUTE)
    assert len(gocron.mail.told_names()) == 2


def test_a_dead_gateway_with_a_live_sibling_is_an_ordinary_alert(gocron: Gocron) -> None:
    hear_all(gocron, NOON - 3 * HOUR, DOWN)
    for at in range(DOWN - 10 * MINUTE, DOWN + 40 * MINUTE, MINUTE):
        job(gocron, "alive", at, frequency_s=MINUTE)
        gocron.sweep(at + 30)
    assert told(gocron)[0] == "office (web-01) has not checked in"
    assert sorted(gocron.mail.told_names()) == ["backup", "office", "rotate"]


def test_two_gateways_are_down_only_when_neither_is_alive(gocron: Gocron) -> None:
    hear_all(gocron, NOON - 3 * HOUR, DOWN)
    for at in range(DOWN, DOWN + 20 * MINUTE, MINUTE):
        gocron.hear("second", at, frequency_s=5 * MINUTE, site=True, address=OFFICE)
        gocron.sweep(at + 30)
    assert sorted(gocron.mail.told_names()) == ["backup", "office", "rotate"]


def test_a_site_whose_alert_reaches_nobody_suppresses_nobody(gocron: Gocron) -> None:
    gocron.mail.answers["net@example.com"] = "550 no such user"
    hear_all(gocron, NOON - 3 * HOUR, DOWN)
    sweep_each_minute(gocron, DOWN, DOWN + 30 * MINUTE)
    assert sorted(gocron.mail.told_names()) == ["backup", "rotate"]


def test_a_site_that_stays_down_is_waited_for_for_a_day(gocron: Gocron) -> None:
    hear_all(gocron, NOON - 3 * HOUR, DOWN)
    for at in range(DOWN, DOWN + 26 * HOUR, 10 * MINUTE):
        gocron.sweep(at)
    assert told(gocron)[0] == "office (web-01) has not checked in"
    assert told(gocron)[1].startswith("3 jobs have not checked in"), "one digest"
    assert len(told(gocron)) == 2
    assert "too long to wait" in text(gocron, 1)


def test_a_return_is_told_of_what_was_told_of_before_its_site_went_down(gocron: Gocron) -> None:
    hear_all(gocron, NOON - 3 * HOUR, DOWN, "report")
    job(gocron, "report", NOON - 3 * HOUR)
    gocron.sweep(DOWN - MINUTE)
    assert told(gocron) == ["report (web-01) has not checked in"]
    sweep_each_minute(gocron, DOWN, DOWN + 30 * MINUTE)
    job(gocron, "report", DOWN + 31 * MINUTE)
    gocron.sweep(DOWN + 31 * MINUTE + 1)
    assert told(gocron)[-1].startswith("report (web-01) is back")


def test_gateways_that_name_one_another_hide_nothing(gocron: Gocron) -> None:
    for one, other in (("a", "b"), ("b", "a")):
        gocron.hear(one, DOWN, frequency_s=5 * MINUTE, site=True, gateway=other, address=ELSEWHERE)
    sweep_each_minute(gocron, DOWN, DOWN + 40 * MINUTE)
    assert sorted(gocron.mail.told_names()) == ["a", "b"]


def test_a_sweep_that_was_away_finds_out_what_was_the_site_and_what_was_not(
    gocron: Gocron,
) -> None:
    hear_all(gocron, NOON - 3 * HOUR, DOWN)
    gocron.sweep(DOWN)
    hear_all(gocron, DOWN + 30 * MINUTE, DOWN + HOUR, "report")
    gocron.sweep(DOWN + HOUR)
    assert told(gocron) == ["report (web-01) has not checked in"]


def test_who_waits_for_a_site_is_judged_by_each_sweep_and_written_once(
    gocron: Gocron, caplog: pytest.LogCaptureFixture
) -> None:
    gateway(gocron, DOWN)
    job(gocron, "backup", DOWN - HOUR)
    sweep_each_minute(gocron, DOWN, DOWN + 15 * MINUTE)
    backup = gocron.job("backup")
    assert backup.spared is Status.SUPPRESSED
    caplog.set_level(logging.DEBUG, "peewee")
    sweep_each_minute(gocron, DOWN + 15 * MINUTE, DOWN + 20 * MINUTE)
    asked = [record.msg[0] for record in caplog.records if record.name == "peewee"]
    assert [sql for sql in asked if sql.startswith("SELECT") and 'FROM "job"' in sql]
    assert [sql for sql in asked if "job" in sql and not sql.startswith("SELECT")] == []


def test_a_crowd_that_all_say_site_suppresses_nobody(gocron: Gocron) -> None:
    for number in range(CROWD + 1):
        gateway(gocron, DOWN)
        gocron.hear(f"copied-{number}", DOWN, frequency_s=5 * MINUTE, site=True, address=OFFICE)
    job(gocron, "backup", DOWN - HOUR)
    sweep_each_minute(gocron, DOWN, DOWN + 15 * MINUTE)
    names = gocron.mail.told_names()
    assert {"office", "backup", "copied-0"} < set(names)
    assert len(names) == CROWD + 3


def test_who_is_dead_behind_a_site_behind_a_site_is_told_of_the_same_day(gocron: Gocron) -> None:
    def hear_inner(at: int) -> None:
        for name, named, is_site in (
            ("floor", "office", True),
            ("switch", "floor", True),
            ("camera", "floor", False),
        ):
            # The camera is slow to come back, the other two never do.
            alive = at < DOWN or (name == "camera" and at >= DOWN + 40 * MINUTE)
            if alive:
                gocron.hear(
                    name, at, frequency_s=5 * MINUTE, site=is_site, gateway=named, address=ELSEWHERE
                )

    for at in range(DOWN - HOUR, DOWN + 3 * HOUR, MINUTE):
        is_down = DOWN <= at < DOWN + 30 * MINUTE
        if at % (5 * MINUTE) == NOON % (5 * MINUTE) and not is_down:
            gateway(gocron, at)
            hear_inner(at)
        gocron.sweep(at + 30)
        if at == DOWN + 29 * MINUTE:
            assert stands(gocron, "switch", at) is Status.SUPPRESSED
        if at == DOWN + 31 * MINUTE:
            assert stands(gocron, "switch", at) is not Status.SUPPRESSED, "its site is not any more"
    assert {"floor", "office", "switch"} <= set(gocron.mail.told_names())


def go_on_slower(gocron: Gocron) -> None:
    """Let the gateway return after 30 minutes, and declare an hour from then on."""
    for at in range(DOWN + 30 * MINUTE, DOWN + 150 * MINUTE, MINUTE):
        if (at - DOWN) % (15 * MINUTE) == 0:
            gocron.hear("office", at, frequency_s=HOUR, grace_s=MINUTE, site=True, address=OFFICE)
        for name, minute in RUNS.items():
            if (at - NOON) % HOUR == minute * MINUTE:
                job(gocron, name, at)
        gocron.sweep(at + 30)


BACK = ["office (web-01) has not checked in", "office (web-01) is back after 35 min"]


def test_a_gateway_that_comes_back_with_a_longer_frequency_was_away_by_the_old_one(
    gocron: Gocron,
) -> None:
    hear_all(gocron, NOON - 3 * HOUR, DOWN)
    sweep_each_minute(gocron, DOWN, DOWN + 30 * MINUTE)
    go_on_slower(gocron)
    assert told(gocron) == BACK


def test_a_gateway_that_is_declared_anew_while_it_is_away_is_away_still(gocron: Gocron) -> None:
    hear_all(gocron, NOON - 3 * HOUR, DOWN)
    sweep_each_minute(gocron, DOWN, DOWN + 30 * MINUTE)
    slower = CheckIn("web-01", "office", None, HOUR, None, None, "", DOWN + 30 * MINUTE)
    with gocron.store.connected():
        assert declarations.declare(gocron.store, slower) == "changed"
    go_on_slower(gocron)
    assert told(gocron) == BACK


def test_a_longer_frequency_says_nothing_of_an_outage_that_no_sweep_saw(gocron: Gocron) -> None:
    hear_all(gocron, NOON - 3 * HOUR, DOWN)
    gocron.sweep(DOWN)
    go_on_slower(gocron)
    assert told(gocron) == []


def test_a_gateway_that_says_it_is_none_any_more_sets_free_who_waited_for_it(
    gocron: Gocron,
) -> None:
    hear_all(gocron, NOON - 3 * HOUR, DOWN)
    sweep_each_minute(gocron, DOWN, DOWN + 30 * MINUTE)
    assert stands(gocron, "backup", DOWN + 30 * MINUTE) is Status.SUPPRESSED
    gateway(gocron, DOWN + 30 * MINUTE)
    gocron.hear("office", DOWN + 30 * MINUTE + 5, frequency_s=5 * MINUTE, site=False)
    gocron.sweep(DOWN + 30 * MINUTE + 30)
    assert "backup (web-01)" in " ".join(told(gocron)[1:])


NAMES = 'SELECT "t1"."cronname" FROM'


def asked(gocron: Gocron, caplog: pytest.LogCaptureFixture, at: int) -> tuple[int, int]:
    """Sweep; return how often it read, and how often for what a mail remarks of a gateway."""
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "peewee"):
        gocron.sweep(at)
    statements = [record.msg[0] for record in caplog.records if record.name == "peewee"]
    read = [sql for sql in statements if sql.startswith("SELECT")]
    remarks = [sql for sql in read if 'AS "behind"' in sql or sql.startswith(NAMES)]
    return len(read) - len(remarks), len(remarks)


def fleet_of_sites(gocron: Gocron, many: int, named: bool) -> Callable[[int], None]:
    """Let `many` sites be there, a job behind each; return what lets their gateways be heard."""

    def hear_gateways(at: int) -> None:
        for number in range(many):
            gocron.hear(f"office-{number}", at, email="net@example.com", site=True,
                        frequency_s=5 * MINUTE, address=f"198.51.100.{number}")  # fmt: skip

    hear_gateways(DOWN)
    for number in range(many):
        gocron.hear(f"backup-{number}", DOWN - HOUR + 8 * MINUTE,
                    address=OFFICE if named else f"198.51.100.{number}",
                    gateway=f"office-{number}" if named else None)  # fmt: skip
    return hear_gateways


@pytest.mark.parametrize("named", [False, True], ids=["by address", "by name"])
def test_a_sweep_asks_as_much_for_thirty_sites_as_for_three(
    gocron: Gocron, caplog: pytest.LogCaptureFixture, named: bool
) -> None:
    made: dict[int, list[int]] = {}
    for many in (3, 30):
        hear_gateways = fleet_of_sites(gocron, many, named)
        gocron.sweep(DOWN)
        made[many] = []
        for at in (6 * MINUTE, 7 * MINUTE, 9 * MINUTE, 10 * MINUTE):
            made[many].append(asked(gocron, caplog, DOWN + at)[0])
        assert len(gocron.rows("outage")) == many
        assert stands(gocron, "backup-0", DOWN + 10 * MINUTE) is Status.SUPPRESSED
        hear_gateways(DOWN + 30 * MINUTE)
        made[many].append(asked(gocron, caplog, DOWN + 31 * MINUTE)[0])
        assert stands(gocron, "backup-0", DOWN + 31 * MINUTE) is Status.EXCUSED
        for table in ("outage", "job"):
            gocron.empty(table)
    assert made[30] == made[3]


def test_what_a_mail_remarks_of_a_gateway_is_looked_up_once_for_all_who_are_told(
    gocron: Gocron, caplog: pytest.LogCaptureFixture
) -> None:
    made = {}
    for many in (1, 20):
        email = ",".join(f"net-{number}@example.com" for number in range(many))
        gocron.hear("office", DOWN, email, site=True, frequency_s=5 * MINUTE)
        job(gocron, "backup", DOWN)
        made[many] = asked(gocron, caplog, DOWN + 6 * MINUTE)[1]
        assert "behind it: 1 job" in text(gocron, -1)
        gocron.empty("job")
    assert made == {1: 1, 20: 1}


def test_of_a_gateway_with_many_outages_those_are_asked_for_that_bear_on_a_job(
    gocron: Gocron,
) -> None:
    gateway(gocron, DOWN)
    job(gocron, "backup", DOWN - HOUR)
    office = gocron.job("office").id
    outage = gocron.store.tables.outage
    with gocron.store.connected():
        for number in range(1, 101):
            began_at = DOWN - number * 10 * MINUTE
            outage.insert(
                {"site_id": office, "began_at": began_at, "ended_at": began_at + 8 * MINUTE}
            ).execute()
        backup = jobs.find(gocron.store, "web-01", "backup")
        evidence = Witnesses(gocron.store, DOWN + 5 * MINUTE).of(backup)
    assert evidence.site is not None
    assert len(evidence.site.outages) == 6


DAY = 24 * HOUR
LAST_RUN = NOON + 3 * DAY
DUE = LAST_RUN + DAY + 10 * MINUTE


def minutes_until_told(
    gocron: Gocron, lateness: Callable[[int], int], runs: int = 4, **declared: int
) -> float:
    """Return how long after its deadline a daily job was told that died behind a late gateway.

    The gateway runs each five minutes; `lateness` tells by how many seconds late it comes.
    """
    declared = {"frequency_s": 5 * MINUTE, "grace_s": 0, **declared}
    for number in range(4 - runs, 4):
        job(gocron, "nightly", LAST_RUN - (3 - number) * DAY, frequency_s=DAY, grace_s=10 * MINUTE)
    for number in range(4 * HOUR // (5 * MINUTE)):
        at = DUE - 3 * HOUR + number * 5 * MINUTE
        gocron.hear("office", at + lateness(number), "net@example.com", site=True, **declared)
        gocron.sweep(at + lateness(number) + 10)
        if "nightly" in gocron.mail.told_names():
            return (at + lateness(number) - DUE) / MINUTE
    raise AssertionError("never told")


LATE_GATEWAYS = {
    "a second now and then": (lambda number: (0, 0, 1)[number % 3], {}),
    "a second each other time": (lambda number: number % 2, {}),
    "a minute now and then": (lambda number: (0, 0, 60)[number % 3], {}),
    "a minute beyond its grace": (lambda number: (0, 120)[number % 2], {"grace_s": MINUTE}),
    "a minute beyond two": (lambda number: (0, 180)[number % 2], {"grace_s": 2 * MINUTE}),
}


@pytest.mark.parametrize("runs", [1, 4])
@pytest.mark.parametrize("story", LATE_GATEWAYS)
def test_a_gateway_that_is_late_now_and_then_hides_nobody_who_is_dead(
    gocron: Gocron, story: str, runs: int
) -> None:
    lateness, declared = LATE_GATEWAYS[story]
    assert minutes_until_told(gocron, lateness, runs, **declared) <= 10


def dead_gateway(gocron: Gocron, alive_at: int) -> None:
    """The gateway and one job behind it are dead for good, another is heard again at `alive_at`."""
    gateway(gocron, DOWN)
    job(gocron, "dead", DOWN - HOUR + 8 * MINUTE)
    job(gocron, "alive", DOWN - HOUR + 9 * MINUTE)
    sweep_each_minute(gocron, DOWN, DOWN + 15 * MINUTE)
    assert stands(gocron, "dead", DOWN + 15 * MINUTE) is Status.SUPPRESSED
    job(gocron, "alive", alive_at)
    gocron.sweep(alive_at + 10)


def spans(gocron: Gocron) -> list[tuple[int, int | None]]:
    return [(row["began_at"], row["ended_at"]) for row in gocron.rows("outage")]


def test_an_outage_ends_with_the_first_check_in_from_there_though_its_gateway_stays_dead(
    gocron: Gocron,
) -> None:
    back_at = DOWN + 30 * MINUTE
    dead_gateway(gocron, back_at)
    assert spans(gocron) == [(DOWN, back_at)]
    assert stands(gocron, "dead", back_at + 10) is Status.EXCUSED, "looked at again at once"
    job(gocron, "alive", back_at + 7 * MINUTE)
    for at in range(back_at + 10 * MINUTE, back_at + 90 * MINUTE, 5 * MINUTE):
        job(gocron, "alive", at)
        gocron.sweep(at + 10)
    assert gocron.mail.told_names() == ["office", "dead"]
    assert spans(gocron) == [(DOWN, back_at)], "the gateway's own death is no other outage"


def test_an_outage_that_another_sweep_has_ended_stays_as_that_one_kept_it(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = outages.still_open

    def end_before(tx: Transaction, ids: Iterable[int]) -> set[int]:
        for one in outages.lasting(tx.store).values():
            outages.end(tx, replace(one, ended_at=DOWN + 20 * MINUTE))
        return original(tx, ids)

    back_at = DOWN + 30 * MINUTE
    monkeypatch.setattr(outages, "still_open", end_before)
    gateway(gocron, DOWN)
    job(gocron, "alive", DOWN - HOUR + 50 * MINUTE)
    gocron.sweep(DOWN + 7 * MINUTE)
    job(gocron, "alive", back_at)
    gocron.sweep(back_at + 10)
    assert spans(gocron) == [(DOWN, DOWN + 20 * MINUTE)]


def test_a_moment_in_which_a_gateway_was_late_and_seen_so_is_no_outage(gocron: Gocron) -> None:
    """A sweep came while it was late: it was told, and who was due was not, for that moment."""
    gateway(gocron, DOWN)
    job(gocron, "dead", DOWN - HOUR + 4 * MINUTE)
    job(gocron, "alive", DOWN - HOUR + 9 * MINUTE)
    gocron.sweep(DOWN + 6 * MINUTE + 5)
    assert stands(gocron, "dead", DOWN + 6 * MINUTE + 5) is Status.SUPPRESSED
    job(gocron, "alive", DOWN + 6 * MINUTE + 10)
    gocron.sweep(DOWN + 6 * MINUTE + 15)
    assert spans(gocron) == []
    assert gocron.mail.told_names() == ["office", "dead"]


def test_a_gateway_that_comes_late_again_and_again_before_the_next_sweep_had_no_outage(
    gocron: Gocron,
) -> None:
    job(gocron, "backup", NOON)
    gateway(gocron, NOON)
    gocron.sweep(NOON + 365)
    assert spans(gocron) == [(NOON, None)]
    for number in range(1, 8):
        gateway(gocron, NOON + 380 * number)
    gocron.sweep(NOON + 380 * 7 + 10)
    assert spans(gocron) == []


def test_a_site_that_was_heard_for_a_moment_and_is_gone_again_is_down_again(
    gocron: Gocron,
) -> None:
    back_at = DOWN + 30 * MINUTE
    dead_gateway(gocron, back_at)
    gone_at = back_at + 20
    job(gocron, "other", gone_at, frequency_s=5 * MINUTE)
    sweep_each_minute(gocron, back_at + MINUTE, back_at + 15 * MINUTE)
    assert spans(gocron) == [(DOWN, back_at), (gone_at, None)]
    assert stands(gocron, "other", back_at + 14 * MINUTE) is Status.SUPPRESSED


def test_a_gateway_that_is_dead_while_others_are_heard_now_and_then_excuses_nobody(
    gocron: Gocron,
) -> None:
    """What lies between two check-ins of an hourly job is longer than the gateway's allowance."""
    gateway(gocron, DOWN - 3 * HOUR)
    for hour in range(-4, 3):
        job(gocron, "alive", DOWN + hour * HOUR)
        if hour < 0:
            job(gocron, "dead", DOWN + hour * HOUR + 10 * MINUTE)
        gocron.sweep(DOWN + hour * HOUR + 15 * MINUTE)
    assert "dead" in gocron.mail.told_names()
    assert len(spans(gocron)) <= 1


def test_of_more_gateways_than_one_sweep_sees_to_the_others_are_waited_for(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else's alert waits, nobody behind them is told, and in the end all are seen to."""
    monkeypatch.setattr(gocron_sites, "RETURNS_A_SWEEP", 3)
    hear_gateways = fleet_of_sites(gocron, 8, named=False)
    gocron.hear("other", DOWN - HOUR, account="other", address=ELSEWHERE)
    hear_gateways(DOWN + 30 * MINUTE)
    for number, left in enumerate((8, 5, 2)):
        swept = gocron.sweep(DOWN + 30 * MINUTE + 10 + number * MINUTE)
        assert len(spans(gocron)) == 8 - max(left - 3, 0)
        assert gocron.mail.told_names() == ["other"]
        complaint = f"account web-01: {left} gateways came back late; 3 seen to in this sweep"
        assert [one.startswith(complaint) for one in swept.complaints] == [True] * (left > 3)
    assert stands(gocron, "backup-7", DOWN + 33 * MINUTE) is Status.EXCUSED


def test_a_gateway_that_nobody_is_behind_keeps_no_book_of_outages(gocron: Gocron) -> None:
    gocron.hear("alone", DOWN, site=True, frequency_s=5 * MINUTE, address=ELSEWHERE)
    gocron.hear("seen", DOWN, site=True, frequency_s=5 * MINUTE, address="192.0.2.1")
    gocron.hear("alone", DOWN + 30 * MINUTE, site=True, frequency_s=5 * MINUTE, address=ELSEWHERE)
    gocron.sweep(DOWN + 30 * MINUTE + 10)
    assert gocron.mail.told_names() == ["seen"]
    assert (gocron.rows("silence"), spans(gocron)) == ([], [])
