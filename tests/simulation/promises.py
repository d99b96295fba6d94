"""What must be true of every story: no false alarm, no lost one, nothing told twice."""

from collections import Counter
from collections.abc import Iterator

from gocron.core.news import Kind
from gocron.core.outage import longer_than_late_s
from gocron.core.own_outage import SAME_OUTAGE_S, SIGN_EVERY_S
from tests.simulation.story import Cron, Jump, Span, Story
from tests.simulation.tell import Outcome, Run, Told

SUPPRESS_S = 86_400


def broken(story: Story, outcome: Outcome) -> list[str]:
    """Return every promise that the outcome breaks, in words."""
    return [
        *_false_alarms(story, outcome),
        *_lost_alarms(story, outcome),
        *_told_wrongly(story, outcome),
        *_named_wrongly(story, outcome),
    ]


def _false_alarms(story: Story, outcome: Outcome) -> Iterator[str]:
    for told in outcome.told:
        if told.kind is not Kind.MISSING:
            continue
        cron = story.crons[told.job]
        last_seen = _really(story, outcome, told)
        between = [run for run in outcome.runs[told.job] if last_seen < run.at <= told.queued_at]
        if any(run.fate == "dead" for run in between):
            continue
        # It is late by its own word, now and then.
        if cron.jitter_s > cron.grace_s:
            continue
        if not _may_be_told(story, outcome, cron, told, between):
            fates = ", ".join(f"{run.fate} at {run.at}" for run in between)
            yield f"false alarm: {told.job}, last seen {told.last_seen_at}, {told}: {fates}"


def _may_be_told(
    story: Story, outcome: Outcome, cron: Cron, told: Told, between: list[Run]
) -> bool:
    """Tell whether the rules let a job be told of whose runs got lost in outages alone."""
    lost = [run for run in between if run.fate in ("site", "own")]
    if not lost:
        return False
    # A gateway speaks for the site: that it is silent is told.
    if cron.site and any(run.fate == "site" for run in lost):
        return True
    if told.queued_at - told.missed_at > SUPPRESS_S:
        return True
    # An own outage excuses once, and a clock that jumps forth looks like one.
    own = {span.began_at for run in lost for span in story.front_down if span.holds(run.at)}
    if own and len(lost) > 1 and len(_outages(story, lost, cron)) > 1:
        return True
    if _comes_and_goes(story, cron, lost):
        return True
    if any(_uses_up_the_excuse(cron, jump, run) for jump in story.jumps for run in lost):
        return True
    return _site_proved_nothing(story, outcome, cron, lost)


def _uses_up_the_excuse(cron: Cron, jump: Jump, run: Run) -> bool:
    """Tell whether a clock that jumped excused the job within a period of a run that got lost.

    That a clock is wrong is one excuse, for one period, as an outage is.
    """
    period_s = cron.allowance_at(run.at)
    began_at, ended_at = jump.span.began_at, jump.span.ended_at
    return began_at - period_s <= run.at <= ended_at + period_s


def _comes_and_goes(story: Story, cron: Cron, lost: list[Run]) -> bool:
    """Tell whether runs fell in several outages of a site that was there for half of the time.

    Such a site excuses once: else one that fails each night would hide the dead.
    """
    site = cron.name if cron.site else cron.behind
    spans = [] if site is None else story.site_outages[site]
    spans = [span for span in spans if any(span.holds(run.at) for run in lost)]
    return len(spans) > 1 and not _mostly_away(spans, spans[0].began_at, spans[-1].ended_at)


def _mostly_away(spans: list[Span], since: int, until: int) -> bool:
    return 2 * sum(span.ended_at - span.began_at for span in spans) > until - since


