"""A digest or a summary as a Slack post, inside Slack's limits whatever names hold."""

from collections.abc import Iterable, Sequence
from typing import Any

from gocron.core.duration import say_duration
from gocron.core.job import Job
from gocron.core.news import Digest, Episode, Kind, News, Undelivered
from gocron.core.redeclaration import Redeclaration
from gocron.render.entry import last_lines
from gocron.render.form import Form, nameless_lines, next_step
from gocron.render.moment import say_time
from gocron.render.redeclaration import changes, redeclared_headline, undo
from gocron.render.summary import Report, verdict
from gocron.render.wording import (
    ELLIPSIS,
    count,
    headline,
    say_accounts,
    say_attempts,
    say_channel,
    say_failure,
    say_runs,
    shown,
)

LISTED_LIMIT = 30
BRIEF_LISTED_LIMIT = 5

# Slack's own limits are 150, 3,000 and 50; it counts some characters twice.
_HEADER_LIMIT = 140
_SECTION_LIMIT = 2_800
_NAME_LIMIT = 120
_ERROR_LIMIT = 200
_FACT_LIMIT = 300
_SECTION_COUNT_LIMIT = 40

_OUTPUT_LIMIT = 600
_OUTPUT_LINES = 10
_NO_BACKTICK = "\u02cb"
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def alert_post(
    digest: Digest, channel: str, page_url: str, now: int, form: Form = Form.WHOLE
) -> dict[str, Any]:
    """Return the post that tells `digest` in `channel` (the webhook's own where empty).

    `now` is epoch seconds. Never raises: names are shown literally, and cut to fit.
    """
    news = digest.in_order
    if form.is_nameless:
        lines = [_fit(line, _FACT_LIMIT) for line in nameless_lines(digest, form)]
        post = {"text": "\n".join(lines)}
        return post | ({"channel": channel} if channel else {})
    room = BRIEF_LISTED_LIMIT if form is Form.BRIEF else LISTED_LIMIT
    link = "" if form is Form.PLAIN else page_url
    if digest.redeclarations:
        return _redeclared_post(digest, channel, link, room)
    listed, rest = digest.shared(news, room)
    lines = [_news_line(item, now, is_alone=len(digest.jobs) == 1) for item in listed]
    accounts = [item.episode.job.account for item in rest]
    lines += [f"and {say_accounts(accounts, _code)}"] if rest else []
    step = next_step(digest)
    closing = f"next step: {_code(step, _FACT_LIMIT)}" if step else ""
    post = _post(headline(news), lines, closing, channel, link)
    # What a notification shows is read as mark-up too.
    return post | {"text": headline(news, _name)}


def _redeclared_post(digest: Digest, channel: str, page_url: str, room: int) -> dict[str, Any]:
    told = digest.redeclarations
    listed, rest = digest.shared(told, room)
    lines = [_redeclared_line(one) for one in listed]
    lines += [f"and {say_accounts((one.account for one in rest), _code)}"] if rest else []
    post = _post(redeclared_headline(told), lines, "", channel, page_url)
    return post | {"text": redeclared_headline(told, _redeclared_name)}


def _redeclared_name(one: Redeclaration) -> str:
    return f"{_code(one.cronname)} ({_code(one.account)})"


def _redeclared_line(one: Redeclaration) -> str:
    source = f"a check-in from {_code(one.address)}" if one.address else "`gocron jobs add`"
    facts = [*changes(one), ("to put it back", undo(one))]
    told = "".join(f"\n{label}: {_code(text, _FACT_LIMIT)}" for label, text in facts)
    job = f"{_code(one.cronname)} ({_code(one.account)})"
    return (
        f":large_yellow_circle: {job} was declared anew {_date(one.changed_at)} by {source}{told}"
    )


def trial_post(channel: str, now: int) -> dict[str, Any]:
    """Return a post that only shows that posts arrive; `now` is epoch seconds."""
    lines = ["Nothing is missing: someone asked for this post to try it.", _date(now)]
    return _post("gocron can post here", lines, "", channel, "")


