"""Why a job stands as it does, in one line for people; and what a gateway's news means."""

from gocron.core.duration import say_duration
from gocron.core.job import Job, Status
from gocron.core.judge import Ground, Judgement
from gocron.core.outage import Outage
from gocron.core.site import Named, Site, SiteReport
from gocron.render.moment import say_time
from gocron.render.wording import count, cut, say_failure, shown

NAMES_SHOWN = 20
_NAME_LIMIT = 40
_NOTHING = "nothing"


def say_reason(job: Job, judgement: Judgement) -> str:
    """Return why `judgement` says what it says of `job`, in one line without a full stop."""
    ground = judgement.ground
    if ground is Ground.IN_TIME:
        return f"it has until {say_time(job.due_at)}"
    if ground is Ground.MISSING:
        return "its silence was noticed, and what became of its news is told below"
    if ground is Ground.LATER_VERSION:
        return "a later gocron wrote why it is not told of, in words that this one lacks"
    return _say_overdue(job, judgement)


def _say_overdue(job: Job, judgement: Judgement) -> str:
    """Return why a job that is overdue is told of, or is not."""
    site = _say_site(judgement.site)
    until = say_time(judgement.until or 0)
    excuse = _say_excuse(job, judgement)
    return {
        Ground.NO_SITE: lambda: excuse,
        Ground.BEHIND_NONE: lambda: excuse + ("" if job.site else ", and it is behind no site"),
        Ground.SITE_HEARD: lambda: f"{excuse}, and {site} was heard at {_heard(judgement)}",
        Ground.SITE_REACHABLE: lambda: (
            f"{excuse}; {site} is silent itself, but others behind it were heard"
        ),
        Ground.SITE_UNKNOWN: lambda: (
            f"{excuse}; whether {site} is down is not known, it was last heard at "
            f"{_heard(judgement)}"
        ),
        Ground.SITE_UNTOLD: lambda: f"{excuse}; {site} is down, of which nobody could be told",
        Ground.SITE_DOWN_TOO_LONG: lambda: (
            f"{excuse}; {site} has been down since {_down_since(judgement)}, too long to wait"
        ),
        Ground.OWN_OUTAGE_TOO_LONG: lambda: (
            f"{excuse}; gocron has heard nobody since {_since(judgement)}, too long to wait"
        ),
        Ground.SITE_ASKED: lambda: (
            f"nothing was heard from {site} since {_heard(judgement)}: until {until} it may "
            "be that the site is down"
        ),
        Ground.SITE_DOWN: lambda: f"{site} is down since {_down_since(judgement)}",
        Ground.SITE_WAS_DOWN: lambda: (
            f"its run fell in an outage of {site}{_span(judgement)}; expected again by {until}"
        ),
        Ground.OWN_OUTAGE: lambda: f"gocron can't be reached since {_since(judgement)}",
        Ground.WAS_OWN_OUTAGE: lambda: (
            f"its run fell in an outage of gocron's own{_span(judgement)}; expected again by "
            f"{until}"
        ),
    }[judgement.ground]()


def say_verdict(job: Job, judgement: Judgement) -> str:
    """Return what a sweep does with `job`, which is judged so."""
    runs = _say_runs(job)
    silence = _say_silence(judgement)
    if not runs:
        return silence
    return runs if silence.startswith(_NOTHING) else f"{silence}, and {runs}"


def _say_runs(job: Job) -> str:
    """Return what a sweep has to tell of a job's runs, "" where that is nothing new."""
    failed = f"tell that it {say_failure(job.exit_status)}" if job.failed_at is not None else ""
    works = "tell that it works again" if job.worked_at is not None else ""
    return " and ".join(filter(None, (failed, works)))


def _say_silence(judgement: Judgement) -> str:
    until = say_time(judgement.until or 0)
    return {
        Status.UP: f"{_NOTHING}, it is in time",
        Status.UNHEARD: f"{_NOTHING}, it is in time",
        Status.FAILING: f"{_NOTHING} new until a run of it works, but deliver what waits",
        Status.LATE: f"{_NOTHING}, it is late but has its grace",
        Status.HELD: f"hold it, until {until} at most",
        Status.SUPPRESSED: f"suppress it, until {until} at most",
        Status.EXCUSED: f"excuse it until {until}",
        Status.MISSING: f"{_NOTHING} new until it checks in, but deliver what waits",
        Status.BACK: "tell that it is back",
        Status.OVERDUE: "tell that it is missing",
        Status.UNKNOWN: f"{_NOTHING}, it is left to the later gocron",
    }[Status.OVERDUE if judgement.is_to_be_told else judgement.status]


def site_remarks(report: SiteReport, back: bool) -> tuple[tuple[str, str], ...]:
    """Return what news of a gateway, that it is missing or `back`, means for its site."""
    if not report.behind:
        return ()
    jobs = count(report.behind, "job")
    if not report.silences:
        if back:
            return ()
        return (("behind it", f"{jobs}; others were heard, so the site is reachable"),)
    if not back:
        heard = say_time(report.silences[-1][0])
        return (
            ("behind it", f"{jobs}, not told of while nothing is heard from there"),
            ("heard last", f"{heard}, from the site or a job behind it"),
        )
    remarks = [("site was silent", "; ".join(_say_span(*one) for one in report.silences))]
    remarks.append(("behind it", jobs))
    for label, some in (
        ("back", report.back),
        ("run fell in it, waited for", report.fell),
        ("still missing", report.missing),
    ):
        if some.count:
            remarks.append((label, _say_names(some)))
    return tuple(remarks)


def _say_names(some: Named) -> str:
    names = [cut(shown(name), _NAME_LIMIT) for name in some.names]
    if some.count > len(names):
        names.append(f"and {some.count - len(names):,} more")
    return f"{some.count:,}: {', '.join(names)}"


def _say_span(began_at: int, ended_at: int | None) -> str:
    if ended_at is None:
        return f"since {say_time(began_at)}"
    return f"{say_time(began_at)} to {say_time(ended_at)} ({say_duration(ended_at - began_at)})"


def _say_site(site: Site | None) -> str:
    if site is None:
        return "its site"
    names = [cut(shown(gateway.cronname), _NAME_LIMIT) for gateway in site.gateways]
    return f"the site {' or '.join(names)}"


def _say_excuse(job: Job, judgement: Judgement) -> str:
    """Return by when it was to check in, and why then."""
    said = f"no check-in by {say_time(job.due_at)}"
    if judgement.excuse is None:
        return said
    outage = judgement.excuse.outage
    whose = "an outage" if outage is None or outage.site_id else "an outage of gocron's own"
    return f"{said}, nor by {say_time(judgement.excuse.until)} after {whose}"


def _heard(judgement: Judgement) -> str:
    return say_time(judgement.site.heard_at if judgement.site is not None else 0)


def _down_since(judgement: Judgement) -> str:
    site = judgement.site
    return say_time((site.down_since if site is not None else None) or 0)


def _since(judgement: Judgement) -> str:
    return say_time(judgement.outage.began_at if judgement.outage is not None else 0)


def _span(judgement: Judgement) -> str:
    outage: Outage | None = judgement.outage
    return "" if outage is None else f", {_say_span(outage.began_at, outage.ended_at)}"
