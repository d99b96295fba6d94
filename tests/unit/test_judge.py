"""What is said of a job at one moment."""

from dataclasses import replace

import pytest

from gocron.core.excuse import Evidence, Limits, excuse_of, own_outage_s
from gocron.core.job import Job, Status
from gocron.core.judge import JOURNAL_LAG_S, Ground, judge, own_outage_since, standing
from gocron.core.outage import Outage
from gocron.core.schedule import due_at
from gocron.core.site import Site
from tests.heard import heard_at_gaps

SEEN = 1_800_000_000
FREQUENCY_S = 3600
GRACE_S = 600
DUE = SEEN + FREQUENCY_S + GRACE_S


def job(missed_at: int | None = None, back_at: int | None = None, grace_s: int = GRACE_S) -> Job:
    return Job(
        id=1,
        account="web-01",
        cronname="backup",
        email="ops@example.com",
        frequency_s=FREQUENCY_S,
        grace_s=grace_s,
        site=False,
        address="192.0.2.1",
        created_at=SEEN,
        last_seen_at=SEEN,
        due_at=due_at(SEEN, FREQUENCY_S, grace_s),
        missed_at=missed_at,
        back_at=back_at,
    )


@pytest.mark.parametrize(
    ("now", "status"),
    [
        (SEEN, Status.UP),
        (SEEN - 3600, Status.UP),
        (SEEN + FREQUENCY_S, Status.UP),
        (SEEN + FREQUENCY_S + 1, Status.LATE),
        (DUE, Status.LATE),
        (DUE + 1, Status.OVERDUE),
        (DUE + 10**9, Status.OVERDUE),
    ],
)
def test_a_job_that_is_up_is_judged_by_the_time(now: int, status: Status) -> None:
    assert standing(job(), now) is status


@pytest.mark.parametrize("now", [0, SEEN, DUE, DUE + 1, DUE + 10**9])
def test_a_marked_job_stays_missed_until_it_is_heard_whatever_the_clock_says(now: int) -> None:
    assert standing(job(missed_at=DUE), now) is Status.MISSING
    assert standing(job(missed_at=DUE, back_at=DUE + 60), now) is Status.BACK


@pytest.mark.parametrize("failed", [{"failed_at": SEEN}, {"failing_at": SEEN}])
def test_a_job_whose_last_run_failed_is_failing_while_it_is_not_silent(failed: dict) -> None:
    fails = replace(job(), **failed)
    assert standing(fails, SEEN) is Status.FAILING
    assert standing(fails, DUE) is Status.FAILING
    assert standing(fails, DUE + 1) is Status.OVERDUE
    assert standing(replace(fails, missed_at=DUE), DUE + 1) is Status.MISSING
    assert standing(replace(fails, missed_at=DUE, back_at=DUE + 5), DUE + 5) is Status.FAILING
    assert standing(replace(fails, worked_at=SEEN + 5), SEEN + 5) is Status.UP
    assert judged(DUE + 10**6, one=replace(fails, missed_at=DUE, back_at=DUE + 5)).ground is (
        Ground.MISSING
    ), "it is not told of as missing once more"


def test_a_job_that_was_only_declared_is_unheard_until_it_is_overdue() -> None:
    declared = replace(job(), address="")
    assert standing(declared, DUE) is Status.UNHEARD
    assert standing(declared, DUE + 1) is Status.OVERDUE


def test_without_grace_a_job_is_overdue_one_second_after_its_frequency() -> None:
    assert standing(job(grace_s=0), SEEN + FREQUENCY_S) is Status.UP
    assert standing(job(grace_s=0), SEEN + FREQUENCY_S + 1) is Status.OVERDUE


# Behind a site: the table of docs/sites.md. The gateway checks in each five minutes, and may be
# silent for six. The job is due at DUE.

LIMITS = Limits(hold_max_s=600, settle_s=7 * 86_400, suppress_max_s=86_400)
GATEWAY_S = 360


def gateway(seen_at: int, missed: bool = False, gateway_id: int = 7) -> Job:
    return replace(
        job(),
        id=gateway_id,
        cronname="office",
        site=True,
        frequency_s=300,
        grace_s=60,
        last_seen_at=seen_at,
        due_at=seen_at + GATEWAY_S,
        missed_at=seen_at + GATEWAY_S if missed else None,
    )


def site(*gateways: Job, heard_at: int = 0, outages: tuple = (), told: bool = True) -> Site:
    heard_at = max([heard_at, *(one.last_seen_at for one in gateways)])
    return Site(gateways, heard_at, outages, told)


def habitual(**more: object) -> Job:
    """A job that keeps to its hour."""
    usual = job()
    heard = heard_at_gaps(usual.last_seen_at, *(FREQUENCY_S,) * 3)
    return replace(usual, recent=heard, **more)


