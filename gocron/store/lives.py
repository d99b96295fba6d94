"""The lives of fronts by their signs, and up to when it is known whether all could check in."""

import re
import secrets
from collections.abc import Callable

from gocron.core.own_outage import JUMP_S, SHUT_AFTER_S, SIGN_EVERY_S, Life
from gocron.host import uptime as uptime_of_host
from gocron.store.database import Store, Transaction


class LifeSigns:
    """The signs of life of one front, given by the thread that keeps its check-ins.

    A sign proves that a check-in could have been kept. Where signs failed for a while, or a
    check-in could not be kept, a new life begins: what lies between was no life. `clock` is the
    database's, asked with each sign; how much time has passed is told by `uptime` alone.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float],
        host: str,
        uptime: Callable[[], float] = uptime_of_host,
    ) -> None:
        self._store = store
        self._host = host
        self._clock = clock
        self._uptime = uptime
        self._life: int | None = None
        self._name = ""
        self._given_at = 0
        # By the host's uptime: when the last sign was given, and a check-in was kept last.
        self._up_at = float("-inf")
        self._heard_up_at: float | None = None

    def heard(self) -> None:
        """Note that a check-in was kept."""
        self._heard_up_at = self._uptime()

    @property
    def is_due(self) -> bool:
        """Whether it is time for a sign."""
        return self._uptime() - self._up_at >= SIGN_EVERY_S

    @property
    def is_alive(self) -> bool:
        """Whether this life lasts, and its last sign is young enough."""
        return self._life is not None and self._uptime() - self._up_at < SHUT_AFTER_S

    @property
    def sign(self) -> str:
        """What names this life and its last sign; `has_sign` finds it in the same database only."""
        return "" if self._life is None else f"{self._life}-{self._name}-{self._given_at}"

    def end(self) -> None:
        """End this life at its last sign: check-ins are not being kept."""
        self._life = None

    def give(self) -> None:
        """Give a sign of life. The caller holds a connection."""
        now, up_at = int(self._clock()), self._uptime()
        heard_at = 0 if self._heard_up_at is None else now - int(up_at - self._heard_up_at)
        # Where the clock was put back by a little, the end of this life is lived anew.
        goes_on = self.is_alive and -JUMP_S <= now - self._given_at < SHUT_AFTER_S
        if not goes_on or not self._prolong(now, heard_at):
            if now < self._given_at - JUMP_S and not self._prolong(self._given_at, heard_at):
                # A sweep has removed this life when it put right what lay ahead. What this front
                # stamped since still lies ahead: by this the next one sees so.
                self._begin(self._given_at, heard_at)
            self._begin(now, heard_at, self._jumped_s(now, up_at))
        self._given_at, self._up_at = now, up_at

    def _jumped_s(self, now: int, up_at: float) -> int:
        """Return by how much more the clock went forth since the last sign than time did."""
        if not self._given_at:
            return 0
        jumped_s = (now - self._given_at) - int(up_at - self._up_at)
        return jumped_s if jumped_s > SHUT_AFTER_S else 0

    def _begin(self, at: int, heard_at: int, jumped_s: int = 0) -> None:
        self._name = secrets.token_hex(8)
        begun = {
            "name": self._name,
            "host": self._host,
            "began_at": at,
            "until_at": at,
            "heard_at": heard_at,
            "jumped_s": jumped_s,
        }
        self._life = self._store.write(lambda tx: tx.tables.presence.insert(begun).execute())

    def _prolong(self, at: int, heard_at: int) -> bool:
        presence = self._store.tables.presence
        change = {presence.until_at: at, presence.heard_at: heard_at}
        # A database in which this life stands otherwise is another one, restored for example: what
        # this front kept until now is not in it.
        as_left = (presence.id == self._life) & (presence.until_at == self._given_at)
        prolong = presence.update(change).where(as_left & (presence.began_at <= at))
        return bool(self._store.write(lambda tx: prolong.execute(), one_statement=True))


def of_fronts(store: Store, since: int, host: str) -> list[Life]:
    """Return the lives of fronts that ended at `since` or later, and the last one before.

    `host` is the one that asks.
    """
    presence = store.tables.presence
    is_here = (presence.host == host).alias("is_here")
    columns = (
        presence.began_at,
        presence.until_at,
        presence.heard_at,
        presence.jumped_s,
        is_here,
    )
    recent = presence.select(*columns).where(presence.until_at >= since)
    before = presence.select(*columns).where(presence.until_at < since)
    lives = [*recent, *before.order_by(presence.until_at.desc()).limit(1)]
    return [Life(**{**row, "is_here": bool(row["is_here"])}) for row in lives]


def has_sign(store: Store, sign: str) -> bool:
    """Tell whether this database is the one in which a front gave the sign of that name."""
    parts = re.fullmatch(r"(\d{1,18})-([0-9a-f]{16})-(\d{1,18})", sign, re.ASCII)
    if parts is None:
        return False
    presence = store.tables.presence
    life = (presence.id == int(parts[1])) & (presence.name == parts[2])
    # In a copy of the database the signs of this life end when the copy was made.
    found = presence.select(presence.id).where(life & (presence.until_at >= int(parts[3])))
    return bool(list(found))


def known_until(tx: Transaction) -> int | None:
    """Return up to when it is known whether all could check in, None before the first look.

    Other sweeps wait with theirs until the transaction ends.
    """
    (row,) = tx.locked(tx.tables.instance.select())
    at: int | None = row["open_at"]
    return at


def mark_known_until(tx: Transaction, at: int) -> None:
    """Keep up to when it is known whether all could check in."""
    instance = tx.tables.instance
    instance.update({instance.open_at: at}).execute()


def enter(tx: Transaction, host: str, now: int) -> None:
    """Keep that a sweep of `host` has checked in by `self_url`."""
    tx.tables.entry.insert({"host": host, "entered_at": now}).on_conflict("IGNORE").execute()


def ever_entered(store: Store, host: str) -> bool:
    """Tell whether a sweep of `host` ever came in so."""
    entry = store.tables.entry
    return bool(list(entry.select(entry.host).where(entry.host == host)))
