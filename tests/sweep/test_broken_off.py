"""A server that breaks off holds nobody, and what it may have taken keeps its id."""

from typing import Any

import pytest

from gocron.store import deliveries, outbox
from gocron.sweep.attempt import PATIENCE_ATTEMPTS
from tests.peers import listed
from tests.sweep.conftest import HOUR, NOON, Gocron
from tests.sweep.test_refused_content import BAD, LATE, SPAM, all_sent, hear_jobs, text


def sweep_until_sent(gocron: Gocron, most: int = 20) -> int:
    """Sweep once an hour; return how many sweeps it took."""
    for number in range(1, most):
        gocron.sweep(LATE + number * HOUR)
        if all_sent(gocron):
            return number
    raise AssertionError("still not told")


def ids(gocron: Gocron) -> set[str]:
    return {mail["Message-ID"] for mail in gocron.mail.mails}


@pytest.mark.parametrize(
    "answer", ["421 4.3.2 shutting down", "450 later", "554 transaction failed"]
)
def test_an_answer_after_the_whole_message_says_that_it_was_not_taken(
    gocron: Gocron, answer: str
) -> None:
    hear_jobs(gocron, 5)
    gocron.hear(BAD, NOON)
    gocron.mail.objections["viagra"] = answer
    assert sweep_until_sent(gocron) <= PATIENCE_ATTEMPTS
    assert gocron.mail.told() == {f"job-{number}": 1 for number in range(5)}


@pytest.mark.parametrize("jobs", [1, 12])
def test_a_server_that_hangs_up_at_one_name_holds_nobody_else(gocron: Gocron, jobs: int) -> None:
    """It may have taken the message, so that all is told by the id that it has."""
    hear_jobs(gocron, jobs)
    gocron.hear(BAD, NOON)
    gocron.hear("elsewhere", NOON, email="dev@example.com")
    gocron.mail.breaks_off.add("viagra")
    assert sweep_until_sent(gocron) == PATIENCE_ATTEMPTS
    assert gocron.mail.told() == {f"job-{number}": 1 for number in range(jobs)}
    (mail,) = [mail for to, mail in gocron.mail.received if to == "ops@example.com"]
    assert "and 1 more of web-01" in text(mail)
    assert f"{jobs + 1} jobs have not checked in" in mail["Subject"]


def test_what_was_left_out_is_complained_of_by_name(gocron: Gocron) -> None:
    hear_jobs(gocron, 3)
    gocron.hear(BAD, NOON)
    gocron.mail.breaks_off.add("viagra")
    for number in range(PATIENCE_ATTEMPTS):
        (failure,) = gocron.sweep(LATE + number * HOUR).delivered.failures
        may_be = "after the whole message; it may have been taken"
        assert may_be in failure
    assert failure.endswith(f"{may_be}; told without the name of {BAD} (web-01)")


@pytest.mark.parametrize("words", [{"viagra"}, {"gocron"}])
def test_what_a_server_took_and_did_not_say_so_is_never_told_by_another_id(
    gocron: Gocron, words: set[str]
) -> None:
    hear_jobs(gocron, 4)
    gocron.hear(BAD, NOON)
    gocron.mail.takes_and_breaks_off = words
    for number in range(2 * PATIENCE_ATTEMPTS):
        gocron.sweep(LATE + number * HOUR)
    assert len(ids(gocron)) == 1
    # Whatever it says later.
    gocron.mail.takes_and_breaks_off = set()
    gocron.mail.objections["viagra"] = SPAM
    for number in range(2 * PATIENCE_ATTEMPTS, 3 * PATIENCE_ATTEMPTS):
        gocron.sweep(LATE + number * HOUR)
    assert len(ids(gocron)) == 1
    assert all_sent(gocron)


def test_a_part_that_may_have_been_taken_is_never_told_by_another_id(gocron: Gocron) -> None:
    hear_jobs(gocron, 8)
    gocron.hear(BAD, NOON)
    gocron.mail.objections["viagra"] = SPAM
    gocron.mail.takes_and_breaks_off = {"job-1"}
    sweep_until_sent(gocron)
    told = {
        name: {mail["Message-ID"] for mail in gocron.mail.mails if name in listed(mail)}
        for name in (f"job-{number}" for number in range(8))
    }
    assert [len(found) for found in told.values()] == [1] * 8


def test_many_names_at_which_a_server_hangs_up_are_told_in_numbers(gocron: Gocron) -> None:
    for number in range(30):
        gocron.hear(f"{BAD} {number}", NOON)
    gocron.mail.breaks_off.add("viagra")
    assert sweep_until_sent(gocron) == PATIENCE_ATTEMPTS
    (mail,) = gocron.mail.mails
    assert mail["Subject"] == "[gocron] 30 jobs have not checked in"


def test_redeclared_jobs_are_left_out_by_turns_too(gocron: Gocron) -> None:
    for name in ("job-1", "job-2", BAD):
        gocron.hear(name, NOON, email="old@example.com")
        gocron.hear(name, NOON + 60, email="new@example.com")
    gocron.mail.breaks_off.add("viagra")
    for number in range(PATIENCE_ATTEMPTS):
        gocron.sweep(NOON + 120 + number * 600)
    (mail,) = gocron.mail.mails
    assert mail["Subject"] == "[gocron] 3 jobs were declared anew"
    assert gocron.mail.told() == {"job-1": 1, "job-2": 1}
    assert "and 1 more of web-01" in text(mail)


def test_a_killed_sweep_does_not_forget_what_may_have_been_taken(
    gocron: Gocron, monkeypatch: pytest.MonkeyPatch
) -> None:
    hear_jobs(gocron, 5)
    gocron.hear(BAD, NOON)
    gocron.mail.takes_and_breaks_off = {"gocron"}
    gocron.sweep(LATE)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(outbox, "put_back", killed)
    with pytest.raises(KeyboardInterrupt):
        gocron.sweep(LATE + HOUR)
    monkeypatch.undo()
    gocron.mail.takes_and_breaks_off = set()
    gocron.mail.objections["viagra"] = SPAM
    gocron.sweep(LATE + 2 * HOUR)
    assert all_sent(gocron)
    assert len(ids(gocron)) == 1


def test_what_may_have_been_taken_is_tried_anew_by_hand_once_no_sweep_has_it(
    gocron: Gocron,
) -> None:
    gocron.hear("a", NOON)
    gocron.mail.breaks_off.add("gocron")
    gocron.sweep(LATE)
    store = gocron.store
    with store.connected():
        (waiting,) = outbox.due(store, LATE + HOUR)
        assert outbox.claim(store, waiting, LATE + HOUR) is not None
        assert deliveries.retry(store, None, LATE + HOUR) == 0
        assert deliveries.retry(store, None, LATE + HOUR + outbox.LEASE_S + 1) == 1
