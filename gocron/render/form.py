"""In which form news is told: whole, or with less in it where a receiver objects."""

from enum import Enum

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
            "gocron jobs list --missing",
        ]
    )
    return [
        f"{nameless_headline(digest)}.",
        *told,
        "",
        "A message with the name in it could not be sent, so this one has none.",
        *where,
    ]
