"""Group commit: check-ins that come in together share one transaction and one fsync."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from gocron.core.checkin import CheckIn
from gocron.core.health import Known
from gocron.core.own_outage import SAME_OUTAGE_S, SIGN_EVERY_S
from gocron.errors import Bug, StoreError, Unfit
from gocron.host import this_host
from gocron.store import checkins, counts
from gocron.store.database import Result, Store, Transaction
from gocron.store.failures import met_a_lock
from gocron.store.lives import LifeSigns
from gocron.store.schema import see_to

# While the database is away check-ins gather up to here, and more are refused at once.
QUEUE_LIMIT = 20_000

# A client waits 10 s (`curl -m 10`): we give up before it does, so that it learns why.
PATIENCE_S = 8.0

# A database that hangs is given up before, and after any lock that it waits for.
ANSWER_WITHIN_S = 6.0

# However many ask how gocron is, the database is asked once in so long, and they wait so long.
LOOK_EVERY_S = 1.0
LOOK_PATIENCE_S = 2.0
ASKERS_LIMIT = 4096

log = logging.getLogger("gocron-front")

_NEVER = float("-inf")

# What became of a check-in: its deadline, None where the job is unknown, or why not.
Outcome = int | None | StoreError
Tell = Callable[[Outcome], None]


class _Waiting(NamedTuple):
    """A check-in on its way to the disk; `until` is when its client is told that it's too late."""

    checkin: CheckIn
    tell: Tell
    until: float


