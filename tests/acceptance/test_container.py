"""The Dockerfile builds without Docker, and what it builds runs without rights.

buildah makes the image, from a Debian that debootstrap made. It is run as a container would be:
in namespaces of its own, as the image's user, with the image's environment, and with a root
file system that can't be written.
"""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Files, lay
from tests.acceptance.hosts import CACHE, OUTER_SETTINGS, bare_root, missing, wait_until

pytestmark = [pytest.mark.root, pytest.mark.timeout(300)]

URL = "http://127.0.0.1:8080"
FIELDS = "account=web&cronname=backup&email=ops@example.com&frequency=1"


class Image:
    """An image that buildah made: its files at `root`, and what it says on how to run them."""

    def __init__(self, storage: Path) -> None:
        self._base = ["--root", str(storage / "root"), "--runroot", str(storage / "run")]

    def buildah(self, *arguments: str, cwd: Path | None = None) -> str:
        isolated = {**os.environ, "BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "overlay"}
        done = subprocess.run(
            ["buildah", *self._base, *arguments],
            env=isolated,
            capture_output=True,
            text=True,
            cwd=cwd,
        )
        assert done.returncode == 0, f"{shlex.join(done.args)}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def build(self, context: Path) -> None:
        scratch = self.buildah("from", "scratch")
        self.buildah("add", "--quiet", scratch, str(bare_root("bookworm")), "/")
        self.buildah("commit", "--quiet", scratch, "base")
        settings = [path for name in OUTER_SETTINGS[:2] for path in Path("/").glob(name[1:])]
        volumes = [part for path in settings for part in ("--volume", f"{path}:{path}:ro")]
        self.buildah(
            *("build", "--quiet", "--format=docker", "--network=host", *volumes),
            *("--build-arg", "BASE=localhost/base", "--tag", "gocron"),
            *("--file", "contrib/docker/Dockerfile", "."),
            cwd=context,
        )
        container = self.buildah("from", "--pull-never", "localhost/gocron")
        self.root = Path(self.buildah("mount", container))
        described = json.loads(self.buildah("inspect", "--type=image", "localhost/gocron"))
        self.config = described["Docker"]["config"]


@pytest.fixture(scope="module")
def image(checkout: Files, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    lacks = missing()
    if shutil.which("buildah") is None:
        lacks.append("buildah (apt-get install buildah)")
    if lacks:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(
            f"the Dockerfile can't be built here without {', '.join(lacks)}"
        )
    context = lay(checkout, tmp_path_factory.mktemp("context"))
    storage = CACHE / f"images-{os.getpid()}"
    image = Image(storage)
    try:
        image.build(context)
        yield image
    finally:
        image.buildah("rm", "--all")
        subprocess.run(["umount", "--recursive", storage / "root/overlay"], capture_output=True)
        shutil.rmtree(storage)


class Container:
    """A running program of the image; `volumes` are folders of its own that it may write."""

    def __init__(self, image: Image, command: str, volumes: Path, **environment: str) -> None:
        self._image = image
        self._user, self._group = image.config["User"].split(":")
        told = [f"{name}={value}" for name, value in environment.items()]
        self._environment = ["env", "-i", *image.config["Env"], *told]
        binds = [f"mount --bind {image.root} {image.root}", f"mount -t proc proc {image.root}/proc"]
        for volume in image.config["Volumes"]:
            kept = volumes / volume.lstrip("/")
            if not kept.exists():
                shutil.copytree(f"{image.root}{volume}", kept)
                for path in (kept, *kept.rglob("*")):
                    os.chown(path, int(self._user), int(self._group))
            binds.append(f"mount --bind {kept} {image.root}{volume}")
        binds.append(f"mount --bind /dev {image.root}/dev")
        binds.append(f"mount -o remount,bind,ro {image.root}")
        started = shlex.join([*self._as_user(), *image.config["Entrypoint"], command])
        # As a container engine does it: each has a name of its own.
        own = [f"hostname {command}", "ip link set lo up"]
        script = " && ".join([*binds, *own, f"exec {started}"])
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child"]
            + ["/bin/sh", "-c", script]
        )

    def _as_user(self) -> list[str]:
        chroot = ["chroot", f"--userspec={self._user}:{self._group}", str(self._image.root)]
        return ["setpriv", "--no-new-privs", *chroot, *self._environment]

    def _enter(self, *namespaces: str) -> list[str]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        first = wait_until(
            lambda: children.read_text().split(), 10, "a process inside", every_s=0.1
        )
        return ["nsenter", "--target", first[0], *namespaces]

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command inside, as the same user."""
        inside = self._enter("--mount", "--pid", "--net")
        return subprocess.run(
            [*inside, *self._as_user(), *command], capture_output=True, text=True, timeout=60
        )

    def curl(self, path: str) -> str:
        """Return the status of the answer to a request."""
        shown = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", URL + path]
        done = subprocess.run([*self._enter("--net"), *shown], capture_output=True, text=True)
        return done.stdout

    def healthy(self) -> bool:
        """Tell what the image's health check says."""
        kind, *command = self._image.config["Healthcheck"]["Test"]
        assert kind == "CMD"
        return self.run(*command).returncode == 0

    def stop(self) -> int:
        """End it as `docker stop` does; return its exit status."""
        subprocess.run([*self._enter("--pid"), "kill", "-TERM", "1"], check=True)
        return self.process.wait(20)


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    return tmp_path


def test_front_and_back_run_as_nobody_much_on_a_root_that_cant_be_written(
    image: Image, volumes: Path
) -> None:
    front = Container(image, "front", volumes)
    try:
        wait_until(lambda: front.curl("/") == "404", 30, "the front answers")
        assert front.healthy()
        assert front.curl(f"/?{FIELDS}") == "201"
        no_rights(front)

        back = Container(image, "back", volumes, GC_INTERVAL="1")
        page = volumes / "var/cache/gocron/status/index.html"
        try:
            wait_until(
                lambda: page.exists() and "1 job is missing" in page.read_text(), 30, "the page"
            )
            assert back.healthy()
            no_rights(back)
        finally:
            assert back.stop() == 0
    finally:
        assert front.stop() == 0


def no_rights(container: Container) -> None:
    said = container.run("cat", "/proc/1/status").stdout
    facts = dict(line.split(":\t") for line in said.splitlines() if ":\t" in line)
    assert set(facts["Uid"].split()) == {container._user} != {"0"}
    assert int(facts["CapEff"], 16) == 0
    assert "Read-only file system" in container.run("touch", "/opt/gocron/x").stderr
    assert "Read-only file system" in container.run("touch", "/etc/x").stderr
