"""Time zones by the names that the world has for them."""

from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from gocron.core.refused import Refused

UTC = "UTC"
ZONE_LIMIT = 64


def read_zone(text: str) -> str:
    """Return the zone that `text` names, as its place is called today.

    Case doesn't count: `us/central` is America/Chicago. Raises Refused where no zone has that
    name.
    """
    told = " ".join(text.split()).lower() if len(text) <= ZONE_LIMIT else ""
    # In an address + means a space, and some write the space of New York.
    for blank in (" ", "_", "+"):
        if name := _names().get(told.replace(" ", blank)):
            return name
    raise Refused("tz", f"{text[:40]!a} is no time zone; {_hint(told)}")


@lru_cache(maxsize=1024)
def clock(zone: str) -> ZoneInfo:
    """Return the clock of `zone`, a name that `read_zone` returned."""
    return ZoneInfo(zone)


def offset_s(zone: str, at: int) -> int:
    """Return by how many seconds clocks in `zone` are ahead of UTC at the moment `at`."""
    ahead = datetime.fromtimestamp(at, clock(zone)).utcoffset()
    return 0 if ahead is None else int(ahead.total_seconds())


def _hint(told: str) -> str:
    places = {name.lower(): name for name in _names().values() if "/" in name}
    near = [place for place in places if place.endswith(f"/{told}")]
    near = near or get_close_matches(told, places, 1, 0.8)
    if near:
        return f"did you mean {places[near[0]]}?"
    return "send a name such as Europe/Berlin, or UTC"


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """Return what each name that was ever a zone's is today, by the name in small letters.

    Places in the list of zones by country have a name of their own, Europe/Oslo too, though
    their clocks have long gone like another's; any other link is an old name.
    """
    data = files("tzdata")
    known = data.joinpath("zones").read_text("utf-8").split()
    rules = data.joinpath("zoneinfo/tzdata.zi").read_text("utf-8").splitlines()
    table = data.joinpath("zoneinfo/zone.tab").read_text("utf-8").splitlines()
    places = {line.split("\t")[2] for line in table if not line.startswith("#")}
    links = (line.split()[1:3] for line in rules if line.startswith("L "))
    today = {old: name for name, old in links if old not in places | {UTC}}
    today["Etc/UTC"] = UTC
    names = {name.lower(): today.get(name, name) for name in known if name != "Factory"}
    return {name: today.get(target, target) for name, target in names.items()}