class GroupCommit:
    """One thread that writes what many requests hand in.

    While one transaction is on its way to the disk the next ones gather, so that the load
    sets the size of the groups: alone, a check-in waits for nobody. `announce` runs the
    function it is given where the requests wait, for example in their event loop. `life_signs`
    tells the sweeps that check-ins are being kept.
    """

    def __init__(
        self,
        store: Store,
        announce: Callable[[Callable[[], None]], object] = lambda tell_all: tell_all(),
        life_signs: LifeSigns | None = None,
    ) -> None:
        self._store = store
        self._life_signs = life_signs
        # How much news waits for too long: what that is, whoever asks says.
        self.count_undelivered: Callable[[Store], int] = lambda _: 0
        # By which check-ins are stamped when they are kept; None: they say when they came.
        self.clock: Callable[[], float] | None = None
        self._announce = announce
        self._queue: deque[_Waiting] = deque()
        self._handed_in = threading.Event()
        self._place: object = None
        # Who wants to know how gocron is, and what is known of it. Of too many the oldest fall out:
        # they have given up, and were told what was known by then.
        self._askers: deque[Callable[[Known], None]] = deque(maxlen=ASKERS_LIMIT)
        self._known = Known()
        self._looked_at = _NEVER
        # The last check-ins that the database did not keep, and until when they matter.
        self._unkept: Sequence[CheckIn] = ()
        self._unkept_until = 0.0
        self._refused_at = _NEVER
        # The last group failed as a whole, by the database's fault; some check-in failed since the
        # last sign, by whoever's fault.
        self._is_failing = False
        self._is_in_doubt = False
        threading.Thread(target=self._work, name="group-commit", daemon=True).start()

    def submit(self, checkin: CheckIn, tell: Tell) -> None:
        """Hand in `checkin`; `tell` learns its outcome once it is on disk, or is not to be."""
        if len(self._queue) >= QUEUE_LIMIT:
            self._refused_at = time.monotonic()
            tell(StoreError(self._store.name, f"{QUEUE_LIMIT} check-ins wait for it"))
            return
        self._queue.append(_Waiting(checkin, tell, time.monotonic() + PATIENCE_S))
        self._handed_in.set()

    def too_late(self) -> StoreError:
        """Return the outcome of a check-in whose commit takes too long. It may yet be kept."""
        late = StoreError(self._store.name, f"no answer within {PATIENCE_S:.0f} s")
        # The thread that commits may hang: the next sign tells when it goes on.
        self._known = replace(self._known, not_kept=str(late))
        return late

    @property
    def known(self) -> Known:
        """What is known of gocron without asking anybody."""
        if (
            self._known.is_keeping
            and self._life_signs is not None
            and not self._life_signs.is_alive
        ):
            return replace(self._known, not_kept="no sign of life for long")
        return self._known

    @property
    def is_keeping(self) -> bool:
        """Whether what is handed in now would be kept, as far as the last sign of it tells."""
        return self.known.is_keeping

    def ask(self, tell: Callable[[Known], None]) -> None:
        """Have `tell` learn how gocron is, by a sign of life that is a second old at most."""
        if time.monotonic() - self._looked_at < LOOK_EVERY_S:
            tell(self.known)
            return
        self._askers.append(tell)
        self._handed_in.set()

    def _work(self) -> None:
        while True:
            if self._is_sign_due():
                self._give_sign()
            self._tell_askers()
            if not self._queue:
                is_sure = self.is_keeping and not self._is_in_doubt
                self._handed_in.wait(SIGN_EVERY_S if is_sure else LOOK_EVERY_S)
            self._handed_in.clear()
            if self._queue:
                self._keep_group()

    def _is_sign_due(self) -> bool:
        age_s = time.monotonic() - self._looked_at
        # While groups fail the next one tells as much, and need not wait for a sign to fail first.
        if age_s < LOOK_EVERY_S or (self._is_failing and self._queue):
            return False
        if self._askers or self._life_signs is None:
            return bool(self._askers)
        return self._is_in_doubt or not self.is_keeping or self._life_signs.is_due

    def _tell_askers(self) -> None:
        """Tell what is known to all who asked before it was."""
        if time.monotonic() - self._looked_at >= LOOK_EVERY_S:
            return
        asked = [self._askers.popleft() for _ in range(len(self._askers))]
        if asked:
            self._announce(partial(_tell_all, asked, [self.known] * len(asked)))

    def _keep_group(self) -> None:
        waiting = [
            self._queue.popleft() for _ in range(min(len(self._queue), checkins.GROUP_LIMIT))
        ]
        # Who was told that it came to nothing may have checked in elsewhere since.
        group = [one for one in waiting if time.monotonic() < one.until]
        if len(group) < len(waiting):
            self._refused_at = time.monotonic()
            self._end_life(self.too_late())
        if not group:
            return
        outcomes = self._commit([one.checkin for one in group])
        self._note([one.checkin for one in group], outcomes)
        self._announce(partial(_tell_all, [one.tell for one in group], outcomes))

    def _note(self, group: Sequence[CheckIn], outcomes: Sequence[Outcome]) -> None:
        """Draw from the outcomes of a group what they say of all that come after it."""
        failures = [outcome for outcome in outcomes if isinstance(outcome, StoreError)]
        failed = len(failures) == len(group)
        self._is_failing = failed and not isinstance(failures[0], (Bug, Unfit))
        self._is_in_doubt = self._is_in_doubt or bool(failures)
        if self._is_failing:
            self._unkept, self._unkept_until = group, time.monotonic() + SAME_OUTAGE_S
            self._end_life(failures[0])
        elif any(isinstance(outcome, int) for outcome in outcomes):
            if self._life_signs is not None:
                self._life_signs.heard()
            if not self._known.is_keeping:
                # Something was kept again: the next sign need not wait its turn.
                self._looked_at = _NEVER

    def _end_life(self, error: StoreError) -> None:
        """Note that check-ins are not being kept. A sign that succeeds begins the next life."""
        self._known = replace(self._known, not_kept=str(error))
        if self._life_signs is not None:
            self._life_signs.end()

    def _give_sign(self) -> None:
        """Prove that check-ins are kept, leave a sign of it, and learn how gocron is."""
        self._is_failing = self._is_in_doubt = False
        try:
            if time.monotonic() - self._refused_at < SIGN_EVERY_S:
                raise StoreError(self._store.name, "more check-ins come than it can keep")
            self._with_database(self._prove)
        except StoreError as error:
            # That there is no sign tells what there is to tell.
            log.info("%s", error)
            self._end_life(error)
        except Exception as error:
            # Whatever it is, the thread that all check-ins wait for goes on.
            self._store.db.close()
            bug = Bug(self._store.name, f"bug: {error!r}")
            if self._known.not_kept != str(bug):
                # Once, not each second.
                log.exception("bug: %r (please report)", error)
            self._end_life(bug)
        self._looked_at = time.monotonic()

    def _prove(self) -> None:
        """Go the way of a check-in, the way of those that were not kept first, and leave a sign."""
        unkept = self._unkept if time.monotonic() < self._unkept_until else ()
        checkins.try_out(self._store, unkept, this_host())
        self._unkept = ()
        if self._life_signs is not None:
            self._life_signs.give()
        self._known = Known(
            instance=counts.instance_name(self._store),
            sign="" if self._life_signs is None else self._life_signs.sign,
            swept_at=counts.totals(self._store).swept_at,
            undelivered=self.count_undelivered(self._store),
            not_kept="",
        )

    def _commit(self, group: Sequence[CheckIn]) -> Sequence[Outcome]:
        failure: StoreError
        try:
            return self._with_database(lambda: self._write(group))
        except StoreError as error:
            if isinstance(error, Unfit) and len(group) > 1:
                return self._one_by_one(group)
            failure = error
        except Exception as error:
            # Whatever it is, the thread that all check-ins wait for goes on.
            if len(group) > 1:
                return self._one_by_one(group)
            log.exception("bug: %r (please report)", error)
            failure = Bug(self._store.name, f"bug: {error!r}")
        return [failure] * len(group)

    def _write(self, group: Sequence[CheckIn]) -> Sequence[Outcome]:
        def work(tx: Transaction) -> Sequence[Outcome]:
            now = () if self.clock is None else (int(self.clock()),)
            return checkins.record(tx, group, *now)

        return self._store.write(work, checkins.is_one_statement(self._store, group))

    def _one_by_one(self, group: Sequence[CheckIn]) -> Sequence[Outcome]:
        """Commit each by itself: the one that can't be kept must not cost the others theirs."""
        return [outcome for checkin in group for outcome in self._commit([checkin])]

    def _reach(self) -> None:
        """Get to the database; where it is another one by now, see to its tables first."""
        place = self._store.reach(ANSWER_WITHIN_S)
        if place != self._place:
            if applied := see_to(self._store):
                log.warning("%s: applied %s", self._store.name, ", ".join(applied))
            self._place = place

    def _with_database(self, work: Callable[[], Result]) -> Result:
        """Run `work` in the database that stands at its place before and after. Raises StoreError.

        A connection that went stale is made anew once: to keep a check-in twice is to keep it.
        While groups fail there is none to go stale, and those that wait are told so the sooner.
        """
        for last in (self._is_failing, True):
            try:
                with self._store.reporting():
                    self._reach()
                    result = work()
                    if self._store.is_astray():
                        raise StoreError(self._store.name, "was replaced at this moment")
                    return result
            except Unfit:
                # The connection is as good as before.
                raise
            except StoreError as error:
                self._store.db.close()
                if last or met_a_lock(error):
                    raise
        raise AssertionError("unreachable")


def _tell_all(tells: Sequence[Callable[[Result], None]], found: Sequence[Result]) -> None:
    for tell, one in zip(tells, found, strict=True):
        tell(one)