def summary_post(report: Report, channel: str, page_url: str) -> dict[str, Any]:
    """Return the post of the summary `report` in `channel` (the webhook's own where empty)."""
    totals = report.totals
    lines = _part("Missing", [_missing_line(job, report.now) for job in report.missing])
    lines += _left_out(report.missing_left_out + max(len(report.missing) - LISTED_LIMIT, 0))
    failing = [_failing_line(job) for job in report.failing]
    lines += _part("Failing", failing)
    lines += _left_out(report.failing_left_out + max(len(failing) - LISTED_LIMIT, 0))
    ended = [_ended_line(episode) for episode in report.ended]
    lines += _part("Went missing and came back", ended)
    lines += _left_out(report.ended_count - min(len(report.ended), LISTED_LIMIT))
    lines += _part("Failed and works again", [_works_line(episode) for episode in report.works])
    lines += _left_out(report.works_count - min(len(report.works), LISTED_LIMIT))
    lines += _part("Not delivered", [_undelivered_line(item) for item in report.undelivered])
    lines += _left_out(len(report.undelivered) - LISTED_LIMIT)
    lines += _part("Odd, and watched all the same", [_odd_line(*item) for item in report.odd])
    lines += _left_out(report.odd_count - min(len(report.odd), LISTED_LIMIT))
    closing = (
        f"{count(totals.jobs, 'job')} in {count(totals.accounts, 'account')}, "
        f"{_date(report.since)} to {_date(report.now)}"
    )
    return _post(verdict(report), lines, closing, channel, page_url)


def _part(title: str, lines: Sequence[str]) -> list[str]:
    return [f"*{title}*", *lines[:LISTED_LIMIT]] if lines else []


def _left_out(number: int) -> list[str]:
    return [f"and {number:,} more"] if number > 0 else []


def _post(
    title: str, lines: Sequence[str], closing: str, channel: str, page_url: str
) -> dict[str, Any]:
    blocks: list[dict[str, Any]] = [
        {
            "type": "header",
            "text": {"type": "plain_text", "text": _fit(title, _HEADER_LIMIT), "emoji": False},
        }
    ]
    blocks += [{"type": "section", "text": _mrkdwn(text)} for text in _packed(lines)]
    link = f"<{_escaped(page_url)}|Open the status page>" if _is_link(page_url) else ""
    foot = [_mrkdwn(text) for text in (closing, link) if text]
    if foot:
        blocks.append({"type": "context", "elements": foot})
    post: dict[str, Any] = {"text": _escaped(title), "blocks": blocks}
    return post | ({"channel": channel} if channel else {})


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _packed(lines: Iterable[str]) -> list[str]:
    """Return `lines` in as few texts as Slack's limit of one section allows."""
    texts: list[str] = []
    for line in lines:
        if texts and _length(texts[-1]) + 1 + _length(line) <= _SECTION_LIMIT:
            texts[-1] += "\n" + line
        else:
            texts.append(line)
    return texts[:_SECTION_COUNT_LIMIT]


def _news_line(item: News, now: int, is_alone: bool) -> str:
    episode, job = item.episode, item.episode.job
    facts = "".join(f"\n{label}: {_code(text, _FACT_LIMIT)}" for label, text in item.remarks)
    if item.kind is Kind.BACK:
        return f":large_green_circle: {_name(job)} {_back(episode)}{facts}"
    if item.kind is Kind.WORKS:
        return f":large_green_circle: {_name(job)} {_works(episode)}{facts}"
    if item.kind is Kind.FAILED:
        return f":red_circle: {_name(job)} {_failed(item, is_alone)}{facts}"
    if episode.reason:
        facts += f"\nwhy: {_code(episode.reason, _FACT_LIMIT)}"
    late = say_duration(now - episode.missed_at)
    seen = _date(episode.last_seen_at) if job.was_heard else "never"
    source = f", last from {_code(job.address)}" if job.address else ""
    return (
        f":red_circle: {_name(job)} expected by {_date(episode.missed_at)}, {late} late; "
        f"last heard {seen}{source}; {_runs(job)}{facts}"
    )


