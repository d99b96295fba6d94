"""Delivery: what waits in the outbox is claimed, sent and marked, one digest at a time."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace

from gocron.core.channel import CHANNELS
from gocron.host import uptime as uptime_of_host
from gocron.notify import TooLarge, Unwanted
from gocron.render.form import Form
from gocron.store import outbox, parts
from gocron.store.database import Store
from gocron.store.outbox import Waiting
from gocron.sweep.attempt import Attempts, Claimed, Delivered
from gocron.sweep.channels import Desk, Opener
from gocron.sweep.sites import Remarks

# How often a sweep tells again, in another form or in parts, what was refused for what it holds.
# To find one job among thousands takes some thirty tries.
TRIES_A_SWEEP = 200
# In so many groups the jobs of a digest are left out one after the other.
LEFT_OUT_GROUPS = 20

_NAMELESS = (Form.ACCOUNTS, Form.BARE)


def deliver_news(
    store: Store,
    desk: Desk,
    clock: Callable[[], int],
    channel: Opener,
    uptime: Callable[[], float] = uptime_of_host,
) -> Delivered:
    """Send what is due; keep what failed for later.

    One recipient that fails doesn't stop the others. A channel that takes nothing is asked
    once: what else waits for it stays due, as does what an interval had no room for.
    `clock` is asked for each digest: a claim holds from when it is made, however long the
    ones before took, and until `uptime` says that it is over.
    """
    ends_at, done, remarks = clock() + desk.config.interval, Delivered(), Remarks(store)
    for name, traits in CHANNELS.items():
        with ExitStack() as stack:
            sweep = (store, clock, uptime, ends_at, done, remarks, desk)
            deliveries = _Deliveries(Attempts(*sweep, traits, channel, stack))
            # Asked for each: what failed by the one before may wait for this one by now.
            for waiting in outbox.due(store, clock()):
                if waiting.channel == name and deliveries.attempts.are_open:
                    deliveries.deliver(waiting)
    return done


@dataclass(frozen=True)
class _Deliveries:
    """The deliveries of one sweep by one channel."""

    attempts: Attempts

    @property
    def may_retell(self) -> bool:
        """Whether what was refused for what it holds may be told otherwise by this sweep."""
        return self.attempts.done.retold < TRIES_A_SWEEP and self.attempts.are_open

    def deliver(self, waiting: Waiting) -> None:
        """Send what is `waiting`; where its content is refused, with less in it or in parts."""
        claimed = self.attempts.claim(waiting)
        refused = claimed and self.attempts.tell(claimed, Form.WHOLE)
        if not claimed or not refused:
            return
        # News of gocron itself names no job that could be left out.
        if not claimed.digest.jobs or self.attempts.done.retold >= TRIES_A_SWEEP:
            self.attempts.put_off(claimed, refused)
            return
        form = Form.BRIEF if isinstance(refused, TooLarge) else Form.PLAIN
        left = self._tell(claimed, refused, form)
        is_about_names = not (form is Form.BRIEF and isinstance(left, TooLarge))
        if left and is_about_names and claimed.is_divisible:
            self._tell_parts(claimed, left)
        elif left and (left := self._tell_without_names(claimed, left)):
            self.attempts.put_off(claimed, left)

    def _tell(self, claimed: Claimed, refused: Unwanted, *forms: Form) -> Unwanted | None:
        """Tell in the first of `forms` that is not `refused` as those before; return why none."""
        for form in forms:
            self.attempts.done.retold += 1
            left = self.attempts.tell(claimed, form, refused)
            if left is None:
                return None
            refused = left
        return refused

    def _tell_parts(self, whole: Claimed, refused: Unwanted) -> None:
        """Tell of all jobs by name but of those whose name is refused.

        A server that takes no part, however little is in it, refuses us: what was split is
        joined again and waits as a whole, or it would come as a flood once the server takes it.
        """
        sent_before = self.attempts.done.sent
        waiting = self._split(whole, refused)
        while waiting and self.may_retell:
            part = self.attempts.claim(waiting.pop(0), is_part=True)
            left = part and self._tell(part, refused, Form.PLAIN)
            if not part or not left:
                continue
            if part.is_divisible:
                waiting[:0] = self._split(part, left)
                continue
            left = self._tell_without_names(part, left)
            took_none = self.attempts.done.sent == sent_before
            if left and took_none and not part.digest.may_be_taken:
                self._put_off_joined(part, waiting, left)
                return
            if left:
                self.attempts.put_off(part, left)
        if waiting:
            self.attempts.complain(whole.digest, f"{refused}; the next sweep goes on")

    def _tell_without_names(self, claimed: Claimed, refused: Unwanted) -> Unwanted | None:
        """Tell all in one message that leaves names out; return why that is refused, too.

        What may have been taken keeps its id, and so can't be told in parts: the jobs are left
        out by turns, until a message is taken that only counts some of them.
        """
        jobs = claimed.digest.jobs
        size = -(-len(jobs) // LEFT_OUT_GROUPS)
        starts = range(0, len(jobs), size) if claimed.digest.may_be_taken and jobs[1:] else ()
        for start in starts:
            if not self.may_retell:
                break
            some = frozenset(jobs[start : start + size])
            claimed.digest = replace(claimed.digest, unnamed=some)
            left = self._tell(claimed, refused, Form.PLAIN)
            if left is None:
                return None
            refused = left
        claimed.digest = replace(claimed.digest, unnamed=frozenset())
        return self._tell(claimed, refused, *_NAMELESS)

    def _split(self, claimed: Claimed, refused: Unwanted) -> list[Waiting]:
        store, now = self.attempts.store, self.attempts.clock()
        return parts.split(store, claimed.digest, claimed.at, now, str(refused))

    def _put_off_joined(self, part: Claimed, waiting: list[Waiting], refused: Unwanted) -> None:
        parts.join(self.attempts.store, part.digest, waiting, self.attempts.clock())
        joined = Waiting(part.digest.channel, part.digest.recipient, part.digest.key)
        if (whole := self.attempts.claim(joined)) is not None:
            self.attempts.put_off(whole, refused)
