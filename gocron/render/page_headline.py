"""What the index says in one line, now and once it is out of date, and in the browser's tab."""

from dataclasses import dataclass

from gocron.core.job import Totals
from gocron.render.wording import count


@dataclass(frozen=True)
class Headline:
    """One line without a full stop; `tone` is missing, waiting, well, or "" where no job is known.

    `stale` says the same of the last sweep, for a page that is out of date.
    """

    tone: str
    text: str
    stale: str
    title: str


def page_headline(totals: Totals, spared: int) -> Headline:
    """Return what the index says of all jobs, `spared` of which are overdue and not told of."""
    missing, failing = totals.missing, totals.failing
    if missing or failing:
        return Headline(
            "missing",
            _both(missing, failing, ("is missing", "are missing"), ("fails", "fail")),
            _both(missing, failing, ("was missing", "were missing"), ("failed", "failed")),
            say_wrong(missing, failing),
        )
    if spared:
        jobs, (now, then) = count(spared, "job"), _be(spared)
        return Headline(
            "waiting", f"{jobs} {now} overdue", f"{jobs} {then} overdue", "Nothing missing"
        )
    if totals.jobs:
        return Headline("well", "Nothing is missing", "Nothing was missing", "Nothing missing")
    return Headline("", "No job yet", "No job yet", "No job yet")


def say_wrong(missing: int, failing: int) -> str:
    """Return how many jobs are missing and how many fail, in few words; "" where all is well."""
    parts = (f"{missing:,} missing" if missing else "", f"{failing:,} failing" if failing else "")
    return ", ".join(filter(None, parts))


def _both(missing: int, failing: int, are: tuple[str, str], fail: tuple[str, str]) -> str:
    parts = [f"{count(missing, 'job')} {are[missing != 1]}"] if missing else []
    if failing:
        jobs = f"{failing:,}" if parts else count(failing, "job")
        parts.append(f"{jobs} {fail[failing != 1]}")
    return ", ".join(parts)


def _be(number: int) -> tuple[str, str]:
    return ("is", "was") if number == 1 else ("are", "were")
