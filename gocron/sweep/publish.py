"""The status page as files: what changed is written again, the rest in turn.

Each file is written beside its place and renamed into it. Which accounts this host has
published up to when stands in a file of the folder, so that each host keeps its own page.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

from gocron import __version__
from gocron.core.job import Account, Job, Totals
from gocron.core.judge import standing
from gocron.core.odd import notes
from gocron.render.page import (
    CHECK_IN_URL,
    AccountPage,
    AccountsPage,
    Group,
    IndexPage,
    Row,
    account_file,
    account_html,
    accounts_html,
    age_script,
    index_html,
)
from gocron.render.templates import Templates
from gocron.render.wording import full_name, shown
from gocron.store import counts, deliveries, failing, jobs, outages
from gocron.store.database import Store
from gocron.sweep.bulkhead import Bulkheads
from gocron.sweep.page_files import as_page_error, make_folders, tidy, write

PROGRESS_FILE = ".published.json"
NAMING = 2

# Up to so many jobs the index lists them itself; up to so many accounts it lists these.
INDEX_JOBS = 500
INDEX_ACCOUNTS = 200
INDEX_MISSING = 500
INDEX_UNDELIVERED = 50
INDEX_SPARED = 200
INDEX_OUTAGES = 5
OUTAGES_SHOWN_S = 7 * 86_400

# So many jobs are rendered anew each sweep though nothing but their last check-in changed.
ROWS_IN_TURN = 1000
# So many jobs of accounts that changed are rendered in one sweep; more have to wait for the
# next. The index tells at once what is missing.
ROWS_CHANGED = 20_000

# A count that another sweep is folding in at this moment carries an earlier time: it is looked for
# this far back.
LOOK_BACK_S = 120


@dataclass(frozen=True)
class Progress:
    """How far this host's page is: changes up to `published_at`, refreshed up to `cursor`.

    `recent` holds what was last published, (changed_at, jobs, missing), of accounts that
    changed about then. `debt` are rows rendered beyond the share of past sweeps, by an
    account that is larger. `naming` says how the files of accounts are called: a version that
    calls them otherwise writes all of them anew. `again` are accounts whose page could not be
    written.
    """

    published_at: int = 0
    recent: dict[str, list[int]] = field(default_factory=dict)
    cursor: str = ""
    debt: int = 0
    naming: int = 0
    again: list[str] = field(default_factory=list)


def write_pages(press: "Press") -> None:
    """Bring the status page up to date.

    A file that can't be written keeps no other from being written, and is tried again by the next
    sweep. Raises PageError where nothing can be written.
    """
    store, folder, now = press.store, press.folder, press.now
    with as_page_error(folder):
        make_folders(folder)
        tidy(folder)
        progress = _read_progress(folder)
        is_anew = not progress.published_at
        again = counts.named(store, progress.again)
        changed, progress = _next_changed(store, progress, now)
        turn, progress = _next_turn(store, progress)
        wanted = {account.name: account for account in [*again, *changed, *turn]}
        unwritten = [
            account.name for account in wanted.values() if not press.wrote_account(account)
        ]
        press.index(accounts_changed=bool(changed))
        if is_anew:
            press.remove_other_accounts(changed)
        press.progress(replace(progress, again=unwritten))


@dataclass(frozen=True)
class Press:
    """Writes the files of one page in `folder` at one moment.

    The page of a gocron without jobs shows how to check in at `check_in_url`.
    """

    store: Store
    folder: Path
    templates: Templates
    interval_s: int
    now: int
    bulkheads: Bulkheads
    check_in_url: str = CHECK_IN_URL

    @cached_property
    def _swept_at(self) -> int:
        """When the last whole sweep was, by which the page tells its age.

        One of which a step failed is none.
        """
        return self.now if self.bulkheads.is_whole else counts.totals(self.store).swept_at or 0

    @cached_property
    def _failing(self) -> Counter[str]:
        return failing.count_by_account(self.store)

    def wrote_account(self, account: Account) -> bool:
        """Write the page of `account`, or remove it with its last job; tell whether that went."""
        return self._wrote(f"the page of {shown(account.name)}", lambda: self._account(account))

    def index(self, accounts_changed: bool) -> None:
        """Write the index and what all pages share, the index last."""
        totals = counts.totals(self.store)
        if totals.accounts <= INDEX_ACCOUNTS:
            accounts_file = self.folder / "accounts.html"
            self._wrote(accounts_file.name, lambda: accounts_file.unlink(missing_ok=True))
        elif accounts_changed:
            self._wrote("accounts.html", self._accounts)
        for name in ("style.css", "page.js"):
            self._wrote(name, partial(self._asset, name))
        age = age_script(self._swept_at, self.interval_s)
        self._wrote("age.js", lambda: write(self.folder / "age.js", age))
        self._wrote("index.html", lambda: self._index(totals))

    def remove_other_accounts(self, every: Iterable[Account]) -> None:
        """Remove pages of accounts that are none, or are called otherwise by now.

        The database may be another one than the page was written from.
        """
        ours = {self.folder / account_file(account.name) for account in every}
        for path in self.folder.glob("account/*.html"):
            if path not in ours:
                self._wrote(path.name, partial(path.unlink, missing_ok=True))

    def progress(self, progress: Progress) -> None:
        """Keep how far the page is."""
        told = json.dumps(asdict(progress))
        self._wrote("its progress", lambda: write(self.folder / PROGRESS_FILE, told))

    def _wrote(self, what: str, put: Callable[[], None]) -> bool:
        def work(_: Sequence[str]) -> None:
            with as_page_error(self.folder):
                put()

        return not self.bulkheads.each("writing", [what], work, str, "each sweep tries again")

    def _account(self, account: Account) -> None:
        path = self.folder / account_file(account.name)
        if account.jobs <= 0:
            path.unlink(missing_ok=True)
            return
        rows = self._rows(jobs.every_job(self.store, account=account.name))
        # Its content's age, not this sweep's: what did not change is not written again.
        as_of = max([account.changed_at, *(row.job.last_seen_at for row in rows)])
        page = AccountPage(as_of, self.interval_s, __version__, self._counted(account), rows)
        write(path, account_html(self.templates, page))

    def _asset(self, name: str) -> None:
        write(self.folder / name, self.templates.asset(name))

    def _index(self, totals: Totals) -> None:
        many = totals.accounts > INDEX_ACCOUNTS
        missing = jobs.longest_silent(self.store, INDEX_MISSING)
        spared, spared_count = jobs.spared(self.store, INDEX_SPARED)
        page = IndexPage(
            written_at=self._swept_at,
            interval_s=self.interval_s,
            version=__version__,
            totals=replace(totals, swept_at=self._swept_at, failing=self._failing.total()),
            failing=self._rows(failing.failing_longest(self.store, INDEX_MISSING)),
            missing=self._rows(missing),
            missing_left_out=max(totals.missing - len(missing), 0),
            groups=() if many else self._groups(inline=totals.jobs <= INDEX_JOBS),
            accounts_elsewhere=many,
            undelivered=tuple(
                deliveries.undelivered(self.store, self.now, self.interval_s)[:INDEX_UNDELIVERED]
            ),
            spared=self._rows(spared),
            spared_count=spared_count,
            own_outages=tuple(
                outages.newest_own(self.store, self.now - OUTAGES_SHOWN_S, INDEX_OUTAGES)
            ),
            check_in_url=self.check_in_url,
        )
        write(self.folder / "index.html", index_html(self.templates, page))

    def _accounts(self) -> None:
        every = tuple(map(self._counted, counts.in_turn(self.store, "")))
        page = AccountsPage(self.now, self.interval_s, __version__, every)
        write(self.folder / "accounts.html", accounts_html(self.templates, page))

    def _groups(self, inline: bool) -> tuple[Group, ...]:
        return tuple(
            Group(
                self._counted(account),
                self._rows(jobs.every_job(self.store, account=account.name)) if inline else None,
            )
            for account in counts.in_turn(self.store, "", INDEX_ACCOUNTS)
        )

    def _counted(self, account: Account) -> Account:
        """Return `account` with how many of its jobs fail."""
        return replace(account, failing=self._failing[account.name])

    def _rows(self, some: Iterable[Job]) -> tuple[Row, ...]:
        """Return the jobs as rows; one that can't be shown is left out, and told of."""
        rows: dict[int, Row] = {}

        def show(some: Sequence[Job]) -> None:
            for job in some:
                noted = tuple(notes(job, self.interval_s, self.now))
                rows[job.id] = row = Row(job, standing(job, self.now), noted)
                # Made here, where one that can't be made is one row and not the page.
                _ = row.view

        bad = self.bulkheads.each(
            "showing", list(some), show, full_name, "the page is written without it"
        )
        for job in bad:
            rows.pop(job.id, None)
        return tuple(rows.values())


