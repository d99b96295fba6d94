"""Pack what gocron is built from; the same sources give the same archive, on any machine.

usage: pack.py CHECKOUT ARCHIVE.tar.gz

Prints a checksum of what is in the archive.
"""

import gzip
import hashlib
import io
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

PARTS = ("LICENSE", "MANIFEST.in", "pyproject.toml", "requirements.lock", "setup.py")
FOLDERS = ("gocron", "reports")


def pack(checkout: Path, archive: Path) -> str:
    """Write `archive` and return the checksum of its content."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.PAX_FORMAT) as packed:
        for path in sources(checkout):
            content = path.read_bytes()
            # No owner, time or mode of this machine's goes in.
            told = tarfile.TarInfo(f"gocron/{path.relative_to(checkout).as_posix()}")
            told.size = len(content)
            packed.addfile(told, io.BytesIO(content))
    archive.write_bytes(gzip.compress(tar.getvalue(), mtime=0))
    return hashlib.sha256(tar.getvalue()).hexdigest()


def sources(checkout: Path) -> Iterator[Path]:
    """Yield the files that gocron is built from, always in the same order."""
    for name in PARTS:
        yield checkout / name
    for folder in FOLDERS:
        for path in sorted((checkout / folder).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                yield path


if __name__ == "__main__":
    sys.stdout.write(pack(Path(sys.argv[1]), Path(sys.argv[2])) + "\n")
