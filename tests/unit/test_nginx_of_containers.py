"""nginx in containers knows all that nginx on a host knows: one file there is three here."""

import re
from pathlib import Path

import pytest

CONTRIB = Path(__file__).resolve().parents[2] / "contrib"


@pytest.mark.parametrize("name", ["gocron-http.conf", "gocron-journal.conf"])
def test_what_a_host_maps_and_writes_containers_do_too(name: str) -> None:
    there = (CONTRIB / "docker/nginx-http.conf").read_text("utf-8")
    here = (CONTRIB / "nginx" / name).read_text("utf-8")
    blocks = re.findall(r"(?ms)^(?:map [^\n]*\{$.*?^\}|log_format .*?;)$", here)
    assert blocks
    assert [block for block in blocks if block not in there] == []
