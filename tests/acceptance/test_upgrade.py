"""From an older gocron to this one, on Debian 13, while jobs go on checking in."""

import json
from collections.abc import Iterator

import pytest

from tests.acceptance.conftest import Files
from tests.acceptance.hosts import Host, Network

pytestmark = [pytest.mark.root, pytest.mark.timeout(300)]

# Checks in until it is told to stop, a new job each time, and notes how each was answered.
STREAM = """#!/bin/sh
check_in() {
    curl -s -m 10 --retry 5 --retry-connrefused -o /dev/null -w '%{http_code}' \\
        "http://127.0.0.1:8080/?account=stream-$1&cronname=$2&email=a@example.com&frequency=1d"
}
number=0
while ! [ -e /root/stop ]; do
    number=$((number + 1))
    echo "$number $(check_in "$1" "$number")"
    sleep 0.02
done >"/root/stream-$1"
"""
STREAMS = ("one", "two")


@pytest.fixture
def old(network: Network, older_checkout: Files) -> Iterator[Host]:
    with network.host("old", "trixie") as host:
        host.put_tree(older_checkout, "/root/older")
        host.put("/root/stream.sh", STREAM)
        host.run("older/install.sh --scheduler systemd 2>&1")
        yield host


def test_an_upgrade_under_a_steady_stream_of_check_ins_loses_none(
    old: Host, checkout: Files
) -> None:
    older = old.run("readlink /opt/gocron/venv")
    old.put_tree(checkout, "/root/newer")
    running = [old.start(f"sh stream.sh {name}") for name in STREAMS]
    said = old.run("sleep 1; newer/install.sh 2>&1; sleep 1; touch /root/stop")
    for stream in running:
        stream.communicate(timeout=60)

    assert "restarting gocron-front" in said
    assert old.run("readlink /opt/gocron/venv") != older
    assert old.read("/etc/systemd/system/gocron-front.service")
    kept = {
        (job["account"], job["cronname"]) for job in json.loads(old.run("gocron jobs list --json"))
    }
    for name in STREAMS:
        answers = dict(line.split() for line in old.read(f"/root/stream-{name}").splitlines())
        assert len(answers) > 20
        assert set(answers.values()) == {"201"}
        lost = [number for number in answers if (f"stream-{name}", number) not in kept]
        assert lost == []
