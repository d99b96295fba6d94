"""Jobs as a terminal shows them: a table, one job in full, JSON."""

import json
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from gocron.core.duration import say_duration
from gocron.core.job import Job, Status
from gocron.core.judge import standing
from gocron.core.news import Undelivered
from gocron.core.recent import Heard
from gocron.core.signal import Output
from gocron.core.slots import in_words
from gocron.render.moment import iso, say_time
from gocron.render.runs import run_facts
from gocron.render.wording import STATES, say_channel, say_often, say_recipient

HEADINGS = ("ACCOUNT", "CRONNAME", "STATE", "LAST HEARD", "DUE", "FREQUENCY", "EMAIL")
OUTBOX_HEADINGS = ("RECIPIENT", "BY", "NEWS", "STATE", "AGE", "TRIED", "NEXT TRY", "REASON")


def can_be_shown(jobs: Iterable[Job], now: int) -> None:
    """Raise what keeps one of the jobs from being shown."""
    for job in jobs:
        _row(job, now)


def table(jobs: Iterable[Job], now: int) -> str:
    """Return one line a job under headings; columns as wide as they must be."""
    rows = [_row(job, now) for job in jobs]
    return _aligned([HEADINGS, *rows]) if rows else "no jobs"


def outbox_table(found: Iterable[Undelivered], now: int) -> str:
    """Return one line for each recipient and reason under headings."""
    rows = [_outbox_row(one, now) for one in found]
    return _aligned([OUTBOX_HEADINGS, *rows]) if rows else "nothing waits, and nothing was given up"


def outbox_json(found: Iterable[Undelivered]) -> str:
    """Return a JSON array of the same; times are ISO 8601."""
    return json.dumps([_outbox_record(one) for one in found], indent=2)


def say_unresolved(unresolved: Sequence[Undelivered]) -> str:
    """Return in one line what was given up and is unresolved, the newest by name."""
    newest = unresolved[-1]
    to = newest.recipient or "nobody"
    return (
        f"{sum(one.count for one in unresolved)} news given up, the last to {to}: "
        f"{newest.last_error}; see `gocron outbox list`"
    )


def details(job: Job, heard: Sequence[Heard], now: int) -> str:
    """Return all that is known of one job, a line each; `heard` are its last check-ins."""
    told = {
        "account": job.account,
        "cronname": job.cronname,
        "state": _standing(job, now),
        "email": job.email,
        **_often(job),
        "grace": say_duration(job.grace_s),
        "site": "yes" if job.site else "no",
        "gateway": job.gateway or "none",
        "address": job.address or "none yet",
        "before": ", ".join(job.former_addresses) or "none",
        "last heard": _last_seen(job),
        **dict(run_facts(job, heard)),
        "due": say_time(job.due_at),
        "known since": say_time(job.created_at),
    }
    if job.missed_at is not None:
        told["missing since"] = say_time(job.missed_at)
    if job.failing_since is not None:
        told["failing since"] = say_time(job.failing_since)
    return "\n".join(f"{name + ':':15}{printable(value)}" for name, value in told.items())


def _often(job: Job) -> dict[str, str]:
    if job.schedule is None:
        return {"frequency": say_often(job)}
    return {"schedule": say_often(job), "in words": in_words(job.schedule)}


def output_lines(kept: Output | None) -> str:
    """Return what the last run printed, and the last one that failed, fit for a terminal."""
    if kept is None:
        return "no run has sent what it printed"
    failed = f"what a run printed that failed {say_time(kept.failed_at or 0)}:"
    if kept.failed_at == kept.printed_at:
        return f"{failed}\n{_printed(kept.failed)}"
    last = f"what the last run printed, {say_time(kept.printed_at)}:\n{_printed(kept.printed)}"
    return last if kept.failed_at is None else f"{last}\n\n{failed}\n{_printed(kept.failed)}"


def output_record(kept: Output | None) -> dict[str, Any]:
    """Return the same for a program; times are ISO 8601."""
    if kept is None:
        return {"output": None}
    return {
        "output": {
            "printed_at": iso(kept.printed_at),
            "printed": kept.printed,
            "failed_at": None if kept.failed_at is None else iso(kept.failed_at),
            "failed": kept.failed if kept.failed_at is not None else None,
        }
    }


