"""Part of install.sh: what only an installer asks of the gocron that it is installing.

It is run by that gocron's Python, as the user that gocron runs as, from standard input. Ends
with gocron's own exit status when something is not as needed.
"""
# ruff: noqa: T201 (it answers by printing; its URLs are gocron's own)

import json
import socket
import sys
import time
import urllib.parse
from pathlib import Path

from gocron.commands.config import example
from gocron.config import Config, load_config
from gocron.errors import ConfigError, ExitStatus, GocronError, UnknownJob
from gocron.notify.http import NoAnswer, fetch
from gocron.render.crontab import SAMPLE, report
from gocron.store import counts, job_row
from gocron.store.database import Store
from gocron.sweep.world import here_url

SAMPLE_FREQUENCY_S = 86_400
RELOADS_WITHIN_S = 5


def new_config(*told: str) -> None:
    """Print the file of all options in which those `told`, name after value, are set."""
    values = dict(zip(told[::2], told[1::2], strict=True))
    for line in example().splitlines():
        name = line.removeprefix("#").partition(":")[0]
        chosen = line.startswith("#") and values.get(name)
        print(f"{name}: {json.dumps(chosen)}" if chosen else line)


def same_database(path: str) -> None:
    """Complain unless the file names the database that GC_DATABASE_URL does."""
    if load_config(Path(path), {}).database_url != load_config(Path(path)).database_url:
        other = "its database_url is another one than asked for, and the file is yours"
        raise ConfigError(path, other, "change it there")


def _answers(config: Config) -> bool:
    """Tell whether a front listens where the configuration says."""
    try:
        return fetch(here_url(config), 2, direct=True).body.startswith(b"gocron")
    except NoAnswer:
        return False


def answering(path: str, patience_s: str) -> None:
    """Wait until the front answers."""
    config = load_config(Path(path))
    give_up_at = time.monotonic() + int(patience_s)
    while not _answers(config):
        if time.monotonic() > give_up_at:
            raise GocronError("gocron-front", f"does not answer within {patience_s} s")
        time.sleep(0.1)


def checks_in(path: str, account: str, cronname: str, *urls: str) -> None:
    """Check in at each of `urls` as a job would, and see that it is kept here."""
    store = Store(load_config(Path(path)).database_url)
    fields = {
        "account": account,
        "cronname": cronname,
        "email": "gocron@example.com",
        "frequency": SAMPLE_FREQUENCY_S,
    }
    for url in urls:
        # nginx, told to read its configuration anew, answers by the one before for a moment.
        give_up_at = time.monotonic() + RELOADS_WITHIN_S
        while complaint := _check_in(f"{url}?{urllib.parse.urlencode(fields)}"):
            if time.monotonic() > give_up_at:
                raise GocronError(f"a check-in at {url}", complaint)
            time.sleep(0.2)
        try:
            with store.connected():
                job_row.forget(store, account, cronname)
        except UnknownJob:
            raise GocronError(f"a check-in at {url}", "was taken by another gocron") from None


def _check_in(url: str) -> str:
    """Return what came between a check-in and the database, "" where nothing did."""
    try:
        answer = fetch(url, 20, direct=True)
    except NoAnswer as error:
        return f"did not get through: {error}"
    return "" if answer.status == 201 else f"was answered {answer.status}, not as gocron does"


def check_in_command(address: str, account: str, email: str) -> None:
    """Print the command that goes right behind the command in a line of a crontab."""
    print(report(address, {**SAMPLE, "account": account, "email": email}))


def swept(path: str) -> None:
    """Print when this host swept last, by its own clock and in seconds since 1970; 0 for never."""
    config = load_config(Path(path))
    if config.status_dir:
        page = Path(config.status_dir, "index.html")
        print(int(page.stat().st_mtime) if page.exists() else 0)
        return
    store = Store(config.database_url)
    with store.connected():
        swept_at = counts.totals(store).swept_at
        # By the database's clock, which may be another one.
        print(0 if swept_at is None else swept_at + round(time.time() - store.moment()))


def left(path: str) -> None:
    """Print what has to be done before gocron can tell anybody anything, a line each."""
    config = load_config(Path(path))
    try:
        socket.create_connection((config.smtpserver, config.smtpport), 5).close()
    except OSError as error:
        where = f"{config.smtpserver}:{config.smtpport} ({error.strerror or error})"
        then = f"set smtpserver in {path}, then try: gocron test you@example.com"
        print(f"mail: nothing answers at {where}; {then}")


QUESTIONS = (new_config, same_database, answering, checks_in, check_in_command, swept, left)


def main() -> int:
    """Answer the question that the first argument names."""
    name, *arguments = sys.argv[1:]
    try:
        next(question for question in QUESTIONS if question.__name__ == name)(*arguments)
    except GocronError as error:
        print(f"install.sh: {error}", file=sys.stderr)
        return error.status
    return ExitStatus.OK


if __name__ == "__main__":
    sys.exit(main())
