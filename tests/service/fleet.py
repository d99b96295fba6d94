"""Hosts of one version of gocron or of another, with one database, while jobs check in."""

import os
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from gocron.store.database import Store
from gocron.store.schema import pending
from tests.peers import MailPeer, free_port
from tests.service.processes import front, program, until

HOUR = 3600

# What the subjects of mails say.
MISSING, BACK, ANEW = "has not checked in", "is back", "was declared anew"
NOT_REACHED = "gocron was not reached for 30 min"


def check_in(
    url: str, account: str, cronname: str, address: str = "192.0.2.1", **more: object
) -> int:
    """Check in as from `address`; return the status of the answer, 0 where there was none."""
    fields = {"account": account, "cronname": cronname, "email": f"{cronname}@example.com"}
    request = urllib.request.Request(f"{url}?{urlencode(fields | {'frequency': '1h'} | more)}")
    request.add_header("X-Forwarded-For", address)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


class Host:
    """A front on a port of its own, and a sweep, both of one version."""

    def __init__(self, folder: Path, database_url: str, mail_port: int) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self._config = folder / f"{self.port}.yml"
        self._config.write_text(
            f"database_url: '{database_url}'\nlisten_host: 127.0.0.1\nlisten_port: {self.port}\n"
            f"status_dir: '{folder / str(self.port)}'\njournal: ''\n"
            f"smtpserver: 127.0.0.1\nsmtpport: {mail_port}\nmail_from: gocron@example.com\n"
            "operator_email: operator@example.com\n"
        )
        self._where: dict[str, Any] = {}
        self._front: subprocess.Popen[bytes] | None = None
        self._running = ExitStack()

    def install(self, version: Path) -> None:
        """Bring the tables up to date while the front goes on, then put a new one in its place."""
        # Python looks first where it is started, and by PYTHONPATH next.
        self._where = {"cwd": version, "env": {**os.environ, "PYTHONPATH": str(version)}}
        with self._run("main", "db", "upgrade") as upgrade:
            assert upgrade.wait(60) == 0
        self.stop()
        mine = front(self._config, self.port, **self._where)
        self._front = self._running.enter_context(mine)

    def sweep(self) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """Sweep for the length of the block, or until it is waited for."""
        return self._run("sweep")

    def stop(self) -> None:
        """Let the front end as by systemd."""
        if self._front is not None:
            self._front.terminate()
            assert self._front.wait(30) == 0
        self._running.close()

    def _run(self, name: str, *words: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
        return program(name, "--config", self._config, *words, **self._where)


class Stream:
    """Check-ins at one host, each of a job of its own, tried again as curl does in a crontab."""

    def __init__(self, host: Host) -> None:
        self.account = f"stream-{host.port}"
        self.kept_at: dict[str, int] = {}
        self.refused: list[int] = []
        self._url = host.url
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._flow)

    def __enter__(self) -> "Stream":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def go_on(self) -> None:
        """Wait for some answers more."""
        had = len(self.kept_at)
        until(lambda: len(self.kept_at) > had + 3)

    def _flow(self) -> None:
        name = str(len(self.kept_at))
        began_at = int(time.time())
        while not self._stopping.wait(0.05):
            status = check_in(self._url, self.account, name)
            if status in (0, 503):
                continue
            if status == 201:
                self.kept_at[name] = began_at
            else:
                self.refused.append(status)
            name, began_at = str(len(self.kept_at)), int(time.time())