def judged(now: int, known: Site | None = None, own: tuple = (), one: Job | None = None):
    return judge(one or habitual(), now, Evidence(known, own), LIMITS)


def outage(began_at: int, ended_at: int | None, site_id: int | None = 7, number: int = 1) -> Outage:
    return Outage(number, site_id, began_at, ended_at)


def test_a_job_that_is_in_time_or_marked_needs_no_evidence() -> None:
    assert judged(DUE).status is Status.LATE
    marked = habitual(missed_at=DUE)
    assert judged(DUE + 5, one=marked).status is Status.MISSING
    assert judged(DUE + 5, one=marked).ground is Ground.MISSING


@pytest.mark.parametrize("deadline", [DUE - 1, DUE, DUE + 1, None])
@pytest.mark.parametrize("late_s", [0, LIMITS.suppress_max_s, LIMITS.suppress_max_s + 1])
def test_who_is_left_alone_while_gocron_can_not_be_reached_is_who_would_be_held(
    deadline: int | None, late_s: int
) -> None:
    """A sweep leaves those alone whose deadline, kept with their row, is not before it began."""
    one = habitual(excused_until=deadline, excused_by=deadline and 99)
    own = (outage(DUE - 9_000, DUE - 8_000, site_id=None), outage(DUE, None, site_id=None))
    now = DUE + 2 + late_s
    since = own_outage_since(own, now, LIMITS)
    is_left_alone = since is not None and one.deadline >= since
    assert is_left_alone == (judged(now, own=own, one=one).status is Status.HELD)


def test_nobody_is_left_alone_once_gocron_can_be_reached() -> None:
    assert own_outage_since((outage(DUE, DUE + 60, site_id=None),), DUE + 30, LIMITS) is None


def test_behind_no_site_it_is_told_at_once() -> None:
    assert judged(DUE + 1).ground is Ground.NO_SITE


@pytest.mark.parametrize(
    ("known", "status", "ground"),
    [
        (site(gateway(DUE)), Status.MISSING, Ground.SITE_HEARD),
        (site(gateway(DUE - 100), heard_at=DUE), Status.MISSING, Ground.SITE_HEARD),
        (site(gateway(DUE - 1)), Status.HELD, Ground.SITE_ASKED),
        (
            site(gateway(DUE - 400, missed=True), outages=(outage(DUE - 400, None),)),
            Status.SUPPRESSED,
            Ground.SITE_DOWN,
        ),
        (
            site(gateway(DUE - 400, missed=True), outages=(outage(DUE - 400, None),), told=False),
            Status.MISSING,
            Ground.SITE_UNTOLD,
        ),
        (site(gateway(DUE - 4000, missed=True)), Status.MISSING, Ground.SITE_REACHABLE),
        (
            site(gateway(DUE), outages=(outage(DUE - 500, DUE),)),
            Status.EXCUSED,
            Ground.SITE_WAS_DOWN,
        ),
        (
            # Over an hour before the run was to be expected.
            site(gateway(DUE), outages=(outage(SEEN + 60, SEEN + 600),)),
            Status.MISSING,
            Ground.SITE_HEARD,
        ),
    ],
    ids=[
        "gateway heard",
        "neighbour heard",
        "nobody heard, gateway not overdue",
        "nobody heard, gateway overdue",
        "nobody could be told of the gateway",
        "gateway dead, site alive",
        "run fell in an outage",
        "run fell in none",
    ],
)
def test_behind_a_site_the_evidence_decides(known: Site, status: Status, ground: Ground) -> None:
    verdict = judged(DUE + 1, known)
    assert (verdict.status, verdict.ground) == (status, ground)


def test_it_is_held_until_the_gateways_deadline_and_ten_minutes_at_most() -> None:
    assert judged(DUE + 1, site(gateway(DUE - 1))).until == DUE - 1 + GATEWAY_S
    slow = replace(gateway(DUE - 1), due_at=DUE + 9999)
    assert judged(DUE + 1, site(slow)).until == DUE + 600
    assert judged(DUE + 601, site(slow)).ground is Ground.SITE_UNKNOWN


def test_of_several_gateways_one_that_is_alive_is_enough() -> None:
    down = gateway(DUE - 400, missed=True)
    up = gateway(DUE - 1, gateway_id=8)
    known = site(down, up, outages=(outage(DUE - 400, None),))
    assert judged(DUE + 1, known).ground is Ground.SITE_ASKED
    both = site(
        down,
        gateway(DUE - 400, missed=True, gateway_id=8),
        outages=(outage(DUE - 400, None), outage(DUE - 390, None, 8, 2)),
    )
    assert judged(DUE + 1, both).ground is Ground.SITE_DOWN


