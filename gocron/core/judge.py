"""What to say of a job: the one judgement that page, sweep, rehearsal and tests share."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from gocron.core.excuse import (
    Evidence,
    Excuse,
    Limits,
    deadline_of,
    excuse_of,
    own_outage_s,
    until_own_outage,
)
from gocron.core.job import Job, Status
from gocron.core.outage import Outage
from gocron.core.schedule import expected
from gocron.core.site import Site


class Ground(str, Enum):
    """Why a job stands as it does; `render.reason` has the words."""

    IN_TIME = "in time"
    MISSING = "marked"
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
    OWN_OUTAGE = "own outage"
    OWN_OUTAGE_TOO_LONG = "own outage too long"
    WAS_OWN_OUTAGE = "was own outage"
    LATER_VERSION = "later version"


# After an outage in which nginx kept the check-ins jobs are held for so long: by then the sweep on
# that host has replayed its journal.
JOURNAL_LAG_S = 180


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
        return self.status is Status.MISSING and self.ground is not Ground.MISSING


def standing(job: Job, now: int) -> Status:
    """Return how `job` stands at `now` (epoch seconds) by what its row says.

    OVERDUE and RECOVERED are what the next sweep acts on. LATE means that the frequency is
    over and the grace is not. Silence comes first: a job that is missing may fail as well.
    """
    if job.missed_at is not None and job.back_at is None:
        return Status.MISSING
    if job.missed_at is None and now > job.due_at:
        return job.spared or Status.OVERDUE
    if job.failing_since is not None:
        return Status.FAILING
    if job.missed_at is not None:
        return Status.BACK
    if not job.was_heard:
        return Status.UNHEARD
    return Status.LATE if now > job.due_at - job.grace_s else Status.UP


def judge(job: Job, now: int, evidence: Evidence, limits: Limits) -> Judgement:
    """Return what a sweep at `now` (epoch seconds) has to say of `job`.

    MISSED is to be told. HELD, SUPPRESSED and EXCUSED are not, until the judgement's `until`:
    the silence of the network or of gocron itself is not the silence of the job.
    """
    stands = standing(job, now)
    if job.missed_at is not None:
        return Judgement(stands, Ground.MISSING)
    if now <= job.due_at:
        return Judgement(stands, Ground.IN_TIME, job.due_at)
    if stands is Status.UNKNOWN:
        return Judgement(stands, Ground.LATER_VERSION)
    excuse = excuse_of(job, evidence, limits)
    if excuse is not None and now <= excuse.until:
        judgement = _excused(excuse, evidence.site)
    else:
        deadline = deadline_of(job, excuse)
        judgement = _own_outage(job, now, evidence.own, deadline, limits) or _behind(
            now, evidence, deadline, limits
        )
    return replace(judgement, excuse=excuse)


def own_outage_since(own: Iterable[Outage], now: int, limits: Limits) -> int | None:
    """Return since when gocron itself can't be reached, None where it can.

    Whoever is held and has a later deadline stays so: there is nothing to be judged anew.
    """
    lasts = next((one for one in own if one.is_open), None)
    return None if lasts is None or now > until_own_outage(lasts, limits) else lasts.began_at


def _excused(excuse: Excuse, site: Site | None) -> Judgement:
    own = excuse.outage is not None and excuse.outage.site_id is None
    ground = Ground.WAS_OWN_OUTAGE if own else Ground.SITE_WAS_DOWN
    return Judgement(Status.EXCUSED, ground, excuse.until, excuse.outage, site)


def _own_outage(
    job: Job, now: int, own: tuple[Outage, ...], deadline: int, limits: Limits
) -> Judgement | None:
    """Return the judgement while gocron itself can't be reached, None where it can."""
    first = expected(job)[0] if deadline == job.due_at else job.due_at
    for outage in own:
        if not outage.touches(first, deadline):
            continue
        if outage.journalled and outage.ended_at is not None:
            if now <= outage.ended_at + JOURNAL_LAG_S:
                return Judgement(
                    Status.HELD, Ground.OWN_OUTAGE, outage.ended_at + JOURNAL_LAG_S, outage
                )
        elif outage.is_open:
            # It may have been away as long itself.
            until = until_own_outage(outage, limits)
            if now > until:
                return Judgement(Status.MISSING, Ground.OWN_OUTAGE_TOO_LONG, None, outage)
            return Judgement(Status.HELD, Ground.OWN_OUTAGE, until, outage)
    return None


def _behind(now: int, evidence: Evidence, deadline: int, limits: Limits) -> Judgement:
    """Return the judgement by what was heard of the job's site since the deadline.

    While gocron itself can't be reached no site can speak: that time doesn't count.
    """
    site = evidence.site
    if site is None:
        ground = Ground.BEHIND_NONE if evidence.has_sites else Ground.NO_SITE
        return Judgement(Status.MISSING, ground)
    if site.heard_at >= deadline:
        return Judgement(Status.MISSING, Ground.SITE_HEARD, site=site)
    down_since = site.down_since
    if down_since is not None:
        until = down_since + limits.suppress_max_s + own_outage_s(evidence, down_since, now, limits)
        if not site.told:
            return Judgement(Status.MISSING, Ground.SITE_UNTOLD, site=site)
        if now > until:
            return Judgement(Status.MISSING, Ground.SITE_DOWN_TOO_LONG, site=site)
        return Judgement(Status.SUPPRESSED, Ground.SITE_DOWN, until, site=site)
    speaks_until = site.speaks_until
    missing = all(gateway.missed_at is not None for gateway in site.gateways)
    if speaks_until is None or (missing and now > speaks_until):
        return Judgement(Status.MISSING, Ground.SITE_REACHABLE, site=site)
    until = deadline + limits.hold_max_s + own_outage_s(evidence, deadline, now, limits)
    if speaks_until >= now:
        until = min(until, speaks_until)
    if now <= until:
        return Judgement(Status.HELD, Ground.SITE_ASKED, until, site=site)
    return Judgement(Status.MISSING, Ground.SITE_UNKNOWN, site=site)
