"""Run the questions that are asked, or all, and print one table."""

import argparse
import signal
import sys
import time

from bench import alarms, burst, checkins, memory, sweeps
from bench.stage import Stage
from bench.table import Row, print_machine, print_table
from gocron.store.database import Store

QUESTIONS = ("checkins", "burst", "quiet", "due", "memory", "alarms")


def main() -> int:
    """Run `python -m bench`."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure gocron.")
    parser.add_argument("--quick", action="store_true", help="short, for a first impression")
    parser.add_argument("questions", nargs="*", help=f"of {', '.join(QUESTIONS)}; default: all")
    arguments = parser.parse_args()
    asked = arguments.questions or QUESTIONS
    if unknown := sorted(set(asked) - set(QUESTIONS)):
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(QUESTIONS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        ask(asked, arguments.quick)
    except KeyboardInterrupt:
        return 130
    return 0


def ask(asked: "list[str] | tuple[str, ...]", quick: bool) -> None:
    """Ask, one after the other, each on a stage of its own; print the table."""
    began = time.monotonic()
    rows: list[Row] = []
    for name in asked:
        if name == "due" and "quiet" in asked:
            continue  # asked with it: a million jobs are filled in once
        print(f"bench: {name}", file=sys.stderr, flush=True)
        with Stage() as stage:
            rows += _answer(name, stage, quick, "due" in asked)
    with Stage() as stage:
        store = Store(stage.postgres)
        with store.connected():
            version = store.server_version()
        print_table(rows)
        print()
        print_machine(stage.folder.parent, version)
    print(f"took      {time.monotonic() - began:.0f} s{', quick' if quick else ''}")


def _answer(name: str, stage: Stage, quick: bool, due_too: bool) -> list[Row]:
    match name:
        case "checkins":
            return checkins.measure(stage, rounds=3 if quick else 5, seconds=2 if quick else 10)
        case "burst":
            return burst.measure(stage, rounds=1 if quick else 5)
        case "memory":
            return memory.measure(stage)
        case "alarms":
            return alarms.measure(stage)
    sites = sweeps.Sites(stage, whole=not quick)
    rows = sweeps.measure_quiet(sites, rounds=3 if quick else 7) if name == "quiet" else []
    return rows + (sweeps.measure_due(sites) if due_too else [])


if __name__ == "__main__":
    sys.exit(main())
