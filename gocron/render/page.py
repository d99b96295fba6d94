"""The status page: index, one page an account, the list of accounts, and their age."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from gocron.core.duration import say_duration
from gocron.core.health import STALE_INTERVALS, stale_at
from gocron.core.job import Account, Job, Status, Totals
from gocron.core.news import Undelivered
from gocron.core.outage import OwnOutage
from gocron.render.crontab import SAMPLE, check_in
from gocron.render.moment import iso, say_time
from gocron.render.page_headline import page_headline, say_wrong
from gocron.render.rows import RowView, row_view
from gocron.render.templates import Templates
from gocron.render.wording import count, cut, say_attempts, say_channel, shown

# Where check-ins go in examples of somebody of whom nothing better is known.
CHECK_IN_URL = "http://gocron.example.com:8080/"

_REFRESH_LEAST_S = 15
_SLUG_LIMIT = 40
# 128 bits: nobody finds two names with one file, or another name for a file that is there.
_DIGEST_DIGITS = 32
_ERROR_LIMIT = 300


@dataclass(frozen=True)
class Row:
    """One job as a line of the page, with how it stood when the page was written.

    `notes` are what was odd about it then.
    """

    job: Job
    status: Status
    notes: tuple[str, ...] = ()

    @cached_property
    def view(self) -> RowView:
        """The row ready to show."""
        return row_view(self.job, self.status, self.notes)


@dataclass(frozen=True)
class Group:
    """One account on the index; `rows` is None where they are too many to list there."""

    account: Account
    rows: tuple[Row, ...] | None


@dataclass(frozen=True)
class IndexPage:
    """What the index shows. `missing` and `failing` go from the longest to the shortest.

    `accounts_elsewhere` says that the groups are empty because there are too many accounts:
    accounts.html lists them. `spared` are the first of `spared_count` overdue jobs that are not
    told of.
    """

    written_at: int
    interval_s: int
    version: str
    totals: Totals
    missing: tuple[Row, ...]
    missing_left_out: int
    groups: tuple[Group, ...]
    accounts_elsewhere: bool
    undelivered: tuple[Undelivered, ...]
    spared: tuple[Row, ...] = ()
    spared_count: int = 0
    own_outages: tuple[OwnOutage, ...] = ()
    check_in_url: str = CHECK_IN_URL
    failing: tuple[Row, ...] = ()


@dataclass(frozen=True)
class AccountPage:
    """What the page of one account shows."""

    written_at: int
    interval_s: int
    version: str
    account: Account
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class AccountsPage:
    """What the list of all accounts shows."""

    written_at: int
    interval_s: int
    version: str
    accounts: tuple[Account, ...]


@dataclass(frozen=True)
class Moment:
    """One moment for `<time>`: for programs and for people."""

    iso: str
    text: str


@dataclass(frozen=True)
class AccountView:
    """One account, ready to show; `file` is its page as the index links to it."""

    name: str
    file: str
    jobs: int
    missing: int
    failing: int
    wrong: str
    tally: str
    changed: Moment


def account_file(name: str) -> str:
    """Return the file of the account `name`: `account/web-01-` and 32 digits.

    Safe for any name on any file system, and another one for another name.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower())[:_SLUG_LIMIT].strip("-")
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_DIGITS]
    return f"account/{slug}-{digest}.html" if slug else f"account/{digest}.html"


def age_script(swept_at: int, interval_s: int) -> str:
    """Return age.js, by which open pages learn of the sweep that ended at `swept_at`."""
    return f"self.gocronAge={{swept:{swept_at:d},interval:{interval_s:d}}};\n"


def swept_at_of(age: str) -> int | None:
    """Return when the sweep ended that `age_script` tells of, None where `age` is no such text."""
    told = re.fullmatch(r"self\.gocronAge=\{swept:(\d{1,18}),.*\};\s*", age, re.ASCII)
    return int(told[1]) if told else None


