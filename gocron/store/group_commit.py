"""Group commit: check-ins that come in together share one transaction and one fsync."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from gocron.core.checkin import CheckIn
from gocron.core.door import SIGN_EVERY_S
from gocron.errors import Bug, StoreError, Unfit
from gocron.store import checkins
from gocron.store.database import Store
from gocron.store.door import Pulse

# Enough to share an fsync among all that wait; the statement of each size is compiled once.
GROUP_LIMIT = 64

# While the database is away check-ins gather up to here, and more are refused at once.
QUEUE_LIMIT = 20_000

# A client waits 10 s (`curl -m 10`): we give up before it does, so that it learns why.
PATIENCE_S = 8.0

log = logging.getLogger("gocron-front")

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
    function it is given where the requests wait, for example in their event loop. `pulse`
    tells the sweeps that check-ins are being kept.
    """

    def __init__(
        self,
        store: Store,
        announce: Callable[[Callable[[], None]], object] = lambda tell_all: tell_all(),
        pulse: Pulse | None = None,
    ) -> None:
        self._store = store
        self._pulse = pulse
        self._announce = announce
        self._queue: deque[_Waiting] = deque()
        self._handed_in = threading.Semaphore(0)
        threading.Thread(target=self._work, name="group-commit", daemon=True).start()

    def submit(self, checkin: CheckIn, tell: Tell) -> None:
        """Hand in `checkin`; `tell` learns its outcome once it is on disk, or is not to be."""
        if len(self._queue) >= QUEUE_LIMIT:
            tell(StoreError(self._store.name, f"{QUEUE_LIMIT} check-ins wait for it"))
            return
        self._queue.append(_Waiting(checkin, tell, time.monotonic() + PATIENCE_S))
        self._handed_in.release()

    def record(self, checkin: CheckIn) -> Outcome:
        """Hand in `checkin` and wait for its outcome."""
        told: list[Outcome] = []
        done = threading.Event()

        def tell(outcome: Outcome) -> None:
            told.append(outcome)
            done.set()

        self.submit(checkin, tell)
        return told[0] if done.wait(PATIENCE_S) else self.too_late()

    def too_late(self) -> StoreError:
        """Return the outcome of a check-in whose commit takes too long. It may yet be kept."""
        return StoreError(self._store.name, f"no answer within {PATIENCE_S:.0f} s")

    @property
    def is_keeping(self) -> bool:
        """Whether what is handed in now would be kept, as far as the last sign of it tells."""
        return self._pulse is None or self._pulse.is_alive

    def _work(self) -> None:
        while True:
            self._give_sign()
            if self._handed_in.acquire(timeout=SIGN_EVERY_S):
                self._keep_group()

    def _keep_group(self) -> None:
        group = [self._queue.popleft()]
        while len(group) < GROUP_LIMIT and self._handed_in.acquire(blocking=False):
            group.append(self._queue.popleft())
        # Who was told that it came to nothing may have checked in elsewhere since.
        group = [waiting for waiting in group if time.monotonic() < waiting.until]
        if group:
            outcomes = self._commit([waiting.checkin for waiting in group])
            if self._pulse is not None and isinstance(outcomes[0], int):
                self._pulse.heard()
            self._announce(partial(_tell_all, group, outcomes))

    def _give_sign(self) -> None:
        if self._pulse is None or not self._pulse.is_due:
            return
        try:
            with self._store.reporting():
                self._store.db.connect(reuse_if_open=True)
                self._pulse.give()
        except StoreError as error:
            # That there is no sign tells what there is to tell.
            self._store.db.close()
            log.info("%s", error)
        except Exception as error:
            # Whatever it is, the thread that all check-ins wait for goes on.
            self._store.db.close()
            log.exception("bug: %r (please report)", error)

    def _commit(self, group: Sequence[CheckIn]) -> Sequence[Outcome]:
        failure: StoreError
        for last in (False, True):
            try:
                with self._store.reporting():
                    self._store.db.connect(reuse_if_open=True)
                    return self._write(group)
            except Unfit as error:
                # The connection is as good as before.
                if len(group) > 1:
                    return self._one_by_one(group)
                failure = error
                break
            except StoreError as error:
                # A connection that went stale is made anew once: to keep a check-in twice
                # is to keep it.
                self._store.db.close()
                failure = error
                if last or self._is_busy(error):
                    break
            except Exception as error:
                # Whatever it is, the thread that all check-ins wait for goes on.
                if len(group) > 1:
                    return self._one_by_one(group)
                log.exception("bug: %r (please report)", error)
                failure = Bug(self._store.name, f"bug: {error!r}")
                break
        return [failure] * len(group)

    def _is_busy(self, error: StoreError) -> bool:
        """Tell whether another connection held its lock for all the time there was to wait."""
        return not self._store.is_postgres and "locked" in error.what

    def _write(self, group: Sequence[CheckIn]) -> Sequence[Outcome]:
        return self._store.write(
            lambda: checkins.record(self._store, group),
            checkins.is_one_statement(self._store, group),
        )

    def _one_by_one(self, group: Sequence[CheckIn]) -> Sequence[Outcome]:
        """Commit each by itself: the one that can't be kept must not cost the others theirs."""
        return [outcome for checkin in group for outcome in self._commit([checkin])]


def _tell_all(group: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
    for waiting, outcome in zip(group, outcomes, strict=True):
        waiting.tell(outcome)
