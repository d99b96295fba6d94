"""What a database says of a failure is one line that says nothing twice."""

import pytest

from gocron.store.failures import reason

REFUSED = """connection to server at "db" (::1), port 9 failed: Connection refused
\tIs the server running on that host and accepting TCP/IP connections?
connection to server at "db" (127.0.0.1), port 9 failed: Connection refused
\tIs the server running on that host and accepting TCP/IP connections?
"""
TWO = """connection to server at "a", port 9 failed: Connection refused
connection to server at "b", port 9 failed: timeout expired
"""
SOCKET = 'connection to server on socket "/run/.s.PGSQL.5432" failed: No such file or directory'


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (REFUSED, "Connection refused"),
        (TWO, " ".join(TWO.split("\n")).strip()),
        (SOCKET, SOCKET),
        ("no answer within 6 s", "no answer within 6 s"),
        ("", "ValueError"),
    ],
)
def test_the_cause_is_told_once_and_the_server_where_it_is_not_known(said: str, told: str) -> None:
    assert reason(ValueError(said)) == told