class Fleet:
    """The hosts, the streams of check-ins at them, and who was told what."""

    def __init__(
        self, database_url: str, hosts: list[Host], streams: list[Stream], mail: MailPeer
    ) -> None:
        self.hosts = hosts
        self.streams = streams
        self.mail = mail
        self.to_be_told: Counter[tuple[str, str]] = Counter()
        # Not brought up to date: that is what the hosts do.
        self._store = Store(database_url)

    def hear(self, *names: str, **fields: object) -> None:
        """Let jobs of these names check in, at one host and the other."""
        for number, name in enumerate(names):
            assert check_in(self.hosts[number % 2].url, "web-01", name, **fields) == 201

    def be_silent(self, for_s: int, *names: str) -> None:
        """Let the last check-ins of these jobs lie further back."""
        job = self._store.tables.job
        columns = job.last_seen_at, job.due_at, job.judge_at
        change = {column: column - for_s for column in columns}
        with self._store.connected():
            if not any(name.startswith("0013") for name in pending(self._store)):
                # What is remembered of check-ins would lie after the last one.
                change[job.recent] = ""
            earlier = job.update(change)
            mine = earlier.where(job.cronname.in_(names))
            assert self._store.write(lambda tx: mine.execute()) == len(names)

    def was_not_reached(self, hours_ago: int) -> None:
        """Let there be an outage of gocron's own of which nobody has been told."""
        began_at = int(time.time()) - hours_ago * HOUR
        known = {"began_at": began_at, "ended_at": began_at + HOUR // 2, "noticed_at": began_at}
        with self._store.connected():
            self._store.write(lambda tx: self._store.tables.outage.insert(known).execute())

    def sweep(self) -> list[int]:
        """Let all hosts sweep at the same time; return how that ended."""
        with ExitStack() as stack:
            sweeps = [stack.enter_context(host.sweep()) for host in self.hosts]
            return [sweep.wait(60) for sweep in sweeps]

    def mail_is_back(self) -> None:
        """Let the mail server take mails again, once what waits for it has waited long enough."""
        self.mail.start()
        news = self._store.tables.news
        long_ago = news.update({news.next_try_at: 0, news.claimed_until: 0})
        with self._store.connected():
            self._store.write(lambda tx: long_ago.where(self._waits).execute())

    def expect(self, what: str, *names: str) -> None:
        """Let it be told, of each of these names to its own mailbox, once from now on."""
        self.to_be_told.update((f"{name}@example.com", what) for name in names)

    @property
    def told(self) -> Counter[tuple[str, str]]:
        """How often each recipient was told what."""
        return Counter(
            (recipient, what)
            for recipient, mail in self.mail.received
            for what in (MISSING, BACK, ANEW, NOT_REACHED)
            if what in mail["Subject"]
        )

    def spared(self, *names: str) -> set[str | None]:
        """Why these jobs, none of which may be missing, are not told of."""
        job = self._store.tables.job
        mine = job.cronname.in_(names) & job.missed_at.is_null()
        with self._store.connected():
            found = [row["reprieve"] for row in job.select(job.reprieve).where(mine)]
        assert len(found) == len(names)
        return set(found)

    def ids(self, name: str) -> set[str]:
        """Under which ids the mailbox of that name got its mails."""
        mails = (mail for to, mail in self.mail.received if to == f"{name}@example.com")
        return {mail["Message-ID"] for mail in mails}

    @property
    def waiting(self) -> list[str]:
        """Who is still to be told of something."""
        news = self._store.tables.news
        with self._store.connected():
            query = news.select(news.recipient).where(self._waits).order_by(news.id)
            return [row["recipient"] for row in query]

    def lost(self) -> list[tuple[str, str]]:
        """Return which check-ins got a 201 and can't be found, or lie further back."""
        for stream in self.streams:
            stream.go_on()
            assert not stream.refused
        kept = {
            (stream.account, name): began_at
            for stream in self.streams
            for name, began_at in stream.kept_at.copy().items()
        }
        job = self._store.tables.job
        with self._store.connected():
            rows = list(job.select(job.account, job.cronname, job.last_seen_at))
        heard_at = {(row["account"], row["cronname"]): row["last_seen_at"] for row in rows}
        # A front knows the clock of Postgres to within a part of a second.
        return [key for key, began_at in kept.items() if heard_at.get(key, 0) < began_at - 1]

    @property
    def _waits(self) -> Any:
        news = self._store.tables.news
        return news.sent_at.is_null() & news.given_up_at.is_null()
