"""Whoever answers by drops is not waited for."""

import time
from contextlib import suppress

import pytest

from gocron.notify.deadline import within


def test_what_handles_failures_within_the_block_does_not_prolong_it() -> None:
    with pytest.raises(TimeoutError, match="not done within"), within(0.05):
        for _ in range(50):
            with suppress(Exception):
                time.sleep(0.1)


def test_what_is_done_in_time_is_not_ended_later() -> None:
    with within(0.05):
        pass
    time.sleep(0.1)
