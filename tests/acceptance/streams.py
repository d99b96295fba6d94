"""Steady streams of check-ins from a host: each of a new job, and each answer is noted."""

import subprocess

from gocron.render.crontab import CURL
from tests.acceptance.hosts import Host, wait_until

SCRIPT = """#!/bin/sh
# Arguments: the account, and where to check in.
number=0
until [ -e /root/stop ]; do
    number=$((number + 1))
    url="$2?account=$1&cronname=$number&email=a@example.com&frequency=1d"
    echo "$number $(@CURL@ \\
        -w '%{http_code}' "$url" 2>>/root/complaints)"
    sleep 0.1
done >"/root/$1"
""".replace("@CURL@", CURL)


class Streams:
    """They flow as long as the block lasts."""

    def __init__(self, host: Host, url: str, *accounts: str) -> None:
        self._host = host
        self._url = url
        self._accounts = accounts
        self._running: list[subprocess.Popen[str]] = []

    def __enter__(self) -> "Streams":
        self._host.put("/root/stream.sh", SCRIPT)
        self._host.path("/root/stop").unlink(missing_ok=True)
        for account in self._accounts:
            self._running.append(self._host.start(f"sh stream.sh {account} {self._url}"))
        return self

    def __exit__(self, *_: object) -> None:
        self._host.run("touch /root/stop")
        for stream in self._running:
            stream.communicate(timeout=60)

    def go_on(self) -> None:
        """Wait until each has had some more answers."""
        had = self._counts()
        wait_until(
            lambda: all(now >= then + 20 for now, then in zip(self._counts(), had, strict=True)),
            60,
            "the streams go on",
            every_s=0.1,
        )

    def _counts(self) -> list[int]:
        return [len(self._lines(account)) for account in self._accounts]

    def _lines(self, account: str) -> list[str]:
        path = self._host.path(f"/root/{account}")
        return path.read_text().splitlines() if path.exists() else []

    @property
    def complaints(self) -> str:
        """What curl had to say."""
        return self._host.read("/root/complaints")

    @property
    def answers(self) -> dict[tuple[str, str], str]:
        """How each check-in, by account and cronname, was answered."""
        noted = {}
        for account in self._accounts:
            for line in self._lines(account):
                number, status = line.split()
                noted[account, number] = status
        return noted
