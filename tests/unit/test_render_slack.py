"""A post keeps Slack's limits, and shows names as they are."""

import json
import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gocron.core.job import Job, Totals
from gocron.core.news import Digest, Episode, Kind, News, Trouble, Undelivered
from gocron.render.slack import alert_post, summary_post
from gocron.render.summary import Report

NOW = 1_795_442_405
PAGE = "https://gocron.example.com/"

HOSTILE = st.text(st.characters(), max_size=250) | st.lists(
    st.sampled_from(
        ["<!channel>", "<@U1>", "&", "&amp;", "`", "```", "*b*", "_i_", "\n", "😀" * 60, "&" * 100]
    ),
    max_size=8,
).map("".join)


def job(name="backup", account="web-01") -> Job:
    return Job(
        1, account, name, "", 3600, 600, False, name, 0, NOW - 11_700, NOW - 7500, NOW - 7500
    )


def episode(name="backup", account="web-01") -> Episode:
    return Episode(1, job(name, account), NOW - 7500, NOW - 11_700, NOW - 60)


def alert(*names: str, kind=Kind.MISSING, channel="", page=PAGE) -> dict:
    told = tuple(News(1, kind, episode(name)) for name in names)
    return alert_post(Digest("key", "slack", "", NOW, 1, told), channel, page, NOW)


def report(name="backup", times=1) -> Report:
    waiting = Undelivered("mail", name, 3, NOW - 60, 4, NOW + 60, None, name * 4)
    return Report(
        NOW,
        NOW - 604_800,
        Totals(7, 42, times, NOW),
        (job(name, name),) * times,
        5,
        (episode(name, name),) * times,
        times + 3,
        (waiting,) * times,
    )


def texts(post: dict) -> str:
    return "\n".join(
        part["text"]
        for block in post["blocks"]
        for part in ([block["text"]] if "text" in block else block["elements"])
    )


def check_limits(post: dict) -> None:
    def length(text: str) -> int:
        return len(text.encode("utf-16-le")) // 2

    assert len(post["blocks"]) <= 50
    assert 0 < length(post["text"]) <= 3000
    for block in post["blocks"]:
        parts = [block["text"]] if "text" in block else block["elements"]
        for part in parts:
            assert 0 < length(part["text"]) <= (150 if block["type"] == "header" else 3000)
    assert json.dumps(post).isascii()


def test_one_job_is_named_in_the_title():
    post = alert("backup")
    assert post["text"] == "`backup` (`web-01`) has not checked in"
    assert post["blocks"][0]["text"]["text"] == "backup (web-01) has not checked in"


def test_a_post_tells_what_a_gateway_means_for_its_site_and_why_it_is_told() -> None:
    told = News(1, Kind.MISSING, replace(episode("office"), reason="no check-in since `noon`"))
    told = replace(told, remarks=(("behind it", "50 jobs <!here>"),))
    post = alert_post(Digest("key", "slack", "", NOW, 1, (told,)), "", PAGE, NOW)
    assert (
        "\nbehind it: `50 jobs &lt;!here&gt;`\nwhy: `no check-in since \u02cbnoon\u02cb`"
        in texts(post)
    )


def test_a_post_tells_when_in_the_readers_zone():
    assert "<!date^1795434905^{date_short_pretty} {time}|2026-11-23 11:55:05 UTC>" in texts(
        alert("backup")
    )


def test_a_channel_is_named_only_where_one_is_set():
    assert "channel" not in alert("backup")
    assert alert("backup", channel="#ops")["channel"] == "#ops"


def test_the_page_is_linked_where_there_is_one():
    assert f"<{PAGE}|Open the status page>" in texts(alert("backup"))
    assert "Open the status page" not in texts(alert("backup", page=""))


def test_many_jobs_are_listed_in_part():
    post = alert(*[f"job-{number}" for number in range(500)])
    assert "and 470 more" in texts(post)
    check_limits(post)


