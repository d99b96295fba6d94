"""In which form news is told: whole, or with less in it where a receiver objects."""

from collections.abc import Sequence
from enum import Enum

from gocron.core.job import News
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


def nameless_headline(news: Sequence[News]) -> str:
    """Return what `news` tells, in numbers only."""
    return headline(news, lambda _: "1 job")


def nameless_lines(news: Sequence[News], form: Form) -> list[str]:
    """Return what `news` tells where no job may be named, and where its name can be found."""
    accounts = list(dict.fromkeys(item.episode.job.account for item in news))
    if form is Form.ACCOUNTS:
        first = [f"account: {shown(name)}" for name in accounts[:10]]
        more = [f"and {count(len(accounts) - 10, 'account')} more"] if accounts[10:] else []
        told = ["", *first, *more]
    else:
        told = []
    return [
        f"{nameless_headline(news)}.",
        *told,
        "",
        "A message with the name in it could not be sent, so this one has none.",
        "The status page shows it, and on the host of gocron:",
        "",
        "gocron jobs list --missing",
    ]
