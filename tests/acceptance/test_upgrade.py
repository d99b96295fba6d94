"""From an older gocron to this one, on Debian 13, while jobs go on checking in."""

import json
from collections.abc import Iterator

import pytest

from tests.acceptance.conftest import Files
from tests.acceptance.hosts import Host, Network
from tests.acceptance.streams import Streams

pytestmark = [pytest.mark.root, pytest.mark.timeout(300)]


@pytest.fixture
def old(network: Network, older_checkout: Files) -> Iterator[Host]:
    with network.host("old", "trixie") as host:
        host.put_tree(older_checkout, "/root/older")
        host.run("older/install.sh --scheduler systemd 2>&1")
        yield host


def test_an_upgrade_under_a_steady_stream_of_check_ins_loses_none(
    old: Host, checkout: Files
) -> None:
    older = old.run("readlink /opt/gocron/venv")
    old.put_tree(checkout, "/root/newer")
    with Streams(old, "http://127.0.0.1:8080/", "one", "two") as streams:
        streams.go_on()
        said = old.run("newer/install.sh 2>&1")
        streams.go_on()

    assert "restarting gocron-front" in said
    assert old.run("readlink /opt/gocron/venv") != older
    assert old.path("/etc/systemd/system/gocron-sweep.timer").exists(), "what was chosen holds"
    assert set(streams.answers.values()) == {"201"}, streams.complaints
    jobs = json.loads(old.run("gocron jobs list --json"))
    assert streams.answers.keys() <= {(job["account"], job["cronname"]) for job in jobs}