def _printed(text: str) -> str:
    """Return the lines of `text`, each apart from what gocron itself says."""
    lines = (printable(line.expandtabs().rstrip()) for line in text.rstrip().split("\n"))
    return "\n".join(f"    {line}".rstrip() for line in lines)


def as_json(jobs: Iterable[Job], now: int, **more: Any) -> str:
    """Return a JSON array of the jobs, each with what is told `more`.

    Times are ISO 8601, lengths seconds.
    """
    return json.dumps([_record(job, now) | more for job in jobs], indent=2)


def _record(job: Job, now: int) -> dict[str, Any]:
    return {
        "account": job.account,
        "cronname": job.cronname,
        "state": STATES[standing(job, now)],
        "email": job.email,
        "frequency": job.frequency_s,
        "schedule": None if job.schedule is None else job.schedule.expression,
        "tz": None if job.schedule is None else job.schedule.zone,
        "grace": job.grace_s,
        "site": job.site,
        "gateway": job.gateway or None,
        "address": job.address or None,
        "last_seen": iso(job.last_seen_at) if job.was_heard else None,
        "due": iso(job.due_at),
        "missing_since": None if job.missed_at is None else iso(job.missed_at),
        "last_ok": iso(job.last_ok_at) if job.last_ok_at else None,
        "failing_since": None if job.failing_since is None else iso(job.failing_since),
        "failures": job.failures,
        "exit_status": job.exit_status or None if job.failing_since is not None else None,
    }


def _row(job: Job, now: int) -> tuple[str, ...]:
    return (
        printable(job.account),
        printable(job.cronname),
        _standing(job, now),
        _last_seen(job),
        say_time(job.due_at),
        printable(say_often(job)),
        printable(job.email),
    )


def _standing(job: Job, now: int) -> str:
    """Return how a job stands, and that it fails where that isn't all that is wrong with it."""
    stands = standing(job, now)
    is_both = job.failing_since is not None and stands is not Status.FAILING
    return f"{STATES[stands]}, {STATES[Status.FAILING]}" if is_both else STATES[stands]


def _state(one: Undelivered) -> str:
    if one.given_up_at is not None:
        return "given up"
    if one.later_kind:
        return "left to a later gocron"
    return "tried" if one.attempts else "waiting"


def _outbox_row(one: Undelivered, now: int) -> tuple[str, ...]:
    kind = f" {printable(one.later_kind)}" if one.later_kind else ""
    return (
        printable(say_recipient(one.channel, one.recipient)),
        printable(say_channel(one.channel)),
        f"{one.count:,}{kind}",
        _state(one),
        say_duration(max(now - one.queued_at, 0)),
        f"{one.attempts:,}",
        say_time(one.next_try_at) if one.given_up_at is None else "never",
        printable(one.last_error) or ("a sweep took it" if one.attempts else "not tried yet"),
    )


def _outbox_record(one: Undelivered) -> dict[str, Any]:
    return {
        "recipient": one.recipient or None,
        "channel": one.channel,
        "kind": one.later_kind or None,
        "news": one.count,
        "state": _state(one),
        "queued": iso(one.queued_at),
        "attempts": one.attempts,
        "next_try": iso(one.next_try_at) if one.given_up_at is None else None,
        "given_up": None if one.given_up_at is None else iso(one.given_up_at),
        "reason": one.last_error or None,
    }


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(cells(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(_line(row, widths) for row in rows)


def _last_seen(job: Job) -> str:
    return say_time(job.last_seen_at) if job.was_heard else "never"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - cells(cell)) for cell, width in zip(row, widths, strict=True))
    return "  ".join(padded).rstrip()


def printable(text: str) -> str:
    """Return `text` without what could steer a terminal, or be drawn over what stands before it."""
    text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    if text.isascii():
        return text
    # A mark on no letter gets a letter of its own.
    return "".join(
        f"\N{DOTTED CIRCLE}{char}" if _is_mark(char) and not _bears_marks(before) else char
        for before, char in zip(f" {text}", text, strict=False)
    )


def cells(text: str) -> int:
    """Return how wide `text` is on a terminal: letters of East Asia take two cells, marks none."""
    if text.isascii():
        return len(text)
    return sum(_cells_of(char) for char in text)


def _cells_of(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me") or "\u1160" <= char <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _bears_marks(char: str) -> bool:
    return unicodedata.category(char)[0] in "LMNS"


def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] == "M"
