"""The processes of a front: one has the socket, one serves, and neither stops before its time."""

import asyncio
import ctypes
import multiprocessing
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.net import SocketHolder  # type: ignore[attr-defined]
from granian.server.mp import MPServer

from gocron.front.listening import BACKLOG, hold_back, is_anyone_waiting, let_in

# Clients that are connected and say nothing must not keep others out.
CONNECTIONS = 16_384

# A signal to stop is held back until nobody waits and nothing came for so long; a request may be
# on its way on a connection that has begun.
QUIET_S = 0.5
SHUTDOWN_PATIENCE_S = 10.0

# All of it together; systemd and docker are told to wait for longer.
STOP_WITHIN_S = 15
_STOPPING = (signal.SIGTERM, signal.SIGINT)

# From <linux/prctl.h>; Python has no name for it.
_PR_SET_PDEATHSIG = 1


def run(listener: socket.socket, make_server: Callable[[], Any]) -> None:
    """Serve at `listener` what `make_server` returns in the process that serves, until a signal."""
    _allow_open_files()
    _Processes(listener).serve(target_loader=make_server, wrap_loader=False)


def _allow_open_files() -> None:
    """Ask for as many open files as we may have; each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Let signals to stop wait for the length of the block, and in processes that begin in it.

    A process that has begun and heeds none yet would lose them.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)


class _Processes(MPServer):
    """granian's two processes, of which the first has the socket, and the second serves.

    So a connection that has begun waits for the next to serve while one ends or has crashed.
    """

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(
            "gocron.front.rsgi:Server",
            interface=Interfaces.RSGI,
            loop=Loops.auto,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=10_000, max_buffer_size=65_536),
            websockets=False,
            backlog=BACKLOG,
            backpressure=CONNECTIONS,
            respawn_failed_workers=True,
            log_level=LogLevels.warning,
        )
        self._listener = listener

    def _init_shared_socket(self) -> None:
        self._ssp, self._sso = None, self._listener
        self._shd = SocketHolder(self._listener.fileno(), False, BACKLOG)  # type: ignore[assignment, call-arg]

    def _spawn_workers(self, *arguments: Any) -> None:
        with _signals_wait():
            super()._spawn_workers(*arguments)  # type: ignore[no-untyped-call]

    def _respawn_workers(self, *arguments: Any, **named: Any) -> None:
        """Put a process in the place of another, which held newcomers back when it ended."""
        with _signals_wait():
            super()._respawn_workers(*arguments, **named)
        let_in(self._listener)


def _stop_with_parent() -> None:
    """Have the kernel ask this process to stop where its parent, which would ask it, is killed.

    It would keep the port as a front that nobody knows of.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent.pid:
        # It was killed before that.
        os.kill(os.getpid(), signal.SIGTERM)


class Stop:
    """The stop of the process that serves: asked for by a signal, and held back.

    granian would reset what it has not accepted yet, and what it has accepted and not yet read.
    It gets the signal once all that came is answered.
    """

    def __init__(self, listener: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self.is_asked = False
        self._listener = listener
        self._loop = loop
        self._serving = 0
        self._served_at = 0.0
        _stop_with_parent()
        threading.Thread(target=self._await, name="await-stop", daemon=True).start()

    def began(self) -> None:
        """Tell that a whole request came, and is being served."""
        self._serving += 1

    def ended(self) -> None:
        """Tell that it has been answered."""
        self._serving -= 1
        self._served_at = time.monotonic()

    def drain(self) -> None:
        """Run the loop, which granian has left, until what it read at last is answered."""

        async def answered() -> None:
            while self._serving:
                await asyncio.sleep(0.01)

        with suppress(asyncio.TimeoutError):
            self._loop.run_until_complete(asyncio.wait_for(answered(), SHUTDOWN_PATIENCE_S))

    def _await(self) -> None:
        signal_number = signal.sigwait(_STOPPING)
        hold_back(self._listener)
        self.is_asked = True
        self._served_at = asked_at = time.monotonic()
        while not self._is_quiet() and time.monotonic() < asked_at + SHUTDOWN_PATIENCE_S:
            time.sleep(QUIET_S / 10)
        os.kill(os.getpid(), signal_number)
        self._loop.call_soon_threadsafe(signal.pthread_sigmask, signal.SIG_UNBLOCK, _STOPPING)
        # Usually the process has ended by then. A client that sends its request by drops is not
        # waited for: newcomers wait, and it asks again.
        while self._serving and time.monotonic() < asked_at + STOP_WITHIN_S:
            time.sleep(QUIET_S / 10)
        time.sleep(QUIET_S)
        os._exit(0)

    def _is_quiet(self) -> bool:
        since_s = time.monotonic() - self._served_at
        return since_s > QUIET_S and not self._serving and not is_anyone_waiting(self._listener)
