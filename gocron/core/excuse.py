"""Excuses: later deadlines that outages give to jobs whose check-in they may have kept away."""

from dataclasses import dataclass

from gocron.core.job import Job
from gocron.core.outage import Outage, away_s
from gocron.core.schedule import due_at, expected, expected_after
from gocron.core.site import Site


@dataclass(frozen=True)
class Limits:
    """How long what is overdue may stay untold, in seconds; `options` tells of each."""

    hold_max_s: int
    settle_s: int
    suppress_max_s: int


@dataclass(frozen=True)
class Evidence:
    """What speaks for a job that is silent: its site, if it has one, and gocron's own outages.

    `has_sites` says that its account has any.
    """

    site: Site | None = None
    own: tuple[Outage, ...] = ()
    has_sites: bool = False


@dataclass(frozen=True)
class Excuse:
    """A deadline in place of the job's own, since its check-in may have fallen in an outage."""

    until: int
    outage_id: int | None
    outage: Outage | None = None


def deadline_of(job: Job, excuse: Excuse | None) -> int:
    """Return the deadline that counts: the job's own, or the one that outages gave it."""
    return job.due_at if excuse is None else excuse.until


def excuse_of(job: Job, evidence: Evidence, limits: Limits) -> Excuse | None:
    """Return the latest deadline that outages give `job`; what it was given before stays.

    An outage of gocron's own excuses one run, until the job is heard again. One of its site
    excuses the run after an excused one only where the site was away for most of the time
    between, and for no longer than a site may be silent and a period: a line that fails now and
    then must not hide the dead.
    """
    given = None
    if job.excused_until is not None:
        given = Excuse(job.excused_until, job.excused_by, _known(job.excused_by, evidence))
    site = evidence.site.outages if evidence.site is not None else ()
    ended = [one for one in (*evidence.own, *site) if not one.is_open and not one.journalled]
    for outage in sorted(ended, key=lambda one: (one.ended_at or 0, one.id)):
        until = _until(job, outage, given, evidence, limits)
        if until is not None and until > (job.due_at if given is None else given.until):
            given = Excuse(until, outage.id, outage)
    return given


def _until(
    job: Job, outage: Outage, given: Excuse | None, evidence: Evidence, limits: Limits
) -> int | None:
    """Return by when `job` must be heard after `outage`; None where that is no excuse."""
    ended_at = outage.ended_at or 0
    if ended_at <= job.last_seen_at:
        return None
    _, until = expected_after(job, ended_at)
    of_first_run = outage.touches(*expected(job))
    if outage.site_id is None:
        shifted = _shifted(job, outage, given)
        return max(until, shifted) if of_first_run else shifted or None
    of_later_run = given is not None and _follows(job, outage, given, evidence)
    until = min(until, due_at(ended_at, limits.settle_s, job.grace_s))
    unheard_s = own_outage_s(evidence, job.due_at, ended_at, limits)
    last = job.due_at + limits.suppress_max_s + unheard_s + job.allowance_s
    return until if (of_first_run or of_later_run) and until <= last else None


def _shifted(job: Job, outage: Outage, given: Excuse | None) -> int:
    """Return the deadline of `job` by a clock that has jumped forth; 0 where it did not.

    Whatever was counted in already counts once.
    """
    if not outage.jumped_s:
        return 0
    if given is None:
        return job.due_at + outage.jumped_s
    before = given.outage
    if before is None or (before.ended_at or 0) >= (outage.ended_at or 0):
        return 0
    # An outage of the site in which the clock jumped gave a deadline by the clock after it.
    together_s = (before.ended_at or 0) - max(before.began_at, outage.began_at)
    return 0 if together_s >= outage.jumped_s else given.until + outage.jumped_s


def _follows(job: Job, outage: Outage, given: Excuse, evidence: Evidence) -> bool:
    """Tell whether `outage`, one of the site, excuses the run after an excused one as well."""
    if not outage.touches(*_expected_again(job, given)):
        return False
    before = given.outage
    if before is not None and before.site_id is None:
        return True
    since = job.last_seen_at if before is None else before.began_at
    until = outage.ended_at or 0
    of_site = evidence.site.outages if evidence.site is not None else ()
    return 2 * away_s(of_site, since, until) > until - since


def _expected_again(job: Job, given: Excuse) -> tuple[int, int]:
    """Return the first and the last moment at which the run after an excused one may come."""
    if given.outage is None or given.outage.ended_at is None:
        return job.due_at, given.until
    first, _ = expected_after(job, given.outage.ended_at)
    return first, given.until


def _known(outage_id: int | None, evidence: Evidence) -> Outage | None:
    site = evidence.site.outages if evidence.site is not None else ()
    return next((one for one in (*evidence.own, *site) if one.id == outage_id), None)


def own_outage_s(evidence: Evidence, since: int, now: int, limits: Limits) -> int:
    """Return for how many seconds since `since` gocron itself could not be reached.

    Of several outages the longest counts, not the sum: otherwise a front that stops each day
    would hold a dead job for ever. One that lasts counts no longer than anybody is held for it.
    """
    spans = (
        (
            max(one.began_at, since),
            until_own_outage(one, limits) if one.is_open else one.ended_at or 0,
        )
        for one in evidence.own
    )
    return max((max(min(until, now) - began_at, 0) for began_at, until in spans), default=0)


def until_own_outage(outage: Outage, limits: Limits) -> int:
    """Return until when an open outage of gocron's own holds; counted since a sweep knew."""
    return max(outage.began_at, outage.noticed_at) + limits.suppress_max_s
