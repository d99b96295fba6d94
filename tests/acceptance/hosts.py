"""Real Debian hosts for the tests: booted by systemd-nspawn, on a network of their own.

Each has its own systemd, cron, sshd, addresses and journal, and starts bare within seconds:
its root is a layer over a Debian that debootstrap made once and that is kept in a folder,
${GOCRON_ACCEPTANCE_CACHE:-/var/cache/gocron-acceptance}. No container engine is needed.

    with Network() as network, network.host("web", "bookworm") as host:
        host.run("apt-get -q install nginx")
        assert host.run("hostname") == "web\\n"
        host.reboot()

This machine may run no systemd, and many such tests at once: all names are made up anew.
"""

import fcntl
import ipaddress
import os
import secrets
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

CACHE = Path(os.environ.get("GOCRON_ACCEPTANCE_CACHE", "/var/cache/gocron-acceptance"))
MIRROR = os.environ.get("GOCRON_ACCEPTANCE_MIRROR", "http://deb.debian.org/debian")

# What a small Debian server has on its first day. No Python, no nginx, no database.
PACKAGES = "systemd-sysv,dbus,cron,curl,openssh-server,ca-certificates,iproute2"

# Packages that tests install, fetched once; that they are installed is up to each test.
FETCHED = "nginx postgresql python3-apt python3-psycopg2 python3-venv sudo"

# How this machine reaches Debian's packages and PyPI holds for its hosts too, where it is set.
OUTER_SETTINGS = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pip.conf",
    "/etc/apt/apt.conf.d/99*",
)

BOOT_LIMIT_S = 60
STOP_LIMIT_S = 30

PROGRAMS = {
    "debootstrap": "debootstrap",
    "systemd-nspawn": "systemd-container",
    "nsenter": "util-linux",
    "ip": "iproute2",
    "nft": "nftables",
    "ssh-keygen": "openssh-client",
}


def missing() -> list[str]:
    """Return what this machine lacks for booting hosts, by name and with what would give it."""
    lacks = [
        f"{program} (apt-get install {package})"
        for program, package in PROGRAMS.items()
        if shutil.which(program) is None
    ]
    if os.geteuid() != 0:
        lacks.append("root")
    if "overlay" not in Path("/proc/filesystems").read_text():
        lacks.append("the kernel's overlay file system")
    if _cgroup2() is None:
        lacks.append("a mounted cgroup2 file system")
    return lacks


def wait_until(true: Callable[[], Any], limit_s: float, what: str, every_s: float = 0.5) -> Any:
    """Return the first true value of `true()`; an AssertionError names `what` never came."""
    give_up_at = time.monotonic() + limit_s
    while not (value := true()):
        assert time.monotonic() < give_up_at, f"not within {limit_s} s: {what}"
        time.sleep(every_s)
    return value


