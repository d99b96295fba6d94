"""A site that goes down is one alert; what is dead behind it is found all the same."""

import pytest

from gocron.core.checkin import CheckIn
from gocron.core.job import Status
from gocron.core.judge import standing
from gocron.core.site import CROWD
from gocron.sites import Witnesses
from gocron.store import jobs
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
    return [subject.removeprefix("[gocron] ") for subject in gocron.mail.subjects]


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


def test_a_site_with_ten_thousand_jobs_is_looked_at_once_while_it_is_down(gocron: Gocron) -> None:
    gateway(gocron, DOWN)
    job(gocron, "backup", DOWN - HOUR)
    sweep_each_minute(gocron, DOWN, DOWN + 15 * MINUTE)
    backup = gocron.job("backup")
    assert backup.reprieve is Status.SUPPRESSED
    assert backup.judge_at > DOWN + 12 * HOUR, "not to be looked at by each sweep"


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
        assert jobs.declare(gocron.store, slower) == "changed"
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
