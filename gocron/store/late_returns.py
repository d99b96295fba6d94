"""Silences: a queue of gateways that came back after their deadline, for sweeps to look at."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from peewee import chunked

from gocron.core.outage import longer_than_late_s
from gocron.store.database import ROWS_A_STATEMENT, Store, Transaction
from gocron.store.tables import SILENCE


@dataclass(frozen=True)
class LateReturn:
    """A gateway's silence beyond its deadline, that a check-in of its own has ended.

    `allowance_s` is for how long it might be silent, 0: not known.
    """

    id: int
    site_id: int
    account: str
    began_at: int
    ended_at: int
    allowance_s: int

    @property
    def is_lateness(self) -> bool:
        """Whether the gateway was only late, so that this was no outage of its site."""
        length_s = self.ended_at - self.began_at
        return self.allowance_s > 0 and length_s <= longer_than_late_s(self.allowance_s)


def waiting(store: Store, gateway_ids: Sequence[int] | None = None) -> list[LateReturn]:
    """Return the silences that nobody has looked at yet, the first first; of these gateways."""
    silence, job = store.tables.silence, store.tables.job
    query = (
        silence.select(*(getattr(silence, column) for column in SILENCE), job.account)
        .join(job, on=(job.id == silence.job_id))
        .order_by(silence.id)
    )
    if gateway_ids is not None:
        query = query.where(silence.job_id.in_(list(gateway_ids)))
    return [
        LateReturn(
            row["id"],
            row["job_id"],
            row["account"],
            row["began_at"],
            row["ended_at"],
            row["allowance_s"],
        )
        for row in query
    ]


def take(tx: Transaction, silences: Iterable[LateReturn]) -> set[int]:
    """Take silences off the queue; return the ids of those that no other sweep has taken."""
    silence = tx.tables.silence
    found: set[int] = set()
    for some in chunked([one.id for one in silences], ROWS_A_STATEMENT):
        query = silence.select(silence.id).where(silence.id.in_(some)).order_by(silence.id)
        ids = [row["id"] for row in tx.locked_if_free(query)]
        silence.delete().where(silence.id.in_(ids)).execute()
        found.update(ids)
    return found