def _next_changed(store: Store, progress: Progress, now: int) -> tuple[Sequence[Account], Progress]:
    """Return accounts that changed, as many as a sweep has time for, and the progress then."""
    since = min(progress.published_at, now) - LOOK_BACK_S
    changed = counts.changed_since(store, since)
    waiting = [one for one in changed if progress.recent.get(one.name) != _state(one)]
    taken: list[Account] = []
    rows = 0
    for account in waiting:
        rows += account.jobs
        # A folder without a page gets all of it at once.
        if taken and rows > ROWS_CHANGED and progress.published_at:
            break
        taken.append(account)
    left = waiting[len(taken) :]
    published_at = min([now, *(account.changed_at for account in left)])
    unpublished = {account.name for account in left}
    recent = {
        one.name: _state(one)
        for one in changed
        if one.changed_at >= published_at - LOOK_BACK_S and one.name not in unpublished
    }
    return taken, replace(progress, published_at=published_at, recent=recent)


def _state(account: Account) -> list[int]:
    return [account.changed_at, account.jobs, account.missing]


def _next_turn(store: Store, progress: Progress) -> tuple[Sequence[Account], Progress]:
    """Return the accounts whose turn it is, and the progress once they are written."""
    if progress.debt >= ROWS_IN_TURN:
        return (), replace(progress, debt=progress.debt - ROWS_IN_TURN)
    turn: list[Account] = []
    rows = 0
    candidates = counts.in_turn(store, progress.cursor, ROWS_IN_TURN)
    for account in candidates:
        if turn and rows + account.jobs > ROWS_IN_TURN:
            break
        turn.append(account)
        rows += account.jobs
    at_the_end = len(turn) == len(candidates) < ROWS_IN_TURN
    cursor = "" if at_the_end or not turn else turn[-1].name
    return turn, replace(progress, cursor=cursor, debt=max(rows - ROWS_IN_TURN, 0))


def _read_progress(folder: Path) -> Progress:
    """Return what the last publication left; from scratch where that is nothing of use."""
    try:
        progress = Progress(**json.loads((folder / PROGRESS_FILE).read_text("utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return Progress(naming=NAMING)
    return progress if progress.naming == NAMING else Progress(naming=NAMING)
