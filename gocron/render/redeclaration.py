"""How people read that a job declares itself otherwise: what changed, and how to put it back."""

from collections.abc import Callable, Sequence
from shlex import quote

from gocron.core.duration import say_duration
from gocron.core.redeclaration import (
    Declaration,
    Redeclaration,
    may_be_silent_longer,
    moved,
    speaks_for_a_site,
)
from gocron.render.wording import count, name_of, shown


def redeclared_headline(
    told: Sequence[Redeclaration], called: Callable[[Redeclaration], str] | None = None
) -> str:
    """Return what the redeclarations tell in one line; `called` says how a job is named in it."""
    if len(told) == 1:
        return f"{(called or redeclared_name)(told[0])} was declared anew"
    return f"{count(len(told), 'job')} were declared anew"


def redeclared_name(one: Redeclaration) -> str:
    """Return the job with its account, `backup (web-01)`."""
    return name_of(one.account, one.cronname)


def changes(one: Redeclaration) -> list[tuple[str, str]]:
    """Return what changed, as (label, text): only what can cost an alert."""
    before, after = one.before, one.after
    found = []
    if moved(before, after):
        found.append(("email", f"{_email(after)}, before: {_email(before)}"))
    if may_be_silent_longer(before, after):
        found.append(("runs every", f"{_schedule(after)}, before: {_schedule(before)}"))
    if speaks_for_a_site(before, after):
        text = "yes, before: no; while it is silent, jobs behind it are not told of"
        found.append(("site", text))
    return found


def undo(one: Redeclaration) -> str:
    """Return the command that puts the job back."""
    before = one.before
    words = ["gocron", "jobs", "add", shown(one.account), shown(one.cronname)]
    words += ["--email", shown(before.email), "--frequency", str(before.frequency_s)]
    words += ["--grace", str(before.grace_s), "--site", str(int(before.site))]
    return " ".join(quote(word) for word in words)


def _email(declared: Declaration) -> str:
    return shown(declared.email) if declared.email.strip() else "nobody"


def _schedule(declared: Declaration) -> str:
    grace = f" + {say_duration(declared.grace_s)} grace" if declared.grace_s else ""
    return say_duration(declared.frequency_s) + grace
