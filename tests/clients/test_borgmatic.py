"""borgmatic as its registry has it: its hooks report a run as they do it to their own services."""

import logging
from argparse import Namespace
from contextlib import suppress

import pytest
from borgmatic.commands.borgmatic import Monitoring_hooks

from gocron.core.signal import FAIL, LOG, OK, OUTPUT_LIMIT_B, START
from tests.clients.conftest import Ear
from tests.front.test_served import Served

HOOKS = ("healthchecks", "watchgoose", "cronitor", "uptime_kuma")
WITH_OUTPUT = HOOKS[:2]


class Broken(Exception):
    """What makes a backup fail."""


def run(hook: str, url: str, log: str = "archived 3 files", fails: bool = False) -> None:
    """Run a backup as borgmatic does, which reports it to `url` by `hook`."""
    option = "push_url" if hook == "uptime_kuma" else "ping_url"
    more = {"send_logs": True} if hook in WITH_OUTPUT else {}
    config = {hook: {option: url, **more}, "monitoring_verbosity": 1}
    arguments = {"create": Namespace()}
    level = logging.getLogger().level
    try:
        with (
            suppress(Broken),
            Monitoring_hooks("config.yaml", config, arguments, Namespace(dry_run=False)),
        ):
            logging.getLogger("borgmatic.borg").info(log)
            if fails:
                raise Broken
    finally:
        logging.getLogger().setLevel(level)


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("fails", [False, True])
def test_a_run_is_taken_by_a_front_without_a_word_of_borgmatic_s(
    front: Served, hook: str, fails: bool, caplog: pytest.LogCaptureFixture
) -> None:
    run(hook, f"http://127.0.0.1:{front.port}/ping/web-01/backup", "x" * 300_000, fails)
    # What it has against an answer is a warning.
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("hook", HOOKS)
def test_an_answer_that_it_does_not_like_would_be_a_warning(
    front: Served, hook: str, caplog: pytest.LogCaptureFixture
) -> None:
    run(hook, f"http://127.0.0.1:{front.port}/ping/web-01/unknown")
    assert {one.levelno for one in caplog.records if "404" in one.getMessage()} == {logging.WARNING}


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("fails", [False, True])
def test_start_end_failure_and_output_are_understood(ear: Ear, hook: str, fails: bool) -> None:
    run(hook, ear.url, fails=fails)
    signals = ear.heard()
    kinds = [signal.kind for signal in signals if signal.kind != LOG]
    assert kinds == [START, FAIL if fails else OK]
    assert [signal.kind for signal in signals].count(LOG) == (hook in WITH_OUTPUT)
    outputs = [signal.output for signal in signals]
    if hook in WITH_OUTPUT:
        assert outputs[0] is None
        assert all("archived 3 files" in (output or "") for output in outputs[1:])
    else:
        assert set(outputs) == {None}


@pytest.mark.parametrize("hook", WITH_OUTPUT)
def test_of_a_long_log_the_end_is_kept(ear: Ear, hook: str) -> None:
    run(hook, ear.url, "\u65e5" * 4_000 + " the end")
    output = ear.heard()[-1].output
    assert output is not None
    assert "the end" in output[-100:]
    assert len(output.encode()) <= OUTPUT_LIMIT_B
