"""In which form news is told: whole, or with less in it where a receiver objects."""

from enum import Enum
from shlex import quote

from gocron.core.news import Digest
from gocron.render.redeclaration import redeclared_headline
from gocron.render.wording import count, headline, shown


class Form(Enum):
    """How much a message tells; each later form holds less that a receiver may object to."""

    WHOLE = "as it should be"
    PLAIN = "in plain text, without links"
    BRIEF = "in brief"
    ACCOUNTS = "without the name of any job"
    BARE = "without any name"

    @property
    def is_nameless(self) -> bool:
        """Whether it names no job."""
        return self in (Form.ACCOUNTS, Form.BARE)


def nameless_headline(digest: Digest) -> str:
    """Return what `digest` tells, in numbers only."""
    if digest.redeclarations:
        return redeclared_headline(digest.redeclarations, lambda _: "1 job")
    return headline(digest.in_order, lambda _: "1 job")


def next_step(digest: Digest) -> str:
    """Return the one command to go on with where `digest` tells of what is wrong, else ""."""
    wrong = digest.missing + digest.failed
    names = dict.fromkeys(item.name for item in wrong)
    if len(names) == 1 and not digest.unnamed.intersection(names):
        return " ".join(["gocron", "explain", *(quote(shown(name)) for name in wrong[0].name)])
    return list_command(digest) if wrong else ""


def list_command(digest: Digest) -> str:
    """Return the command that lists what `digest` tells of, where it may name no job."""
    flags = [("--missing", digest.missing), ("--failing", digest.failed)]
    wanted = [flag for flag, news in flags if news] or ["--missing"]
    return " ".join(["gocron jobs list", *wanted])


def nameless_lines(digest: Digest, form: Form) -> list[str]:
    """Return what `digest` tells where no job may be named, and where its name can be found."""
    accounts = list(dict.fromkeys(account for account, _ in digest.jobs))
    if form is Form.ACCOUNTS:
        first = [f"account: {shown(name)}" for name in accounts[:10]]
        more = [f"and {count(len(accounts) - 10, 'account')} more"] if accounts[10:] else []
        told = ["", *first, *more]
    else:
        told = []
    where = (
        [
            "What the sweep complained of shows it. Then, on the host of gocron:",
            "",
            "gocron explain",
        ]
        if digest.redeclarations
        else [
            "The status page shows it, and on the host of gocron:",
            "",
            list_command(digest),
        ]
    )
    return [
        f"{nameless_headline(digest)}.",
        *told,
        "",
        "A message with the name in it could not be sent, so this one has none.",
        *where,
    ]
