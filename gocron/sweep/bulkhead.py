"""Bulkheads of a sweep: what fails by itself is told in one line, and all else goes on."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TypeVar

from gocron.errors import ExitStatus, GocronError, Locked, StoreError
from gocron.store.database import Store
from gocron.store.failures import FAILING
from gocron.store.patience import impatient

# Where more fails than anybody reads: so many lines, and so many names in a line.
LINES = 10
NAMES = 3

log = logging.getLogger("gocron-sweep")

Item = TypeVar("Item")


@dataclass
class _Failure:
    """What failed alike: the first error, and at whom it was met."""

    doing: str
    error: Exception
    then: str
    names: list[str] = field(default_factory=list)
    count: int = 0

    @property
    def status(self) -> ExitStatus:
        return self.error.status if isinstance(self.error, GocronError) else ExitStatus.BUG

    @property
    def line(self) -> str:
        more = self.count - len(self.names)
        met_at = f"{self.doing} {', '.join(self.names)}".lstrip()
        if more:
            met_at += f" and {more} more"
        if isinstance(self.error, GocronError):
            said = str(self.error)
        else:
            said = f"bug: {self.error!r} (please report)"
        return f"{met_at}: {said}; {self.then}"


class Bulkheads:
    """Stand round each step of a sweep, and round each item that a step sees to.

    What concerns the whole database ends the step, and where nothing can be asked of it any
    more, the sweep: StoreError.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._failures: dict[tuple[str, str], _Failure] = {}
        # Whether each step went through to its end.
        self.is_whole = True

    @contextmanager
    def step(self, doing: str) -> Iterator[None]:
        """Go on after the block, whatever it met."""
        try:
            yield
        except Exception as error:
            told = self._store.as_told(error)
            if isinstance(told, StoreError) and self._store.is_away(error):
                raise told from error
            self.is_whole = False
            self._note("", doing, told, "the sweep went on")

    def each(
        self,
        doing: str,
        some: Sequence[Item],
        work: Callable[[Sequence[Item]], object],
        name: Callable[[Item], str],
        then: str,
    ) -> list[Item]:
        """Do `work` to all of `some` at once; return those at which it fails alone.

        Where it fails it is done to either half, down to each alone: it must do no harm to do it
        again. `then` tells people what becomes of an item at which it fails.
        """
        try:
            if some:
                work(some)
        except Exception as error:
            told = self._store.as_told(error)
            is_locked = isinstance(told, Locked)
            if isinstance(error, FAILING) and not is_locked:
                raise
            if len(some) == 1:
                self._note(doing, name(some[0]), told, then)
                return list(some)
            half = len(some) // 2
            with impatient(self._store) if is_locked else nullcontext():
                return [
                    item
                    for part in (some[:half], some[half:])
                    for item in self.each(doing, part, work, name, then)
                ]
        return []

    @property
    def complaints(self) -> list[str]:
        """What failed, a line for each kind of it."""
        lines = [failure.line for failure in self._failures.values()]
        if (more := len(lines) - LINES) > 0:
            lines[LINES:] = [f"and {more} more that failed otherwise"]
        return lines

    @property
    def status(self) -> ExitStatus:
        """The exit status that the worst failure makes."""
        return min((one.status for one in self._failures.values()), default=ExitStatus.OK)

    def _note(self, doing: str, name: str, error: Exception, then: str) -> None:
        what = error.what if isinstance(error, GocronError) else repr(error)
        failure = self._failures.setdefault((doing, what), _Failure(doing, error, then))
        is_new = not failure.count and len(self._failures) <= LINES
        if is_new and not isinstance(error, GocronError):
            log.error("bug: %s", f"{doing} {name}".lstrip(), exc_info=error)
        if name in failure.names:
            return
        failure.count += 1
        if len(failure.names) < NAMES:
            failure.names.append(name)
