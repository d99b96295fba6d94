"""A real nginx with contrib's configuration, in a folder of its own and on a port of its own."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gocron.promise import renew_promise_of
from tests.peers import free_port
from tests.service.processes import until

CONTRIB = Path(__file__).parents[2] / "contrib/nginx"
FORM = "application/x-www-form-urlencoded"

# A test says from which address it comes: nginx takes its word for it, as from a balancer.
CLAIM = "X-Test-Client"

CONFIG = """
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    set_real_ip_from 127.0.0.1;
    real_ip_header {claim};
    include {folder}/conf.d/*.conf;
}}
"""


class Nginx:
    """What clients find at `port`; `journal` is where it keeps what no front takes.

    One that is `strict` takes one check-in of each client, and no more.
    """

    def __init__(self, folder: Path, front_port: int, strict: bool = False) -> None:
        self.port = free_port()
        self.journal = folder / "log/journal.log"
        self._folder = folder
        self.journal.parent.mkdir(parents=True)
        # As a sweep left it that found room.
        renew_promise_of(self.journal, int(time.time()))
        (folder / "conf.d").mkdir()
        # By the names of a host: nginx reads them in their order.
        fronts = {"127.0.0.1:8080": f"127.0.0.1:{front_port}"}
        fronts |= {"rate=100r/s": "rate=1r/m"} if strict else {}
        burst = {" burst=5000 nodelay": ""} if strict else {}
        server = {
            "listen 80;": f"listen 127.0.0.1:{self.port};",
            "listen [::]:80;": "",
            "snippets/": f"{folder}/",
        }
        self._place("gocron-journal.conf", "conf.d/00-gocron-journal.conf", {})
        self._place("gocron-http.conf", "conf.d/gocron.conf", fronts)
        self._place("gocron-server.conf", "conf.d/gocron-server.conf", server)
        self._place(
            "gocron.conf", "gocron.conf", {"/var/log/gocron/journal.log": self.journal, **burst}
        )
        # As who starts it: the folders of tests are for their owner alone.
        user = "user root;" if os.geteuid() == 0 else ""
        config = CONFIG.format(folder=folder, user=user, claim=CLAIM)
        (folder / "nginx.conf").write_text(config)

    def _place(self, name: str, place: str, made_fit: dict[str, object]) -> None:
        text = (CONTRIB / name).read_text()
        for ours, theirs in made_fit.items():
            assert ours in text
            text = text.replace(ours, str(theirs))
        (self._folder / place).write_text(text)

    def command(self, *arguments: str) -> list[str]:
        """How this nginx is started, or told something."""
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx"
        where = ["-p", self._folder, "-c", "nginx.conf", "-e", self._folder / "error.log"]
        return [program, *map(str, where), *arguments]

    def rotate(self) -> None:
        """Do what logrotate does, without copying."""
        self.journal.rename(self.journal.with_name("journal.log.1"))
        subprocess.run(self.command("-s", "reopen"), check=True)
        until(self.journal.exists)

    def check_in(
        self,
        query: str = "",
        body: bytes | None = None,
        kind: str = FORM,
        method: str = "",
        client: str = "203.0.113.9",
        patience_s: float = 30,
        **more: str,
    ) -> int:
        """Ask as a crontab does; return the status of the answer, 0 where none came in time."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience_s)
        headers = {CLAIM: client, **({} if body is None else {"Content-Type": kind}), **more}
        try:
            method = method or ("GET" if body is None else "POST")
            connection.request(method, f"/?{query}" if query else "/", body, headers)
            return connection.getresponse().status
        except TimeoutError:
            return 0
        finally:
            connection.close()

    def ask(self, path: str) -> tuple[int, str, bytes]:
        """Return status, `Retry-After` and body of the answer to a GET of `path`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Retry-After", ""), answer.read()

    def limit(self, burst: int) -> None:
        """Take no more than `burst` check-ins at once from one address."""
        file = self._folder / "gocron.conf"
        file.write_text(file.read_text().replace("burst=5000", f"burst={burst}"))

    def send(self, request: bytes) -> int:
        """Send `request` as it is and nothing more; return the status of the answer, 0 for none."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            head = connection.makefile("rb").readline().split()
        return int(head[1]) if head else 0


@contextmanager
def nginx(
    folder: Path, front_port: int, burst: int = 5000, strict: bool = False
) -> Iterator[Nginx]:
    """Run nginx before the front at `front_port` for the length of the block."""
    server = Nginx(folder, front_port, strict)
    server.limit(burst)
    with subprocess.Popen(server.command("-g", "daemon off;"), start_new_session=True) as process:
        try:
            until(lambda: process.poll() is not None or is_open(server.port))
            assert process.poll() is None, (folder / "error.log").read_text()
            yield server
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def is_open(port: int) -> bool:
    """Tell whether anybody listens there."""
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        return True
    return False