def _failed(item: News, is_alone: bool) -> str:
    """Return what a post says of a failure; where its job `is_alone` the title says how."""
    episode, job = item.episode, item.episode.job
    last = f"\n{_block(item.output)}" if item.output else ""
    ok = _date(episode.last_seen_at) if episode.last_seen_at else "never"
    how = "failed" if is_alone else say_failure(episode.exit_status)
    failed = f"{how} {_date(episode.missed_at)}"
    return f"{failed}; last ok {ok}; {_runs(job)}{last}"


def _works(episode: Episode) -> str:
    if episode.ended_at is None:
        return "works again"
    lasted_s = episode.ended_at - episode.missed_at
    return f"works again since {_date(episode.ended_at)}, after {say_duration(lasted_s)}"


def _runs(job: Job) -> str:
    return _escaped(" ".join(say_runs(job)))


def _block(output: str) -> str:
    """Return the last lines that a run printed where Slack reads no mark-up."""
    text = last_lines(output, _OUTPUT_LINES, _OUTPUT_LIMIT).replace("`", _NO_BACKTICK)
    return f"```{_fit(text, 2 * _OUTPUT_LIMIT)}```"


def _missing_line(job: Job, now: int) -> str:
    seen = _date(job.last_seen_at) if job.was_heard else "never"
    return f"{_name(job)} last heard {seen}, silent for {say_duration(now - job.last_seen_at)}"


def _failing_line(job: Job) -> str:
    ok = _date(job.last_ok_at) if job.last_ok_at else "never"
    since = _date(job.failing_since or 0)
    return f"{_name(job)} {say_failure(job.exit_status)}, failing since {since}, last ok {ok}"


def _works_line(episode: Episode) -> str:
    return f"{_name(episode.job)} {_works(episode)}"


def _odd_line(job: Job, notes: Sequence[str]) -> str:
    return f"{_name(job)} {'; '.join(notes)}"


def _ended_line(episode: Episode) -> str:
    return f"{_name(episode.job)} {_back(episode)}"


def _back(episode: Episode) -> str:
    if episode.ended_at is None:
        return "is back"
    return f"back since {_date(episode.ended_at)}, after {say_duration(episode.silent_s or 0)}"


def _undelivered_line(item: Undelivered) -> str:
    state = "given up on" if item.given_up_at is not None else "still tried"
    why = f": {_code(item.last_error, _ERROR_LIMIT)}" if item.last_error else ""
    to = f" to {_code(item.recipient)}" if item.recipient else ""
    news = count(item.count, "piece of news", "pieces of news")
    return f"{news} by {say_channel(item.channel)}{to}, {state}, {say_attempts(item.attempts)}{why}"


def _name(job: Job) -> str:
    return f"{_code(job.cronname)} ({_code(job.account)})"


def _code(text: str, limit: int = _NAME_LIMIT) -> str:
    """Return `text` where Slack reads no mark-up, mention, link or emoji: between backticks."""
    return f"`{_fit(shown(text).replace('`', _NO_BACKTICK), limit)}`"


def _date(at: int) -> str:
    """Return `at` so that Slack shows it in the reader's zone, and others in UTC."""
    if not 0 <= at < 4_102_444_800:
        return say_time(at)
    return f"<!date^{at}^{{date_short_pretty}} {{time}}|{say_time(at)}>"


def _is_link(url: str) -> bool:
    return url.startswith(("https://", "http://")) and not set(url) & set("|<>") and len(url) < 999


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(char, char) for char in text)


def _fit(text: str, limit: int) -> str:
    """Return `text` escaped, cut so that what is sent keeps `limit` and no escape is broken."""
    room, kept = limit - 1, []
    for char in text:
        piece = _ESCAPES.get(char, char)
        room -= _length(piece)
        if room < 0:
            kept.append(ELLIPSIS)
            break
        kept.append(piece)
    return "".join(kept)


def _length(text: str) -> int:
    return len(text.encode("utf-16-le", "replace")) // 2
