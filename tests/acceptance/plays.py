"""Plays: Ansible as its user runs it, over ssh, from an environment that is made once and kept."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.hosts import CACHE, Host, locked

ROOT = Path(__file__).parents[2]
PINS = Path(__file__).with_name("requirements.txt")

# What is forgotten in a play shows: facts are no variables.
SETTINGS = {
    "ANSIBLE_HOST_KEY_CHECKING": "false",
    "ANSIBLE_INJECT_FACT_VARS": "false",
    "ANSIBLE_NOCOLOR": "true",
    "ANSIBLE_PIPELINING": "true",
}


def program(name: str) -> str:
    """Return the path of one of Ansible's programs, as pinned."""
    pinned = hashlib.sha256(PINS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = CACHE / f"ansible-{pinned}"
    with locked("ansible"):
        if not (folder / "made").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            pip = [folder / "bin/python", "-m", "pip", "--disable-pip-version-check", "-qq"]
            subprocess.run([*pip, "install", "--no-deps", "-r", PINS], check=True)
            (folder / "made").touch()
    return str(folder / "bin" / name)


@dataclass(frozen=True)
class Played:
    """How a play went."""

    status: int
    said: str

    @property
    def changed(self) -> list[str]:
        """The tasks that changed something, in order."""
        found: list[str] = []
        task = ""
        for line in self.said.splitlines():
            if begun := re.match(r"(?:TASK|RUNNING HANDLER) \[(.*)\] \*", line):
                task = begun[1]
            elif line.startswith("changed: ") and task not in found[-1:]:
                found.append(task)
        return found

    def count(self, what: str) -> int:
        """Return how many tasks were `changed`, `failed` ..., on all hosts together."""
        return sum(int(number) for number in re.findall(rf" {what}=(\d+)", self.said))


class Ansible:
    """Plays site.yml with an inventory of the checkout on booted hosts."""

    def __init__(self, inventory: str, hosts: Iterable[Host], folder: Path) -> None:
        self.inventory = f"ansible/inventory/{inventory}.yml"
        self.booted = folder / "booted.ini"
        self.folder = folder
        # In place of this user's settings.
        (folder / "ansible.cfg").touch()
        hosts = list(hosts)
        key = hosts[0].network.key
        options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        self.booted.write_text(
            "\n".join(f"{host.name} ansible_host={host.address}" for host in hosts)
            + "\n[all:vars]\nansible_user=root\n"
            + f"ansible_ssh_private_key_file={key}\nansible_ssh_common_args='{options}'\n"
        )

    def play(self, *arguments: str, checkout: Path = ROOT, **variables: object) -> Played:
        """Play site.yml of `checkout` with `variables`, and return how it went."""
        told = self.folder / "variables.json"
        told.write_text(json.dumps(variables))
        done = subprocess.run(
            [
                program("ansible-playbook"),
                *("--inventory", str(checkout / self.inventory), "--inventory", str(self.booted)),
                *("--extra-vars", f"@{told}", *arguments),
                str(checkout / "ansible/site.yml"),
            ],
            env={
                **os.environ,
                **SETTINGS,
                "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
                "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"),
                "PATH": f"{Path(program('ansible')).parent}:{os.environ['PATH']}",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        (self.folder / "last-play").write_text(done.stdout)
        assert "[DEPRECATION WARNING]" not in done.stdout, done.stdout
        return Played(done.returncode, done.stdout)

    def apply(self, *arguments: str, checkout: Path = ROOT, **variables: object) -> Played:
        """Play site.yml; it must end well."""
        played = self.play(*arguments, checkout=checkout, **variables)
        assert played.status == 0, played.said[-8000:]
        return played