def _outages(story: Story, lost: list[Run], cron: Cron) -> set[Span]:
    """Return the outages that these runs fell in; own ones close together are one."""
    found: set[Span] = set()
    last: Span | None = None
    for span in story.front_down:
        if last is not None and span.began_at - last.ended_at <= SAME_OUTAGE_S:
            found.discard(span)
            last = span
            continue
        if any(span.holds(run.at) for run in lost):
            found.add(span)
        last = span
    site = cron.name if cron.site else cron.behind
    if site is not None:
        found |= {
            span for span in story.site_outages[site] if any(span.holds(run.at) for run in lost)
        }
    return found


def _site_proved_nothing(story: Story, outcome: Outcome, cron: Cron, lost: list[Run]) -> bool:
    """Tell whether a run fell in an outage that the gateway could not tell of.

    It was too short for the gateway to be overdue, the gateway was dead itself, or it had got
    another address and was not heard from there yet: nobody knew who is behind it.
    """
    if cron.behind is None:
        return False
    gateway = story.crons[cron.behind]
    members = [
        name
        for name, other in story.crons.items()
        if name == gateway.name or other.behind == gateway.name
    ]
    heard = sorted(run.at for name in members for run in outcome.runs[name] if run.fate == "heard")
    for run in lost:
        if run.fate != "site":
            continue
        before = max((at for at in heard if at < run.at), default=0)
        after = min((at for at in heard if at > run.at), default=10**12)
        if after - before <= longer_than_late_s(gateway.allowance_at(before)):
            return True
        if any(span.began_at < after and span.ended_at > before for span in gateway.dead):
            return True
        moved_at = max((at for at in story.moves[gateway.name] if at <= run.at), default=0)
        came = [one.at for one in outcome.runs[gateway.name] if one.fate == "heard"]
        if not cron.named and not any(moved_at < at < run.at for at in came):
            return True
    return False


def _lost_alarms(story: Story, outcome: Outcome) -> Iterator[str]:
    for cron in story.crons.values():
        for last_seen, by in deaths_to_tell(story, outcome, cron):
            due_at = last_seen + cron.allowance_at(last_seen)
            told = [
                one
                for one in outcome.told
                if one.kind is Kind.MISSING
                and one.job == cron.name
                and _really(story, outcome, one) == last_seen
            ]
            if not told:
                yield f"lost: {cron.name}, last seen {last_seen}, due {due_at}, by {by}"
            elif told[0].queued_at > by:
                yield f"late: {cron.name}, by {by}, but {told[0]}"
            elif told[0].sent_at is None or (told[0].missed_at != due_at and not story.jumps):
                yield f"wrong: {cron.name}, due {due_at}, told {told[0]}"


def _really(story: Story, outcome: Outcome, told: Told) -> int:
    """Return when a job that was told of was really heard last.

    What was heard by a clock that was ahead carries its time, or that of the sweep which put
    it right.
    """
    heard = [run.at for run in outcome.runs[told.job] if run.fate == "heard"]
    exact = outcome.stamped.get((told.job, told.last_seen_at))
    if exact is not None:
        return exact
    # It is when a clock was put right, or when a sweep took it to be.
    jumps = [at for jump in story.jumps for at in (jump.span.began_at, jump.span.ended_at)]
    seen = [at + late_s for at in jumps for late_s in range(SIGN_EVERY_S + 1)]
    lives = [span.ended_at for span in story.front_down]
    shown = [at for at in (*outcome.sweeps, *seen, *lives) if story.shown(at) == told.last_seen_at]
    by = max(shown, default=told.last_seen_at)
    return max((at for at in heard if at <= by), default=0)


def deaths_to_tell(story: Story, outcome: Outcome, cron: Cron) -> Iterator[tuple[int, int]]:
    """Yield (last seen, by when it must be told) of each death that lasts so long."""
    runs = outcome.runs[cron.name]
    for span in cron.dead:
        heard = [run.at for run in runs if run.fate == "heard"]
        before = max((at for at in heard if at < span.began_at), default=None)
        if before is None:
            continue
        back = min((at for at in heard if at >= span.ended_at), default=10**12)
        by = _told_by(story, cron, before)
        if by is not None and by < back:
            yield before, by


