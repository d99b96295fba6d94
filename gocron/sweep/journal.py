"""The check-in journal: what nginx took while no front answered is kept by the next sweep.

nginx writes a line of JSON for each (contrib/nginx/gocron-journal.conf has the format). How far
each file was read stands in the database. To read a line again does no harm.
"""

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from gocron.config import Config
from gocron.core.checkin import CheckIn, Refused, is_news, read_checkin
from gocron.core.network import Client, client_address, client_network
from gocron.errors import Locked
from gocron.fields import KNOCK_FIELD, read_journalled
from gocron.host import clock
from gocron.store import counts, journal, late_checkins
from gocron.store.database import Store
from gocron.store.journal import Stretch
from gocron.sweep.bulkhead import Bulkheads
from gocron.sweep.journal_files import START, Line, batches, files_of, name_of, open_file

# A sweep reads the journals first, and may take so long for the rest.
SWEEP_LIMIT_S = 3_600

# A line at which gocron itself fails is left, and read again after so long. Where more are left in
# a file than this, the rest of it waits with them.
LEFT_FOR_S = 3_600
LEFT_LIMIT = 1_000

# Lines come while a journal is read. What lies further ahead, the host's clock was put back since.
AHEAD_LIMIT_S = 600

log = logging.getLogger("gocron-sweep")


@dataclass
class _Skipped:
    """How many check-ins could not be kept, and why the first one could not."""

    count: int = 0
    first: str = ""

    def add(self, why: str) -> None:
        """Count one more."""
        self.first = self.first or why
        self.count += 1


def replay_journal(
    store: Store, config: Config, now: int, host_clock: Callable[[], float] = clock
) -> list[str]:
    """Keep the check-ins that came since the last replay; return what is to be complained of.

    They keep the time at which they came, by the database's clock. What can't be read is skipped,
    and counted in one warning. A line at which gocron itself fails keeps no other from being kept,
    and is read again.
    """
    if not config.journal:
        return []
    # nginx writes by the clock of this host, which may be another one than the database's.
    ahead_s = round(host_clock() - store.moment())
    reader = _Reader(store, config, now, bulkheads := Bulkheads(store), ahead_s)
    complaints = []
    try:
        for path in files_of(Path(config.journal)):
            try:
                reader.replay(path)
            except FileNotFoundError:
                # Rotated away just now: the next sweep finds it by its new name.
                continue
            except OSError as error:
                complaints.append(_complaint(error))
    except OSError as error:
        complaints.append(_complaint(error))
    skipped = reader.skipped
    if skipped.count:
        log.warning(
            "journal: %d check-ins can't be kept; the first: %s", skipped.count, skipped.first
        )
    return complaints + bulkheads.complaints


def _complaint(error: OSError) -> str:
    return f"journal {error.filename}: {error.strerror}; check what it is, its mode and its owner"


