"""`gocron demo`: a newcomer sees an alert within a minute, and nothing stays."""

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers import free_port
from tests.service.processes import program, until


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGHUP])
def test_the_demo_shows_an_alert_and_leaves_nothing_running(tmp_path: Path, ending: int) -> None:
    out = tmp_path / "out"
    port = free_port()
    with (
        out.open("wb") as stream,
        program("main", "demo", "--port", port, stdout=stream, stderr=stream) as demo,
    ):
        until(
            lambda: "Subject: [gocron] nightly-dump (demo) failed with exit status 1" in said(out)
        )
        assert "No space left on device" in said(out)
        until(lambda: "Subject: [gocron] nightly-report (demo) has not checked in" in said(out))
        folder = Path(said(out).split("as files in ")[1].split()[0]).parent
        assert f"http://127.0.0.1:{port}/?cronname=" in said(out)
        assert "nightly-report" in (folder / "status/index.html").read_text()
        demo.send_signal(ending)
        assert demo.wait(20) == 0
    assert not folder.exists()
    assert not any(str(folder) in command for command in running())


def running() -> Iterator[str]:
    """The command lines of all processes; a bare host has no ps."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield file.read_text("utf-8", "replace")


def said(out: Path) -> str:
    return out.read_text("utf-8")
