"""Part of install.sh: what it asks of the gocron that it is installing.

It is run by that gocron's Python, as the user that gocron runs as, from standard input. Ends
with gocron's own exit status when the configuration or the database is not as needed.
"""
# ruff: noqa: T201 (it answers by printing; its URLs are gocron's own)

import json
import os
import shlex
import sys
import time
import urllib.parse
from pathlib import Path

from gocron.config import Config, load_config
from gocron.errors import ConfigError, ExitStatus, GocronError
from gocron.listening import open_listener
from gocron.notify.http import NoAnswer, fetch
from gocron.options import example
from gocron.outside import reachable
from gocron.render.crontab import SAMPLE, check_in
from gocron.store.database import Store
from gocron.store.schema import pending, upgrade

SAMPLE_FREQUENCY_S = 86_400


def new_config(*told: str) -> None:
    """Print the file of all options in which those `told`, name after value, are set."""
    values = dict(zip(told[::2], told[1::2], strict=True))
    for line in example().splitlines():
        name = line.removeprefix("#").partition(":")[0]
        chosen = line.startswith("#") and values.get(name)
        print(f"{name}: {json.dumps(chosen)}" if chosen else line)


def settings(path: str) -> None:
    """Print what install.sh needs to know of the configuration, as shell variables."""
    config = load_config(Path(path))
    told = {
        "front_host": reachable(config.listen_host),
        "front_port": str(config.listen_port),
        "front_bound": config.listen_host,
        "operator_email": config.operator_email,
        "front_database": config.database_url,
        "page_folder": config.status_dir,
        "page_url": config.public_url,
    }
    print("\n".join(f"{name}={shlex.quote(value)}" for name, value in told.items()))


def ready(path: str) -> None:
    """Complain of what would keep front or sweep from working; upgrade the database."""
    config = load_config(Path(path))
    _listenable(config)
    if config.status_dir:
        _writable(Path(config.status_dir), "status_dir")
    if config.database_url.startswith("sqlite:///"):
        _writable(Path(config.database_url.removeprefix("sqlite:///")).parent, "database_url")
    store = Store(config.database_url)
    with store.connected():
        for name in upgrade(store) if pending(store) else ():
            print(f"upgrading the database: {name}")


def _listenable(config: Config) -> None:
    try:
        open_listener(config.listen_host, config.listen_port).close()
    except ConfigError:
        # Where gocron itself listens, it is what will be restarted.
        if "GOCRON_IS_RUNNING" in os.environ and _answers(config):
            return
        raise


def _writable(folder: Path, option: str) -> None:
    if not folder.is_dir():
        raise ConfigError(str(folder), "is no folder", f"make it, or change {option}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(
            str(folder), "can't be written by the user gocron", f"see to it, or change {option}"
        )


def _answers(config: Config) -> bool:
    """Tell whether a front listens where the configuration says."""
    url = f"http://{reachable(config.listen_host)}:{config.listen_port}/"
    try:
        return fetch(url, 2, direct=True).body.startswith(b"gocron")
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


def checks_in(url: str, account: str, cronname: str) -> None:
    """Check in as a job would."""
    fields = {
        "account": account,
        "cronname": cronname,
        "email": "gocron@example.com",
        "frequency": SAMPLE_FREQUENCY_S,
    }
    try:
        answer = fetch(f"{url}?{urllib.parse.urlencode(fields)}", 20, direct=True)
    except NoAnswer as error:
        raise GocronError(url, f"a check-in did not get through: {error}") from None
    if answer.status != 201:
        raise GocronError(url, f"answered {answer.status} to a check-in")


def check_in_command(address: str, account: str, email: str) -> None:
    """Print the command that goes to the end of a line of a crontab."""
    print(check_in(address, {**SAMPLE, "account": account, "email": email}))


QUESTIONS = (new_config, settings, ready, answering, checks_in, check_in_command)


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
