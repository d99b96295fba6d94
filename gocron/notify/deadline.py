"""An end to waiting: a server that answers by drops never runs into a timeout of its own."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class _Expired(BaseException):
    """No Exception: what handles a server's failures within the block must not end this one."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the block once `seconds` are over.

    It takes the alarm signal, which only the main thread can: elsewhere each answer's own
    timeout must do.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(_signal: int, _frame: FrameType | None) -> None:
        raise _Expired

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except _Expired:
        raise TimeoutError(f"not done within {seconds:.0f} s") from None
    finally:
        signal.signal(signal.SIGALRM, before)
