"""Whoever has little comes early, whatever others have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gocron.core.turns import counted, in_turns, shared


def first(name: str) -> str:
    return name[0]


@pytest.mark.parametrize(
    ("items", "in_order"),
    [
        ([], []),
        (["a1", "a2", "a3"], ["a1", "a2", "a3"]),
        (["a1", "a2", "a3", "b1", "c1"], ["a1", "b1", "c1", "a2", "a3"]),
        (["a1", "b1", "b2", "a2"], ["a1", "b1", "b2", "a2"]),
    ],
)
def test_accounts_take_turns_and_keep_their_own_order(items, in_order) -> None:
    assert in_turns(items, first) == in_order


def test_what_belongs_to_several_accounts_comes_in_the_turn_that_is_first() -> None:
    items = ["a", "a", "a", "ab", "b"]
    assert in_turns(items, set) == ["a", "ab", "a", "b", "a"]


@given(
    items=st.lists(st.sampled_from("abcde"), max_size=60),
    rooms=st.lists(st.integers(0, 20), max_size=3),
)
def test_rooms_are_filled_in_turns_and_nothing_is_lost_or_told_twice(items, rooms) -> None:
    numbered = list(enumerate(items))
    parts = shared(numbered, lambda one: one[1], *rooms)
    assert sorted(one for part in parts for one in part) == numbered
    assert all(part == sorted(part) for part in parts)
    left = len(items)
    for room, part in zip(rooms, parts, strict=False):
        assert len(part) == min(room, left)
        left -= len(part)
    if rooms and parts[0]:
        held = [sum(name == one for _, one in parts[0]) for name in set(items)]
        total = [items.count(name) for name in set(items)]
        least = min(h for h, t in zip(held, total, strict=True) if h < t) if left else 0
        assert not left or len(rooms) > 1 or max(held) <= least + 1


def test_the_rest_is_counted_by_account_the_most_first() -> None:
    assert counted("abbccc", 2) == ([(3, "c"), (2, "b")], 1)
    assert counted("ab", 2) == ([(1, "a"), (1, "b")], 0)
    assert counted("", 2) == ([], 0)