def test_a_site_suppresses_for_a_day() -> None:
    known = site(gateway(DUE - 400, missed=True), outages=(outage(DUE - 400, None),))
    last = DUE - 400 + LIMITS.suppress_max_s
    assert judged(last, known).status is Status.SUPPRESSED
    assert judged(last + 1, known).ground is Ground.SITE_DOWN_TOO_LONG


def test_an_excuse_lasts_until_the_next_run_and_no_longer() -> None:
    known = site(gateway(DUE + 9999), outages=(outage(DUE - 500, DUE),))
    until = judged(DUE + 1, known).until
    assert until is not None
    assert DUE + FREQUENCY_S < until < DUE + FREQUENCY_S + GRACE_S
    assert judged(until, known).status is Status.EXCUSED
    again = judged(until + 1, known)
    assert (again.status, again.ground) == (Status.MISSING, Ground.SITE_HEARD)
    assert again.excuse is not None, "the reason tells of it"


def test_a_second_outage_of_a_site_excuses_the_run_after_an_excused_one() -> None:
    first, second = outage(DUE - 500, DUE), outage(DUE + 300, DUE + 500, number=2)
    known = site(gateway(DUE + 99_999), outages=(first, second))
    in_between = DUE + FREQUENCY_S + GRACE_S
    assert judged(in_between, known, one=job()).ground is Ground.SITE_WAS_DOWN, "no habit known"
    assert judged(in_between, known).status is Status.MISSING, "its habit tells that it came later"


def test_of_two_outages_that_excuse_a_run_the_later_deadline_counts() -> None:
    """The one that ended last gives the earlier one here: soon after a site, all is to settle."""
    own, of_site = outage(DUE - 500, DUE, None), outage(DUE - 300, DUE + 60, number=2)
    soon = replace(LIMITS, settle_s=120)
    known = Evidence(site(gateway(DUE + 9999), outages=(of_site,)), (own,))
    assert judge(job(), DUE + 70, Evidence(known.site), soon).until == DUE + 60 + 120 + GRACE_S
    judgement = judge(job(), DUE + 70, known, soon)
    assert (judgement.until, judgement.outage) == (DUE + FREQUENCY_S + GRACE_S, own)


def told_at(one: Job, *outages: Outage) -> int:
    """Return the first minute at which `one` is told, behind a site that is heard all the time."""
    for now in range(DUE, DUE + 4 * LIMITS.suppress_max_s, 60):
        so_far = tuple(each for each in outages if each.ended_at is None or each.ended_at <= now)
        judgement = judged(now, site(gateway(now), outages=so_far), one=one)
        if judgement.is_to_be_told:
            return now
        if judgement.excuse is not None:
            given = judgement.excuse
            one = replace(one, excused_until=given.until, excused_by=given.outage_id)
    raise AssertionError("never told")


