"""Postgres' connections: text in UTF-8, commits on disk, and no answer is awaited for ever.

A server that hangs, its machine or its disk, keeps its connections open, and its kernel takes what
is sent to it. Only who waits for the answer can tell.
"""

import math
import os
import socket
import threading
import time
from contextlib import suppress
from typing import Any
from weakref import WeakValueDictionary

import peewee
import psycopg2
from playhouse import db_url
from psycopg2 import extensions

# Of several addresses each has its time.
CONNECT_WITHIN_S = 5

# The server ends a statement after a minute by itself, unless it hangs.
_STATEMENT_TIMEOUT_S = 60
_ANSWER_WITHIN_S = 65.0
_LOOK_EVERY_S = 0.5


class _Connection(extensions.connection):
    """A connection that is cut where an answer on it is not there by `give_up_at`."""

    answer_within_s = _ANSWER_WITHIN_S
    give_up_at = math.inf

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.give_up_at = time.monotonic() + self.answer_within_s
        _watch(self)
        super().__init__(*arguments, **named)
        self.give_up_at = math.inf

    def cut_if_late(self) -> None:
        """Have the thread that waits for an answer learn that none will come."""
        if time.monotonic() < self.give_up_at:
            return
        # One that is being made, or was closed this moment, has no socket.
        with (
            suppress(OSError, psycopg2.InterfaceError),
            socket.socket(fileno=os.dup(self.fileno())) as awaited,
        ):
            awaited.shutdown(socket.SHUT_RDWR)


class _Cursor(extensions.cursor):
    """Statements of which each has its time."""

    connection: _Connection

    def execute(self, query: Any, parameters: Any = None) -> None:
        """Run a statement. Raises psycopg2.Error."""
        connection = self.connection
        connection.give_up_at = give_up_at = time.monotonic() + connection.answer_within_s
        try:
            super().execute(query, parameters)
        except psycopg2.OperationalError as error:
            if time.monotonic() < give_up_at or not connection.closed:
                raise
            late = f"no answer within {connection.answer_within_s:g} s"
            raise psycopg2.OperationalError(late) from error
        finally:
            connection.give_up_at = math.inf


class ServerDatabase(peewee.PostgresqlDatabase):
    """A Postgres database."""

    def hurry(self, answer_within_s: float) -> None:
        """Have this thread's connection wait so long at most for an answer, and then close."""
        connection: _Connection = self._state.conn  # type: ignore[attr-defined]
        connection.answer_within_s = answer_within_s


def parameters(url: str) -> dict[str, Any]:
    """Return what a ServerDatabase is made of."""
    limits = f"-c lock_timeout=5s -c statement_timeout={_STATEMENT_TIMEOUT_S}s"
    return {
        **db_url.parse(url, unquote_password=True, unquote_user=True),
        "autoconnect": False,
        "connection_factory": _Connection,
        "cursor_factory": _Cursor,
        "connect_timeout": CONNECT_WITHIN_S,
        "keepalives_idle": 30,
        "tcp_user_timeout": 10_000,
        "application_name": "gocron",
        # Otherwise text goes in the database's own encoding, which may lack most letters.
        "client_encoding": "UTF8",
        "options": f"-c synchronous_commit=on {limits}",
    }


_connections: "WeakValueDictionary[int, _Connection]" = WeakValueDictionary()
_watcher = threading.Thread()


def _watch(connection: _Connection) -> None:
    """Have a thread of this process look after `connection`, one for all of them."""
    global _watcher
    _connections[id(connection)] = connection
    # Of a process that was forked no thread but the one that forked goes on.
    if not _watcher.is_alive():
        _watcher = threading.Thread(target=_cut_what_is_late, name="postgres", daemon=True)
        _watcher.start()


def _cut_what_is_late() -> None:
    while True:
        time.sleep(_LOOK_EVERY_S)
        for reference in _connections.valuerefs():
            if (connection := reference()) is not None:
                connection.cut_if_late()
            # A connection that nobody else has any more is closed.
            del connection