def index_html(templates: Templates, page: IndexPage) -> str:
    """Return index.html; raises PageError where a template doesn't work."""
    return templates.html(
        "index",
        **_frame(page, root="", wrong=page.totals.missing + page.totals.failing),
        headline=page_headline(page.totals, page.spared_count),
        totals=page.totals,
        swept=None if page.totals.swept_at is None else moment(page.totals.swept_at),
        missing=_linked(page.missing),
        missing_left_out=page.missing_left_out,
        failing=_linked(page.failing),
        failing_left_out=max(page.totals.failing - len(page.failing), 0),
        groups=[(account_view(group.account), _views(group.rows)) for group in page.groups],
        accounts_elsewhere=page.accounts_elsewhere,
        undelivered=[_undelivered(item) for item in page.undelivered],
        spared=_linked(page.spared),
        spared_count=page.spared_count,
        own_outages=[_own_outage(item) for item in page.own_outages],
        check_in=check_in(shown(page.check_in_url), SAMPLE),
    )


def account_html(templates: Templates, page: AccountPage) -> str:
    """Return the page of one account; raises PageError where a template doesn't work."""
    return templates.html(
        "account",
        **_frame(page, root="../", wrong=page.account.missing + page.account.failing),
        account=account_view(page.account),
        rows=_views(page.rows),
    )


def accounts_html(templates: Templates, page: AccountsPage) -> str:
    """Return accounts.html; raises PageError where a template doesn't work."""
    return templates.html(
        "accounts",
        **_frame(page, root="", wrong=sum(one.missing + one.failing for one in page.accounts)),
        accounts=[account_view(account) for account in page.accounts],
    )


def moment(at: int) -> Moment:
    """Return `at` (epoch seconds) as `<time>` needs it."""
    return Moment(iso(at), say_time(at))


def account_view(account: Account) -> AccountView:
    """Return `account` ready to show."""
    wrong = say_wrong(account.missing, account.failing)
    return AccountView(
        name=shown(account.name),
        file=account_file(account.name),
        jobs=account.jobs,
        missing=account.missing,
        failing=account.failing,
        wrong=wrong,
        tally=", ".join(filter(None, (count(account.jobs, "job"), wrong))),
        changed=moment(account.changed_at),
    )


def _linked(rows: Iterable[Row]) -> list[tuple[RowView, tuple[str, str]]]:
    """Return each row with what its account is shown as, and that account's file."""
    return [(row.view, (shown(row.job.account), account_file(row.job.account))) for row in rows]


def _views(rows: tuple[Row, ...] | None) -> list[RowView] | None:
    return None if rows is None else [row.view for row in rows]


def _frame(
    page: IndexPage | AccountPage | AccountsPage, root: str, wrong: int
) -> dict[str, object]:
    """Return what the layout of every page needs; `root` leads to the index's folder.

    `wrong` is how many jobs of the page are missing or fail.
    """
    return {
        "root": root,
        "any_missing": wrong > 0,
        "written_at": page.written_at,
        "written": moment(page.written_at),
        "stale": moment(stale_at(page.written_at, page.interval_s)),
        "interval_s": page.interval_s,
        "refresh_s": max(page.interval_s, _REFRESH_LEAST_S),
        "stale_intervals": STALE_INTERVALS,
        "version": page.version,
        "count": count,
    }


def _own_outage(item: OwnOutage) -> dict[str, object]:
    outage = item.outage
    return {
        "began": moment(outage.began_at),
        "ended": None if outage.ended_at is None else moment(outage.ended_at),
        "lasted": (
            "" if outage.ended_at is None else say_duration(outage.ended_at - outage.began_at)
        ),
        "kept": outage.journalled,
        "excused": count(item.excused, "job") if item.excused else "",
    }


def _undelivered(item: Undelivered) -> dict[str, object]:
    return {
        "what": count(item.count, "piece of news", "pieces of news"),
        "by": say_channel(item.channel),
        "later": shown(item.later_kind) if item.later_kind else "",
        "recipient": shown(item.recipient) if item.recipient else "",
        "attempts": say_attempts(item.attempts),
        "since": moment(item.queued_at),
        "next_try": moment(item.next_try_at),
        "given_up": None if item.given_up_at is None else moment(item.given_up_at),
        "error": cut(shown(item.last_error), _ERROR_LIMIT) if item.last_error else "",
    }
