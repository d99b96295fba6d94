"""Accounts take turns: one that has much to tell delays or crowds out itself alone."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def in_turns(items: Sequence[Item], accounts_of: Callable[[Item], Collection[str]]) -> list[Item]:
    """Return `items` so that accounts take turns: the first of each, then the second of each.

    Within a round they stay in their order. What belongs to several accounts comes as early
    as it would for the one of them that has the least before it.
    """
    before: dict[str, int] = defaultdict(int)
    rounds = []
    for item in items:
        accounts = accounts_of(item)
        rounds.append(min((before[account] for account in accounts), default=0))
        for account in accounts:
            before[account] += 1
    return [items[at] for at in sorted(range(len(items)), key=lambda at: (rounds[at], at))]


def shared(
    items: Sequence[Item], account_of: Callable[[Item], str], *rooms: int
) -> list[list[Item]]:
    """Return the items that have their place in each of `rooms`, and last those that have none.

    Accounts take turns until a room is full. Each part keeps the order of `items`.
    """
    turns = in_turns(range(len(items)), lambda at: (account_of(items[at]),))
    parts = []
    for room in rooms:
        parts.append([items[at] for at in sorted(turns[:room])])
        turns = turns[room:]
    return [*parts, [items[at] for at in sorted(turns)]]


def counted(accounts: Iterable[str], limit: int) -> tuple[list[tuple[int, str]], int]:
    """Return how many there are of each account, the most first, for up to `limit` accounts.

    With it comes how many there are of all other accounts.
    """
    found = sorted(Counter(accounts).items(), key=lambda pair: (-pair[1], pair[0]))
    named = [(number, account) for account, number in found[:limit]]
    return named, sum(number for _, number in found[limit:])