class _Reader:
    """Reads the files of a journal at one moment, and keeps what stands in them."""

    def __init__(
        self, store: Store, config: Config, now: int, bulkheads: Bulkheads, ahead_s: int
    ) -> None:
        self._store = store
        self._config = config
        self._now = now
        self._bulkheads = bulkheads
        self._ahead_s = ahead_s
        self._latest = now + AHEAD_LIMIT_S
        self.skipped = _Skipped()

    def replay(self, path: Path) -> None:
        """Keep what came into the file at `path` since, and what was left there. Raises OSError."""
        with open_file(path) as file:
            name = name_of(file)
            if name == "":
                return
            left = self._replay_left(file, name)
            read_to = journal.read_to(self._store, name)
            if read_to >= os.fstat(file.fileno()).st_size:
                return
            file.seek(read_to)
            # What was added to a file that was read before has come since.
            since = 0 if read_to else _all_read_at(self._store)
            for lines in batches(file):
                bad = self._keep(lines, since, path)
                left += len(bad)
                if left > LEFT_LIMIT:
                    return
                journal.mark_read(self._store, name, lines[-1].stretch.ends_at, self._now, bad)

    def _replay_left(self, file: BinaryIO, name: str) -> int:
        """Keep the lines that were left long enough ago; return how many are left still."""
        left = journal.left(self._store, name)
        for stretch, read_at in sorted(left.items()):
            if self._now - read_at < LEFT_FOR_S:
                continue
            file.seek(stretch.begins_at)
            line = Line(file.read(stretch.ends_at - stretch.begins_at), stretch)
            if left_at := self._keep([line], 0, Path(file.name)):
                journal.leave(self._store, name, stretch, left_at[stretch])
            else:
                journal.take_up(self._store, name, stretch)
                del left[stretch]
        return len(left)

    def _keep(self, lines: Sequence[Line], since: int | None, path: Path) -> dict[Stretch, int]:
        """Keep the check-ins that `lines` tell; return what is left, and since when it waits.

        One whose job's row another transaction holds is read again by the next sweep, or its job
        would look silent.
        """
        came: dict[Line, CheckIn] = {}
        unfit: dict[Line, CheckIn] = {}
        locked: set[Line] = set()

        def read(some: Sequence[Line]) -> None:
            for line in some:
                if (checkin := self._read(line)) is not None:
                    came[line] = checkin

        def keep(some: Sequence[Line]) -> None:
            told = {id(came[line]): line for line in some}
            try:
                for checkin in late_checkins.keep(
                    self._store,
                    [came[line] for line in some],
                    lambda one: is_news(one, since, self._now),
                ):
                    unfit[told[id(checkin)]] = checkin
            except Exception as error:
                if len(some) == 1 and isinstance(self._store.as_told(error), Locked):
                    locked.add(some[0])
                raise

        # One by one, for what is skipped is counted.
        bad = [line for one in lines for line in self._each([one], read, path)]
        bad += self._each(list(came), keep, path)
        for checkin in unfit.values():
            self.skipped.add(
                f"{checkin.cronname} ({checkin.account}) is not known, or is none that the "
                "database can hold"
            )
        at_once = self._now - LEFT_FOR_S
        return {line.stretch: at_once if line in locked else self._now for line in bad}

    def _each(
        self, some: Sequence[Line], work: Callable[[Sequence[Line]], None], path: Path
    ) -> list[Line]:
        """Do `work` to lines of the file at `path`; return those at which it fails."""
        return self._bulkheads.each(
            "keeping what nginx took",
            some,
            work,
            lambda line: f"at byte {line.stretch.begins_at} of {path}",
            "the line stays, and is read again within an hour",
        )

    def _read(self, line: Line) -> CheckIn | None:
        """Return the check-in of a line; None for what is none, or is to be skipped."""
        # A full disk or a power cut leaves half a line, and the next one follows in it.
        begins_at = max(line.text.rfind(START), 0)
        if begins_at > 0:
            self.skipped.add("journal: has half a line")
        try:
            checkin = _checkin(line.text[begins_at:], self._config)
        except Refused as refused:
            self.skipped.add(str(refused))
            return None
        if checkin is None:
            return None
        seen_at = checkin.seen_at - self._ahead_s
        # That it came is sure, and not after now.
        return replace(checkin, seen_at=seen_at if seen_at <= self._latest else self._now)


def _all_read_at(store: Store) -> int | None:
    """Return up to when all lines had surely been read, None: never."""
    read_at = journal.settled_at(store) or counts.totals(store).swept_at
    return None if read_at is None else read_at - SWEEP_LIMIT_S


def _checkin(line: bytes, config: Config) -> CheckIn | None:
    """Return the check-in of a line, None for what is none: a sweep's own, or a mere visit.

    Raises Refused.
    """
    seen_at, peer, fields = read_journalled(line)
    if not fields or (len(fields) == 1 and fields[0][0] == KNOCK_FIELD):
        return None
    # What nginx would have told a front of; its word is a trusted proxy's.
    client = Client(client_address(peer, "", config.trusted_proxies), is_named=True)
    network = client_network(client, config.trusted_proxies, config.site_ipv6_prefix)
    return read_checkin(fields, client.address, seen_at, network)
