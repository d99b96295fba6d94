"""What a run printed is kept however it was cut or encoded; no other field may be so."""

import pytest

from gocron.store import runs
from tests.front.conftest import Site

JOB = "cronname=backup&account=web-01&email=ops@example.com&frequency=1d&exit=3"


def printed(site: Site) -> str:
    (job,) = site.jobs()
    with site.store.connected():
        kept = runs.output_of(site.store, job)
    assert kept is not None
    assert kept.printed == kept.failed
    return kept.printed


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("%A9t%C3%A9", "\ufffdt\xe9"), ("caf%E9", "caf\ufffd"), ("%1B%5B31m", "\u241b[31m")],
)
def test_output_that_is_cut_or_no_utf_8_costs_no_failure(site: Site, sent: str, kept: str) -> None:
    assert site.ask(query=f"{JOB}&msg={sent}").status == 201
    assert printed(site) == kept


def test_so_it_is_in_a_body(site: Site) -> None:
    form = {"content_type": "application/x-www-form-urlencoded"}
    answer = site.ask("POST", query=JOB, body=b"msg=caf%E9", **form)
    assert answer.status == 201
    assert printed(site) == "caf\ufffd"


@pytest.mark.parametrize("field", ["cronname=%E9&account=a", "account=%E9&cronname=a", "msg%E9=a"])
def test_no_other_field_may_be_so(site: Site, field: str) -> None:
    answer = site.ask(query=f"{field}&email=ops@example.com&frequency=1d")
    assert answer.status == 400
    assert "is no UTF-8" in answer.line
    assert site.jobs() == []