def _told_by(story: Story, cron: Cron, last_seen: int) -> int | None:
    """Return by when a silence since `last_seen` must be told; None: the story is too short.

    Frequency, grace, hold, and a sweep; a frequency and grace more for each outage that it met.
    """
    by = last_seen + cron.allowance_s + story.hold_s
    outages = [*story.front_down, *(jump.span for jump in story.jumps)]
    dead_gateway = False
    if cron.behind is not None:
        outages += story.site_outages[cron.behind]
        gateway = story.crons[cron.behind]
        dead_gateway = bool(gateway.dead)
        # It is over for gocron once somebody was heard from there.
        late = gateway.period_s + gateway.jitter_s
        # A gateway that dies looks like an outage, until others are heard from there, and until it
        # is heard again itself where nobody behind it was told of by then.
        told_by = last_seen + cron.allowance_s + SUPPRESS_S
        for one in gateway.dead:
            ended_at = one.ended_at if one.ended_at <= told_by else one.began_at + SUPPRESS_S
            outages.append(Span(one.began_at, ended_at))
        outages = [Span(one.began_at - gateway.allowance_s, one.ended_at + late) for one in outages]
    slack = 2 * story.sweep_every[1]
    due_at, met = last_seen + cron.allowance_s, list[Span]()
    for span in sorted(outages, key=lambda one: one.began_at):
        if span.began_at - slack > by or span.ended_at + slack <= last_seen:
            continue
        met.append(span)
        by = max(by, span.ended_at + slack) + story.hold_s
        # Of outages that follow one another a site's excuse no later run, unless it was mostly
        # away. Where a clock jumped, or a gateway died, nothing is as simple.
        of_site = not story.front_down and not story.jumps and not dead_gateway
        is_first = span.began_at - slack <= due_at
        if is_first or not of_site or _mostly_away(met, met[0].began_at, span.ended_at):
            by += cron.allowance_s + 2 * cron.grace_s
    if dead_gateway:
        by += SUPPRESS_S
    # Killed sweeps do some of their work, at worst none.
    after = [at for at in _whole_sweeps(story) if at > by]
    return after[0] if after else None


def _whole_sweeps(story: Story) -> list[int]:
    return [at for number, at in enumerate(story.sweeps()) if number not in story.kills]


def _told_wrongly(story: Story, outcome: Outcome) -> Iterator[str]:
    begun = {(one.job, one.missed_at) for one in outcome.told if one.kind is Kind.MISSING}
    for one in outcome.told:
        if one.kind is Kind.BACK and (one.job, one.missed_at) not in begun:
            yield f"a return without a silence: {one}"
        # What a last sweep queued that was killed waits for another one.
        if one.sent_at is None and one.queued_at <= _whole_sweeps(story)[-1]:
            yield f"never sent: {one}"
    repeated = Counter(str(mail["Message-ID"]) for mail in outcome.mails)
    if not story.kills and max(repeated.values(), default=1) > 1:
        yield "a mail was sent twice"


def _named_wrongly(story: Story, outcome: Outcome) -> Iterator[str]:
    """Yield jobs that were not told by name, or twice; a mail that is repeated keeps its id."""
    # A gateway that tells another frequency is named in news of its own.
    silences = [mail for mail in outcome.mails if "declared anew" not in mail["Subject"]]
    mails = {str(mail["Message-ID"]): mail for mail in silences}.values()
    named = Counter(
        line for mail in mails for line in mail.get_body(("plain",)).get_content().splitlines()
    )
    sent = Counter(one.job for one in outcome.told if one.sent_at is not None)
    for cron in story.crons.values():
        # What is told of a site may hold a name that is refused.
        if story.unspeakable and cron.site:
            continue
        due = 0 if cron.name in story.unspeakable else sent[cron.name]
        if named[cron.name] != due:
            yield f"{cron.name}: told {named[cron.name]} times by name, not {due} times"