@pytest.mark.parametrize("one", [job(), habitual()], ids=["no habit", "of habit"])
@pytest.mark.parametrize("every_s", [1200, 2400, 3600])
def test_a_site_that_fails_now_and_then_hides_the_dead_for_a_period_at_most(
    one: Job, every_s: int
) -> None:
    outages = [
        outage(at, at + every_s // 3, number=number)
        for number, at in enumerate(range(SEEN, DUE + 2 * LIMITS.suppress_max_s, every_s), 1)
    ]
    assert told_at(one, *outages) <= DUE + one.allowance_s + every_s


def test_a_site_that_is_away_for_most_of_the_time_excuses_run_after_run() -> None:
    outages = [
        outage(at, at + 2000, number=number)
        for number, at in enumerate(range(SEEN, DUE + 2 * LIMITS.suppress_max_s, 3600), 1)
    ]
    assert told_at(job(), *outages) > DUE + LIMITS.suppress_max_s


def test_two_gateways_that_were_away_at_once_were_not_away_for_longer() -> None:
    first, second = outage(DUE - 500, DUE), outage(DUE + 600, DUE + 700, number=3)
    at_once = outage(DUE - 400, DUE, site_id=8, number=2)
    known = site(gateway(DUE + 99_999), outages=(first, at_once, second))
    assert judged(DUE + 800, known, one=job()).until == DUE + FREQUENCY_S + GRACE_S


def test_an_outage_of_the_site_excuses_the_run_after_one_of_gocrons_own() -> None:
    own, second = outage(DUE - 500, DUE, None), outage(DUE + 3000, DUE + 3300, number=2)
    known = site(gateway(DUE + 99_999), outages=(second,))
    assert judged(DUE + 3400, known, own=(own,), one=job()).until == second.ended_at + 4200


def test_an_excuse_by_an_outage_that_nobody_knows_any_more_goes_on_where_the_site_is_away() -> None:
    given = replace(job(), excused_until=DUE + 4200, excused_by=99)
    for began_at, goes_on in ((SEEN + 4500, True), (SEEN + 5000, False)):
        known = site(gateway(DUE + 9999), outages=(outage(began_at, SEEN + 9600),))
        judgement = judged(DUE + 6000, known, one=given)
        assert (judgement.status is Status.EXCUSED) == goes_on


def test_a_clock_that_jumped_forth_moves_every_deadline_once() -> None:
    at = SEEN + 60
    jumped = Outage(1, None, at, at + 500, jumped_s=480)
    again = Outage(2, None, at + 900, at + 1000, jumped_s=90)
    assert judged(DUE + 1, own=(jumped,)).until == DUE + 480
    assert judged(DUE + 481, own=(jumped,)).status is Status.MISSING
    assert judged(DUE + 1, own=(jumped, again)).until == DUE + 570
    given = habitual(excused_until=DUE + 480, excused_by=1)
    assert judged(DUE + 481, own=(jumped,), one=given).status is Status.MISSING, "counted in"
    assert judged(DUE + 481, own=(jumped, again), one=given).until == DUE + 570


def test_a_clock_that_jumped_forth_while_the_site_was_away_counts_once() -> None:
    jumped = Outage(1, None, SEEN + 60, SEEN + 4900, jumped_s=4830)
    in_it = outage(SEEN + 50, SEEN + 4895, number=2)
    before_it = outage(SEEN + 50, SEEN + 90, number=2)
    for of_site, counts in ((in_it, False), (before_it, True)):
        until = of_site.ended_at + FREQUENCY_S + GRACE_S
        given = replace(job(), excused_until=until, excused_by=2)
        known = Evidence(site(gateway(until), outages=(of_site,)), (jumped,))
        judgement = judge(given, until + 1, known, LIMITS)
        excuse = judgement.excuse
        assert excuse is not None
        assert (excuse.until == until + 4830) == counts, excuse


def test_an_outage_of_gocrons_own_holds_and_then_excuses_one_run() -> None:
    lasting = (outage(DUE - 500, None, None),)
    assert judged(DUE + 1, own=lasting).ground is Ground.OWN_OUTAGE
    over = (outage(DUE - 500, DUE + 50, None),)
    assert judged(DUE + 60, own=over).ground is Ground.WAS_OWN_OUTAGE
    until = judged(DUE + 60, own=over).until
    second = (*over, outage(until - 500, until + 10, None, 2))
    excused = habitual(excused_until=until, excused_by=1)
    assert judged(until + 20, own=second, one=excused).status is Status.MISSING, "never twice"


def test_an_outage_that_nginx_bridged_excuses_nobody() -> None:
    bridged = Outage(1, None, DUE - 500, DUE + 50, journalled=True)
    assert judged(DUE + 60, own=(bridged,)).status is Status.HELD, "others may yet replay"
    assert judged(DUE + 50 + JOURNAL_LAG_S + 1, own=(bridged,)).status is Status.MISSING


def test_an_outage_before_the_last_check_in_or_of_another_time_is_no_excuse() -> None:
    for began_at, ended_at in ((SEEN - 900, SEEN), (SEEN + 10, SEEN + 900), (DUE + 1, DUE + 50)):
        own = (outage(began_at, ended_at, None),)
        assert judged(DUE + 60, own=own).status is Status.MISSING, (began_at, ended_at)


def test_an_own_outage_without_end_holds_for_a_day() -> None:
    own = (outage(DUE - 10, None, None),)
    assert judged(DUE - 10 + LIMITS.suppress_max_s, own=own).status is Status.HELD
    assert judged(DUE - 9 + LIMITS.suppress_max_s, own=own).ground is Ground.OWN_OUTAGE_TOO_LONG


@pytest.mark.parametrize(
    ("began_at", "ended_at", "lasted_s"),
    [
        (DUE - 100, DUE + 40, 40),
        (DUE + 10, DUE + 40, 30),
        (DUE + 10, DUE + 900, 90),
        (DUE - 100, DUE - 40, 0),
        (DUE + 500, DUE + 900, 0),
    ],
)
def test_of_an_own_outage_counts_what_lies_between_two_moments(
    began_at: int, ended_at: int, lasted_s: int
) -> None:
    own = Outage(1, None, began_at, ended_at)
    assert own_outage_s(Evidence(None, (own,)), DUE, DUE + 100, LIMITS) == lasted_s


def test_an_outage_that_ended_with_the_last_check_in_is_no_excuse() -> None:
    one = habitual()
    ended = Outage(1, None, one.last_seen_at - 600, one.last_seen_at)
    assert excuse_of(one, Evidence(None, (ended,)), LIMITS) is None