@contextmanager
def locked(what: str) -> Iterator[None]:
    """Let no other tests on this machine, of this run or another, do the same meanwhile."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def bare_root(suite: str) -> Path:
    """Return the folder of a bare Debian, made when there is none yet."""
    root = CACHE / suite
    recipe = f"{MIRROR} {suite} {PACKAGES} {FETCHED}"
    with locked(suite):
        made_of = CACHE / f"{suite}.made-of"
        if root.exists() and made_of.exists() and made_of.read_text() == recipe:
            return root
        made_of.unlink(missing_ok=True)
        shutil.rmtree(root, ignore_errors=True)
        _debootstrap(suite, root)
        made_of.write_text(recipe)
    return root


def _debootstrap(suite: str, root: Path) -> None:
    debs = CACHE / "debs"
    debs.mkdir(exist_ok=True)
    outside = ["--variant=minbase", f"--include={PACKAGES}", f"--cache-dir={debs}"]
    _run(["debootstrap", *outside, suite, str(root), MIRROR])
    (root / "etc/hostname").write_text("bare\n")
    # Made by systemd on the first boot, as on a freshly installed host.
    (root / "etc/machine-id").write_text("")
    with _bound(root):
        inside = ["chroot", str(root), "apt-get", "-qq"]
        _run([*inside, "update"])
        _run([*inside, "install", "--download-only", "--no-install-recommends", *FETCHED.split()])


@contextmanager
def _bound(root: Path) -> Iterator[None]:
    """Let programs in `root` reach the package mirrors as this machine does."""
    with ExitStack() as bound:
        for path in [*_outer_settings(), Path("/etc/resolv.conf"), Path("/proc"), Path("/dev")]:
            inside = root / path.relative_to("/")
            if not inside.exists():
                inside.parent.mkdir(parents=True, exist_ok=True)
                inside.touch()
                bound.callback(inside.unlink)
            _run(["mount", "--bind", str(path), str(inside)])
            bound.callback(_run, ["umount", str(inside)])
        yield


def _outer_settings() -> list[Path]:
    return [path for name in OUTER_SETTINGS for path in sorted(Path("/").glob(name[1:]))]


class Network:
    """A bridge with a network of its own. Hosts on it reach one another, this machine and,
    through it, the package mirrors."""

    def __init__(self) -> None:
        self.id = secrets.token_hex(3)
        self.bridge = f"gocron{self.id}"
        self._taken = 10
        self._stack = ExitStack()
        self.folder = CACHE / f"run-{self.id}"

    def __enter__(self) -> "Network":
        with ExitStack() as stack:
            self._open(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _open(self, stack: ExitStack) -> None:
        self.folder.mkdir(parents=True)
        stack.callback(shutil.rmtree, self.folder)
        _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)])
        _run(["ip", "link", "add", self.bridge, "type", "bridge"])
        stack.callback(_run, ["ip", "link", "delete", self.bridge])
        with locked("network"):
            self.net = _free_net()
            self.gateway = str(self.net[1])
            own = f"{self.gateway}/{self.net.prefixlen}"
            _run(["ip", "address", "add", own, "dev", self.bridge])
        _run(["ip", "link", "set", self.bridge, "up"])
        # Left on at the end: another run may need it by then.
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        _run(["nft", "-f", "-"], stdin=_nat(self.bridge, self.net))
        stack.callback(_run, ["nft", "delete", "table", "ip", self.bridge])

    @property
    def key(self) -> Path:
        """The private key that lets root into each host by ssh."""
        return self.folder / "id_ed25519"

    @contextmanager
    def host(self, name: str, suite: str = "bookworm") -> Iterator["Host"]:
        """Boot a bare host of that name; it is gone at the end of the block."""
        self._taken += 1
        with Host(self, name, suite, str(self.net[self._taken])) as host:
            yield host


def _nat(name: str, net: ipaddress.IPv4Network) -> str:
    return f"""
        table ip {name} {{
            chain out {{
                type nat hook postrouting priority srcnat
                ip saddr {net} ip daddr != {net} masquerade
            }}
        }}"""


def _free_net() -> ipaddress.IPv4Network:
    routes = _run(["ip", "-4", "route", "show", "table", "all"])
    while True:
        net = ipaddress.IPv4Network(f"10.77.{secrets.randbelow(256)}.0/24")
        if str(net.network_address).removesuffix("0") not in routes:
            return net


class Host:
    """A booted Debian. Its files are at `root`, its root's shell is `run`."""

    def __init__(self, network: Network, name: str, suite: str, address: str) -> None:
        self.network = network
        self.name = name
        self.suite = suite
        self.address = address
        self.root = network.folder / name / "root"
        self._id = f"{network.bridge}-{address.rpartition('.')[2]}"
        self._cgroup = Path(str(_cgroup2())) / self._id
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._stack = ExitStack()

    def __enter__(self) -> "Host":
        with ExitStack() as stack:
            self._lay(stack)
            self._plug_in(stack)
            self._cgroup.mkdir()
            stack.callback(_remove_cgroup, self._cgroup)
            stack.callback(self.cut_power)
            self.boot()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _lay(self, stack: ExitStack) -> None:
        """Lay an empty layer over the bare root, and name the host in it."""
        lower = bare_root(self.suite)
        layer = self.root.parent
        for part in ("upper", "work", "root"):
            (layer / part).mkdir(parents=True)
        stack.callback(shutil.rmtree, layer)
        # What a crash of this machine would do to the layer doesn't matter: volatile is fast.
        options = f"lowerdir={lower},upperdir={layer}/upper,workdir={layer}/work,volatile"
        _run(["mount", "-t", "overlay", self._id, "-o", options, str(self.root)])
        stack.callback(_run, ["umount", "--recursive", str(self.root)])
        self.put("/etc/hostname", f"{self.name}\n")
        self.put("/etc/hosts", f"127.0.0.1 localhost\n{self.address} {self.name}\n")
        public = self.network.key.with_suffix(".pub").read_text()
        self.put("/root/.ssh/authorized_keys", public, mode=0o600)

    def _plug_in(self, stack: ExitStack) -> None:
        """Give the host a network namespace with one end of a cable, and put it on the bridge."""
        _run(["ip", "netns", "add", self._id])
        stack.callback(_run, ["ip", "netns", "delete", self._id])
        # As small as the way out, since nothing tells the hosts that larger packets get lost.
        mtu = min(_mtus(), default=1500)
        plug = self._id.replace("gocron", "gc")
        _run(
            ["ip", "link", "add", plug, "mtu", str(mtu), "type", "veth"]
            + ["peer", "name", "eth0", "mtu", str(mtu), "netns", self._id]
        )
        _run(["ip", "link", "set", plug, "master", self.network.bridge, "up"])
        inside = ["ip", "-n", self._id]
        _run([*inside, "link", "set", "lo", "up"])
        prefix = self.network.net.prefixlen
        _run([*inside, "address", "add", f"{self.address}/{prefix}", "dev", "eth0"])
        _run([*inside, "link", "set", "eth0", "up"])
        _run([*inside, "route", "add", "default", "via", self.network.gateway])

    def boot(self) -> None:
        """Start the host and wait until systemd says that all is up."""
        pip_cache = CACHE / "pip"
        pip_cache.mkdir(exist_ok=True)
        nspawn = [
            *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot"),
            *("--directory", str(self.root), "--machine", self._id, "--hostname", self.name),
            f"--network-namespace-path=/run/netns/{self._id}",
            *("--resolv-conf=copy-host", "--timezone=off", "--link-journal=no"),
            *("--console=read-only", f"--bind={pip_cache}:/root/.cache/pip"),
            # So that units can be shut in with IPAddressDeny=.
            *("--capability=CAP_BPF", "--system-call-filter=bpf"),
            *(f"--bind-ro={path}" for path in _outer_settings()),
        ]
        # Two systemds in one cgroup would kill one another's services.
        join = f"echo $$ >{self._cgroup}/cgroup.procs && exec {shlex.join(nspawn)}"
        with self.console.open("ab") as console:
            self._nspawn = subprocess.Popen(
                ["/bin/sh", "-c", join],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
                # Inside there is cgroup2 alone, which is all that new versions of systemd know.
                env={**os.environ, "UNIFIED_CGROUP_HIERARCHY": "1"},
            )
        try:
            wait_until(self._is_up, BOOT_LIMIT_S, f"{self.name} is up", every_s=0.1)
        except AssertionError as error:
            error.add_note(self.console.read_text(errors="replace")[-4000:])
            raise

    def _is_up(self) -> bool:
        assert self._nspawn is not None and self._nspawn.poll() is None, "systemd-nspawn ended"
        if self._leader is None:
            return False
        answer = self.ask("systemctl is-system-running")
        return answer.stdout.strip() in ("running", "degraded")

    @property
    def console(self) -> Path:
        """What the host printed on its console."""
        return self.root.parent / "console"

    @property
    def _leader(self) -> str | None:
        """The host's first process, seen from this machine, once it is systemd."""
        assert self._nspawn is not None
        pid = self._nspawn.pid
        with suppress(OSError):
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    return child
        return None

    def ask(
        self, command: str, *, stdin: str | None = None, limit_s: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run `command` in root's shell; return what it printed and its exit status."""
        return subprocess.run(
            self._inside(command),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limit_s,
        )

    def run(self, command: str, *, stdin: str | None = None, limit_s: float = 300) -> str:
        """Run `command` in root's shell and return its output; it must end well."""
        done = self.ask(command, stdin=stdin, limit_s=limit_s)
        said = f"{self.name}: {command}\nexit status {done.returncode}\n{done.stdout}{done.stderr}"
        assert done.returncode == 0, said
        return done.stdout

    def start(self, command: str) -> "subprocess.Popen[str]":
        """Start `command` in root's shell and let it run beside the test."""
        return subprocess.Popen(
            self._inside(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )

    def _inside(self, command: str) -> list[str]:
        leader = self._leader
        assert leader is not None, f"{self.name} is not running"
        clean = [
            "env",
            "-i",
            "--chdir=/root",
            "HOME=/root",
            "LANG=C.UTF-8",
            "USER=root",
            "SHELL=/bin/sh",
        ]
        clean.append("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        shell = [*clean, "/bin/sh", "-c", command]
        return ["nsenter", "--target", leader, "--all", *shell]

    def path(self, path: str) -> Path:
        """Return where `path` of the host lies on this machine."""
        return self.root / path.lstrip("/")

    def put(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file, and its folders where they are missing."""
        self.path(path).parent.mkdir(parents=True, exist_ok=True)
        self.path(path).write_text(text)
        self.path(path).chmod(mode)

    def read(self, path: str) -> str:
        """Return what a file holds."""
        return self.path(path).read_text()

    def put_tree(self, files: dict[str, Path], folder: str) -> None:
        """Copy files, by their names in `folder`; what was there before goes."""
        shutil.rmtree(self.path(folder), ignore_errors=True)
        for name, source in files.items():
            target = self.path(folder) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)

    @cached_property
    def ssh(self) -> list[str]:
        """The start of an ssh command to root on this host."""
        options = ("BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null")
        flags = [part for option in (*options, "LogLevel=ERROR") for part in ("-o", option)]
        return ["ssh", "-i", str(self.network.key), *flags, f"root@{self.address}"]

    def reboot(self) -> None:
        """Shut down in order and boot again."""
        self._end("systemctl reboot")
        self.boot()

    def power_off(self) -> None:
        """Shut down in order."""
        self._end("systemctl poweroff")

    def _end(self, command: str) -> None:
        assert self._nspawn is not None
        self.run(command)
        try:
            self._nspawn.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not shut down") from None

    def cut_power(self) -> None:
        """End everything at once."""
        if self._nspawn is None or self._nspawn.poll() is not None:
            return
        if (leader := self._leader) is not None:
            os.kill(int(leader), 9)
            with suppress(subprocess.TimeoutExpired):
                self._nspawn.wait(STOP_LIMIT_S)
        if self._nspawn.poll() is None:
            os.killpg(self._nspawn.pid, 9)
            self._nspawn.wait()


def _run(command: list[str], stdin: str = "") -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, f"{shlex.join(command)}: {done.stdout[-4000:]}{done.stderr}"
    return done.stdout


def _mtus() -> Iterator[int]:
    for path in Path("/sys/class/net").glob("*/mtu"):
        if path.parent.joinpath("device").exists() and int(path.read_text()) >= 1280:
            yield int(path.read_text())


def _cgroup2() -> Path | None:
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, folder, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(folder)
    return None


def _remove_cgroup(folder: Path) -> None:
    """Remove a cgroup and those below it, once the last of its processes is gone."""

    def removed() -> bool:
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.is_dir():
                with suppress(OSError):
                    path.rmdir()
        with suppress(OSError):
            folder.rmdir()
        return not folder.exists()

    wait_until(removed, 10, f"{folder} is removed", every_s=0.1)