def test_a_quiet_summary_is_one_line():
    post = summary_post(Report(NOW, 0, Totals(7, 42, 0, NOW), (), 0, (), 0, ()), "", PAGE)
    assert post["text"] == "None of 42 jobs was missing"
    assert [block["type"] for block in post["blocks"]] == ["header", "context"]


def test_a_summary_tells_what_is_missing_came_back_and_waits():
    said = texts(summary_post(report(), "", PAGE))
    for part in ("*Missing*", "and 5 more", "*Went missing and came back*", "*Not delivered*"):
        assert part in said


@given(name=HOSTILE, times=st.sampled_from([1, 2, 100]), kind=st.sampled_from(Kind))
def test_no_name_can_break_a_post(name, times, kind):
    for post in (alert(*[name] * times, kind=kind), summary_post(report(name, times), "", PAGE)):
        check_limits(post)
        for said in (post["text"], texts(post)):
            # What is left of mark-up is ours: dates, and the link to the page.
            ours = re.compile(r"<!date\^\d+\^[^|<>]*\|[^<>]*>|<https://[^|<>]*\|[^<>]*>")
            left = ours.sub("", said)
            assert not set(left) & set("<>")
            assert not re.sub("&(amp|lt|gt);", "", left).count("&")


@given(name=HOSTILE)
def test_what_slack_could_read_as_mark_up_stands_between_backticks(name):
    post = alert(name)
    section = post["blocks"][1]["text"]["text"]
    for said in (post["text"], section):
        assert said.count("`") % 2 == 0
        assert not set(re.sub("`[^`\n]+`", "", said)) & set("*~@")


def test_no_account_crowds_another_out_of_a_post():
    names = [(f"job-{number}", "web-01") for number in range(500)]
    told = tuple(News(1, Kind.MISSING, episode(*one)) for one in [*names, ("dump", "db-01")])
    said = texts(alert_post(Digest("key", "slack", "", NOW, 1, told), "", PAGE, NOW))
    assert "`dump` (`db-01`)" in said
    assert "and 471 more of `web-01`" in said


def test_a_failure_is_told_with_how_once_the_end_of_the_output_and_one_next_step() -> None:
    told = News(
        1, Kind.FAILED, replace(episode("backup"), exit_status="3"), output="a\n" * 99 + "`b` <c>"
    )
    post = alert_post(Digest("key", "slack", "", NOW, 1, (told,)), "", PAGE, NOW)
    assert post["blocks"][0]["text"]["text"] == "backup (web-01) failed with exit status 3"
    said = texts(post)
    assert said.count("exit status 3") == 1
    assert "\n\u02cbb\u02cb &lt;c&gt;```" in said
    assert said.count("\na") == 9
    assert said.count("next step: `gocron explain web-01 backup`") == 1
    other = replace(told, episode=replace(episode("other"), id=2, exit_status="TERM"))
    post = alert_post(Digest("key", "slack", "", NOW, 1, (told, other)), "", PAGE, NOW)
    assert "`backup` (`web-01`) failed with exit status 3" in texts(post)
    assert "`other` (`web-01`) was killed by TERM" in texts(post)
    assert "next step: `gocron jobs list --failing`" in texts(post)


def test_a_summary_post_tells_what_fails_and_what_works_again() -> None:
    fails = replace(job("dump"), missed_at=None, exit_status="3", failing_at=NOW - 60)
    works = replace(episode("sync"), kind=Trouble.FAILING)
    whole = replace(report(times=0), failing=(fails,), works=(works,), works_count=1)
    said = texts(summary_post(replace(whole, totals=Totals(7, 42, 0, NOW, failing=1)), "", PAGE))
    assert said.startswith("1 of 42 jobs fails")
    assert "*Failing*\n`dump` (`web-01`) failed with exit status 3, failing since" in said
    assert "*Failed and works again*\n`sync` (`web-01`) works again since" in said
