"""What to say of a job: the one judgement that page, sweep, rehearsal and tests share."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from gocron.core.job import Job, Status
from gocron.core.outage import Outage, away_s
from gocron.core.schedule import due_at, expected, expected_after
from gocron.core.site import Site


class Ground(str, Enum):
    """Why a job stands as it does; `render.reason` has the words."""

    IN_TIME = "in time"
    MARKED = "marked"
    NO_SITE = "no site"
    BEHIND_NONE = "behind none"
    SITE_HEARD = "site heard"
    SITE_REACHABLE = "site reachable"
    SITE_UNKNOWN = "site unknown"
    SITE_UNTOLD = "site untold"
    SITE_ASKED = "site asked"
    SITE_DOWN = "site down"
    SITE_DOWN_TOO_LONG = "site down too long"
    SITE_WAS_DOWN = "site was down"
    DEAF = "deaf"
    DEAF_TOO_LONG = "deaf too long"
    WAS_DEAF = "was deaf"
    LATER_VERSION = "later version"


# A sweep on the host of the journal has kept what nginx took by then.
JOURNAL_LAG_S = 180


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


@dataclass(frozen=True)
class Judgement:
    """How a job stands, why, and until when that holds if nothing else is heard.

    `outage` and `site` are what `ground` speaks of. `excuse` holds even after it has run out.
    """

    status: Status
    ground: Ground
    until: int | None = None
    outage: Outage | None = None
    site: Site | None = None
    excuse: Excuse | None = None

    @property
    def is_to_be_told(self) -> bool:
        """Whether a sweep begins an episode."""
        return self.status is Status.MISSED and self.ground is not Ground.MARKED


def standing(job: Job, now: int) -> Status:
    """Return how `job` stands at `now` (epoch seconds) by what its row says.

    OVERDUE and RECOVERED are what the next sweep acts on. LATE means that the frequency is
    over and the grace is not.
    """
    if job.missed_at is not None:
        return Status.MISSED if job.back_at is None else Status.RECOVERED
    if now <= job.due_at:
        return Status.LATE if now > job.due_at - job.grace_s else Status.UP
    return job.reprieve or Status.OVERDUE


def judge(job: Job, now: int, evidence: Evidence, limits: Limits) -> Judgement:
    """Return what a sweep at `now` (epoch seconds) has to say of `job`.

    MISSED is to be told. HELD, SUPPRESSED and EXCUSED are not, until the judgement's `until`:
    the silence of the network or of gocron itself is not the silence of the job.
    """
    stands = standing(job, now)
    if stands in (Status.MISSED, Status.RECOVERED):
        return Judgement(stands, Ground.MARKED)
    if now <= job.due_at:
        return Judgement(stands, Ground.IN_TIME, job.due_at)
    if stands is Status.UNKNOWN:
        return Judgement(stands, Ground.LATER_VERSION)
    excuse = _excuse(job, evidence, limits)
    if excuse is not None and now <= excuse.until:
        judgement = _excused(excuse, evidence.site)
    else:
        deadline = deadline_of(job, excuse)
        judgement = _deaf(job, now, evidence.own, deadline, limits) or _behind(
            now, evidence, deadline, limits
        )
    return replace(judgement, excuse=excuse)


def deaf_since(own: Iterable[Outage], now: int, limits: Limits) -> int | None:
    """Return since when gocron itself can't be reached, None where it can.

    Whoever is held and has a later deadline stays so: there is nothing to be judged anew.
    """
    lasts = next((one for one in own if one.is_open), None)
    return None if lasts is None or now > _until_deaf(lasts, limits) else lasts.began_at


def deadline_of(job: Job, excuse: Excuse | None) -> int:
    """Return the deadline that counts: the job's own, or the one that outages gave it."""
    return job.due_at if excuse is None else excuse.until


def _excuse(job: Job, evidence: Evidence, limits: Limits) -> Excuse | None:
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
    deaf_s = _deaf_s(evidence, job.due_at, ended_at, limits)
    last = job.due_at + limits.suppress_max_s + deaf_s + job.allowance_s
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


def _excused(excuse: Excuse, site: Site | None) -> Judgement:
    own = excuse.outage is not None and excuse.outage.site_id is None
    ground = Ground.WAS_DEAF if own else Ground.SITE_WAS_DOWN
    return Judgement(Status.EXCUSED, ground, excuse.until, excuse.outage, site)


def _deaf(
    job: Job, now: int, own: tuple[Outage, ...], deadline: int, limits: Limits
) -> Judgement | None:
    """Return the judgement while gocron itself can't be reached, None where it can."""
    first = expected(job)[0] if deadline == job.due_at else job.due_at
    for outage in own:
        if not outage.touches(first, deadline):
            continue
        if outage.journalled and outage.ended_at is not None:
            if now <= outage.ended_at + JOURNAL_LAG_S:
                return Judgement(Status.HELD, Ground.DEAF, outage.ended_at + JOURNAL_LAG_S, outage)
        elif outage.is_open:
            # It may have been away as long itself.
            until = _until_deaf(outage, limits)
            if now > until:
                return Judgement(Status.MISSED, Ground.DEAF_TOO_LONG, None, outage)
            return Judgement(Status.HELD, Ground.DEAF, until, outage)
    return None


def _behind(now: int, evidence: Evidence, deadline: int, limits: Limits) -> Judgement:
    """Return the judgement by what was heard of the job's site since the deadline.

    While gocron itself can't be reached no site can speak: that time doesn't count.
    """
    site = evidence.site
    if site is None:
        ground = Ground.BEHIND_NONE if evidence.has_sites else Ground.NO_SITE
        return Judgement(Status.MISSED, ground)
    if site.heard_at >= deadline:
        return Judgement(Status.MISSED, Ground.SITE_HEARD, site=site)
    down_since = site.down_since
    if down_since is not None:
        until = down_since + limits.suppress_max_s + _deaf_s(evidence, down_since, now, limits)
        if not site.told:
            return Judgement(Status.MISSED, Ground.SITE_UNTOLD, site=site)
        if now > until:
            return Judgement(Status.MISSED, Ground.SITE_DOWN_TOO_LONG, site=site)
        return Judgement(Status.SUPPRESSED, Ground.SITE_DOWN, until, site=site)
    speaks_until = site.speaks_until
    missing = all(gateway.missed_at is not None for gateway in site.gateways)
    if speaks_until is None or (missing and now > speaks_until):
        return Judgement(Status.MISSED, Ground.SITE_REACHABLE, site=site)
    until = deadline + limits.hold_max_s + _deaf_s(evidence, deadline, now, limits)
    if speaks_until >= now:
        until = min(until, speaks_until)
    if now <= until:
        return Judgement(Status.HELD, Ground.SITE_ASKED, until, site=site)
    return Judgement(Status.MISSED, Ground.SITE_UNKNOWN, site=site)


def _deaf_s(evidence: Evidence, since: int, now: int, limits: Limits) -> int:
    """Return for how many seconds since `since` gocron itself could not be reached.

    In one outage, the longest: a door that is shut again and again must not add up to for
    ever. One that lasts counts no longer than anybody is held for it.
    """
    spans = (
        (max(one.began_at, since), _until_deaf(one, limits) if one.is_open else one.ended_at or 0)
        for one in evidence.own
    )
    return max((max(min(until, now) - began_at, 0) for began_at, until in spans), default=0)


def _until_deaf(outage: Outage, limits: Limits) -> int:
    """Return until when an open outage of gocron's own holds; counted since a sweep knew."""
    return max(outage.began_at, outage.noticed_at) + limits.suppress_max_s
