"""What nginx may promise while no front answers: a flag says that its journal has room.

nginx answers 202 to a check-in that it only wrote down, and can't see whether it was written. So it
looks for a flag first (contrib/nginx/gocron.conf). A flag is named by its time and there is none
for later on: where no sweep runs nobody looks for room, and the promise ends.
"""

from pathlib import Path

from gocron.config import Config
from gocron.host import lacks_room

# nginx knows the time in seconds: without the last four digits it is this long the same.
PERIOD_S = 10_000

# Tens of thousands of check-ins, and so more than come until the next sweep looks.
ROOM_LEAST_MB = 16


def flags(journal: Path) -> Path:
    """Return the folder of the flags for `journal`, which sweeps write and nginx reads."""
    return journal.with_name(f"{journal.name}.room")


def renew_promise(config: Config, now: int) -> list[str]:
    """Let nginx promise for this period and the next while there is room; else not.

    Return what is to be complained of.
    """
    return renew_promise_of(Path(config.journal), now) if config.journal else []


def renew_promise_of(journal: Path, now: int) -> list[str]:
    """Do so for one journal."""
    folder = flags(journal)
    if not journal.parent.is_dir():
        return []
    try:
        lack = lacks_room(journal.parent, ROOM_LEAST_MB)
        if not folder.is_dir():
            folder.mkdir(mode=0o755)
            folder.chmod(0o755)
        wanted = [] if lack else [str(now // PERIOD_S + later) for later in (0, 1)]
        for name in wanted:
            (folder / name).touch()
        for flag in folder.iterdir():
            if flag.name not in wanted:
                flag.unlink()
    except OSError as error:
        lack = f"{error.filename}: {error.strerror}"
    if lack and journal.exists():
        return [f"nginx keeps no check-ins in {journal}: {lack}"]
    return []
