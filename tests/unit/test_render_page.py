"""The status page as files: what it shows, how large it is, what it never does."""

import re
import time
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from gocron.core.job import Account, Job, Status, Totals
from gocron.core.judge import standing
from gocron.core.news import Undelivered
from gocron.render.crontab import SAMPLE, check_in
from gocron.render.page import (
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
    swept_at_of,
)
from gocron.render.templates import Templates

NOW = 1_795_442_405
TEMPLATES = Templates()


def row(name="backup", account="web-01", missed=False) -> Row:
    seen_at = NOW - (11_700 if missed else 600)
    due_at = seen_at + 4200
    job = Job(
        1, account, name, "", 3600, 600, False, "10.0.0.3", 0, seen_at, due_at,
        due_at if missed else None,
    )  # fmt: skip
    return Row(job, standing(job, NOW))


def index(*rows: Row, groups=None, elsewhere=False, undelivered=(), left_out=0) -> str:
    missing = tuple(one for one in rows if one.status is Status.MISSING)
    if groups is None:
        account = Account("web-01", len(rows), len(missing), NOW)
        groups = (Group(account, rows),) if rows else ()
    totals = Totals(len(groups), len(rows), len(missing) + left_out, NOW if rows else None)
    page = IndexPage(NOW, 300, "1.2.3", totals, missing, left_out, groups, elsewhere, undelivered)
    return index_html(TEMPLATES, page)


def account_page(*rows: Row, name="web-01") -> str:
    account = Account(name, len(rows), 0, NOW)
    return account_html(TEMPLATES, AccountPage(NOW, 300, "1.2.3", account, rows))


def accounts_page(*names: str) -> str:
    accounts = tuple(Account(name, 3, 1, NOW) for name in names)
    return accounts_html(TEMPLATES, AccountsPage(NOW, 300, "1.2.3", accounts))


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the ones left open."""

    VOID = frozenset(("meta", "link", "input", "br", "circle", "path"))

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def all_pages(name="backup") -> list[str]:
    waiting = Undelivered("mail", name, 1, NOW, 1, NOW, None, name)
    return [
        index(),
        index(row()),
        index(row(name, name), row(name, name, missed=True), undelivered=(waiting,)),
        account_page(row(name), name=name),
        account_page(),
        accounts_page("web-01", name),
    ]


def test_when_all_is_well_the_index_says_so():
    page = index(row())
    assert "Nothing is missing.</h1>" in page
    assert "%231f9d61" in page


def test_what_is_missing_stands_first():
    page = index(row("sync"), row("backup", missed=True), left_out=1)
    assert "2 jobs are missing.</h1>" in page
    assert page.index("backup") < page.index("sync")
    assert "and 1 more" in page
    assert "2026-11-23 11:55:05 UTC" in page
    assert "%23d92d35" in page


def test_what_is_odd_about_a_job_stands_beside_its_name() -> None:
    one = row()
    odd = replace(one, notes=("once a minute only; did you mean 1d?", "another <note>"))
    for page in (index(odd), account_page(odd)):
        assert "once a minute only; did you mean 1d?; another &lt;note&gt;" in page
    assert "did you mean" not in index(one)


def test_a_first_run_shows_how_to_begin():
    page = index()
    assert "No job yet." in page
    assert str(escape(check_in("http://gocron.example.com:8080/", SAMPLE))) in page


def test_news_that_was_not_delivered_is_told():
    waiting = Undelivered("mail", "ops@example.com", 3, NOW, 4, NOW, None, "451 later")
    given_up = Undelivered("slack", "", 1, NOW, 9, NOW, NOW, "")
    page = index(row(), undelivered=(waiting, given_up))
    assert "3 pieces of news by mail to <b>ops@example.com</b>" in page
    assert "451 later" in page
    assert "1 piece of news by Slack," in page
    assert "given up" in page


def test_a_large_account_is_only_linked():
    page = index(row(), groups=(Group(Account("web-01", 5000, 0, NOW), None),))
    assert f'href="{account_file("web-01")}"' in page
    assert "5,000 jobs: on its own page" in page


def test_very_many_accounts_are_listed_elsewhere():
    assert 'href="accounts.html"' in index(row(), groups=(), elsewhere=True)


def test_without_script_the_page_says_when_to_distrust_it():
    page = index(row())
    assert "Written <time" in page
    assert "2026-11-23 14:15:05 UTC</time> don&rsquo;t trust this page" in page
    assert '<noscript><meta http-equiv="refresh" content="300"></noscript>' in page


def test_age_js_is_what_page_js_reads():
    assert age_script(NOW, 300) == f"self.gocronAge={{swept:{NOW},interval:300}};\n"
    assert swept_at_of(age_script(NOW, 300)) == NOW
    assert b"self.gocronAge" in TEMPLATES.asset("page.js")
    assert 'data-age="../age.js"' in account_page(row())
    assert 'data-age="age.js"' in index(row())


@pytest.mark.parametrize("page", all_pages())
def test_a_page_needs_nothing_from_elsewhere_and_nothing_inline(page):
    elements = Elements(page)
    assert elements.open == []
    for tag, attributes in elements.found:
        assert tag != "style"
        assert tag != "script" or "src" in attributes
        assert not any(name == "style" or name.startswith("on") for name in attributes)
        for name in ("src", "href"):
            address = attributes.get(name) or ""
            assert not re.match(r"(?!data:image/svg)[a-z]+:|//", address), address


def test_the_style_sheet_needs_nothing_from_elsewhere():
    sheet = TEMPLATES.asset("style.css").decode()
    assert "url(" not in sheet
    assert "@import" not in sheet


@given(
    st.text(st.characters(), min_size=1, max_size=60) | st.just("</time><script>alert(1)</script>")
)
def test_no_name_can_break_a_page(name):
    ordinary = [[tag for tag, _ in Elements(page).found] for page in all_pages()]
    hostile = all_pages(name)
    assert [[tag for tag, _ in Elements(page).found] for page in hostile] == ordinary
    assert all(page.encode() for page in hostile)


@given(st.lists(st.text(st.characters()), unique=True, max_size=20))
def test_every_account_has_a_file_of_its_own(names):
    files = {account_file(name) for name in names}
    assert len(files) == len(names)
    assert all(re.fullmatch(r"account/[a-z0-9][a-z0-9-]{0,72}\.html", file) for file in files)


def test_a_file_is_named_for_its_account_and_by_more_than_can_be_searched_for():
    file = account_file("Web 01.example.com")
    assert re.fullmatch(r"account/web-01-example-com-[0-9a-f]{32}\.html", file)


def test_names_that_differ_only_in_case_have_two_files():
    assert account_file("web").lower() != account_file("WEB").lower()


def test_five_hundred_jobs_on_the_index_stay_small():
    rows = tuple(row(f"nightly-backup-{number}") for number in range(500))
    assert len(index(*rows).encode()) < 250_000


def test_a_page_of_a_thousand_jobs_is_small_and_quick():
    rows = tuple(row(f"nightly-backup-{number}") for number in range(1000))
    took = []
    for _ in range(3):
        began = time.process_time()
        page = account_page(*rows)
        took.append(time.process_time() - began)
    assert min(took) < 0.1
    assert len(page.encode()) < 400_000
