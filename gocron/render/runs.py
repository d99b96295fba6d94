"""How a job's runs went, as `gocron jobs show` and `gocron explain` tell it."""

from collections.abc import Sequence

from gocron.core.duration import say_duration
from gocron.core.job import Job
from gocron.core.recent import Heard, usual_and_slowest_s
from gocron.core.signal import FAIL, OK, START
from gocron.render.moment import say_time
from gocron.render.wording import say_failure, say_last_ok

# One letter for each check-in: plain ones, which every terminal and every mail shows.
_MARKS = {OK: ".", FAIL: "x", START: ">"}
_LEGEND = "newest last; . worked, x failed, > began"


def run_facts(job: Job, heard: Sequence[Heard]) -> list[tuple[str, str]]:
    """Return what is known of the runs of `job`, as (label, text); `heard` has the newest first."""
    facts = [("last ok", say_last_ok(job))]
    if job.started_at is not None:
        facts.append(("runs since", say_time(job.started_at)))
    last = next((one for one in heard if one.kind in (OK, FAIL)), None)
    if last is not None:
        facts.append(("last run", _say_run(job, last)))
    if job.failures > 1:
        facts.append(("failures", f"{job.failures:,} in a row"))
    usual_s, slowest_s, number = usual_and_slowest_s(heard)
    if number > 1:
        facts.append(("takes usually", f"{say_duration(usual_s)}, the median of {number} runs"))
        facts.append(("slowest", say_duration(slowest_s)))
    if heard:
        marks = "".join(_MARKS.get(one.kind, "?") for one in reversed(heard))
        facts.append(("check-ins", f"{marks}  ({_LEGEND})"))
    return facts


def _say_run(job: Job, last: Heard) -> str:
    how = say_failure(job.exit_status) if last.kind == FAIL else "worked"
    return how if last.duration_s is None else f"{how}, took {say_duration(last.duration_s)}"
