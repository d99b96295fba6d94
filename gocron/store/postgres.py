"""Postgres' connections: text in UTF-8, commits on disk, and no answer is awaited for ever.

A server that hangs, its machine or its disk, keeps its connections open, and its kernel takes what
is sent to it. Only who waits for the answer can tell.
"""

import math
import os
import select
import socket
import time
from typing import Any

import peewee
import psycopg2
from playhouse import db_url
from psycopg2 import extensions

CONNECT_WITHIN_S = 5

# The server ends a statement after a minute by itself, unless it hangs.
_STATEMENT_TIMEOUT_S = 60
_ANSWER_WITHIN_S = 65.0


class _Connection(extensions.connection):
    """A connection that knows for how long an answer is awaited on it."""

    answer_within_s = _ANSWER_WITHIN_S


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
        "keepalives_idle": 30,
        "tcp_user_timeout": 10_000,
        "application_name": "gocron",
        # Otherwise text goes in the database's own encoding, which may lack most letters.
        "client_encoding": "UTF8",
        "options": f"-c synchronous_commit=on {limits}",
    }


def _await_answer(connection: extensions.connection) -> None:
    """Return once `connection` has what it waits for. Raises psycopg2.Error."""
    descriptor, limit_s, give_up_at = -1, math.inf, math.inf
    while (state := connection.poll()) != extensions.POLL_OK:
        if connection.fileno() != descriptor:
            # Of several addresses each has its time, and a socket of its own.
            descriptor, limit_s = connection.fileno(), _limit_s(connection)
            give_up_at = time.monotonic() + limit_s
        if _is_ready(descriptor, state, give_up_at):
            continue
        if not _is_connecting(connection):
            raise psycopg2.OperationalError(f"no answer within {limit_s:g} s")
        _go_on_without(descriptor)


def _is_ready(descriptor: int, state: int, give_up_at: float) -> bool:
    """Tell whether what `state` waits for comes before `give_up_at`."""
    sockets = select.poll()
    sockets.register(descriptor, select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
    left_s = max(give_up_at - time.monotonic(), 0)
    return bool(sockets.poll(None if left_s == math.inf else left_s * 1000))


def _go_on_without(descriptor: int) -> None:
    """Have libpq go on to the next address, or tell that there is none."""
    try:
        with socket.socket(fileno=os.dup(descriptor)) as connecting:
            connecting.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        raise psycopg2.OperationalError(f"no connection within {CONNECT_WITHIN_S} s") from error


def _limit_s(connection: extensions.connection) -> float:
    """Return for how long an answer is awaited: for ever where gocron didn't connect."""
    if not isinstance(connection, _Connection):
        return math.inf
    return CONNECT_WITHIN_S if _is_connecting(connection) else connection.answer_within_s


def _is_connecting(connection: extensions.connection) -> bool:
    return connection.status not in (extensions.STATUS_READY, extensions.STATUS_BEGIN)


# psycopg2 has one such function for the process.
extensions.set_wait_callback(_await_answer)
