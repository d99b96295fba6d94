"""The line that goes into a crontab: the one place where it is written.

Docs, examples, role and installer hold copies for people and programs that read no Python; a test
holds each of them equal to this.
"""

from collections.abc import Mapping
from urllib.parse import urlencode

# -L goes on to where a web server sends everybody since it has TLS. The retries last longer than
# the shortest outage of gocron's own that is seen: what is shorter must lose no check-in.
CURL = "curl -fsS -m 10 -L --retry 6 --retry-connrefused --retry-all-errors -o /dev/null"

# With fields in the body: a redirect must not make a GET of it, which would leave them behind.
CURL_POST = f"{CURL} --post301 --post302"

# More than run times differ, and than the hour by which clocks change in autumn.
SAMPLE_GRACE = "2h"
SAMPLE = {
    "cronname": "backup",
    "account": "web-01",
    "email": "ops@example.com",
    "frequency": "1d",
    "grace": SAMPLE_GRACE,
}


def query(fields: Mapping[str, str]) -> str:
    """Return `fields` as the query of a URL."""
    return urlencode(fields, safe="@,")


def check_in(address: str, fields: Mapping[str, str]) -> str:
    """Return the command that checks in with `fields` at the URL `address`, as a shell takes it."""
    return f'{CURL} "{address.rstrip("/")}/?{query(fields)}"'


def report(address: str, fields: Mapping[str, str]) -> str:
    """Return the command that tells, right behind a command, how that one ended.

    The shell puts its exit status in place of `$?`: so the quotes are double.
    """
    return f'{CURL} "{address.rstrip("/")}/?{query(fields)}&exit=$?"'


def crontab_line(schedule: str, command: str, address: str, fields: Mapping[str, str]) -> str:
    """Return the line of a crontab that runs `command` and checks in when it ended well."""
    return _escaped(f"{schedule}  {command} && {check_in(address, fields)}")


def reporting_line(schedule: str, command: str, address: str, fields: Mapping[str, str]) -> str:
    """Return the line of a crontab that runs `command` and reports how it ended."""
    return _escaped(f"{schedule}  {command}; {report(address, fields)}")


def _escaped(line: str) -> str:
    """Return `line` as a crontab has it: to cron a % ends the command, unless it is escaped."""
    return line.replace("%", r"\%")
