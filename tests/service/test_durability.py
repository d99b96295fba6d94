"""A 201 is kept, whatever happens to the front right after it."""

import asyncio
import os
import resource
import signal
import subprocess
from pathlib import Path

from gocron.store import jobs
from gocron.store.schema import open_store
from tests.peers import free_port
from tests.service.processes import front


def test_every_check_in_answered_before_a_kill_9_is_in_the_database(
    database_url: str, tmp_path: Path
) -> None:
    port = free_port()
    with front(_config(tmp_path, database_url, port), port) as process:
        answered = asyncio.run(_check_in_until_killed(port, process))
    assert len(answered) > 200, "the load never got going"
    store = open_store(database_url)
    with store.connected():
        kept = {job.cronname for job in jobs.every_job(store)}
    assert answered <= kept


def test_four_thousand_fresh_connections_at_once_are_all_answered(tmp_path: Path) -> None:
    port = free_port()
    _allow_open_files(10_000)
    with front(_config(tmp_path, f"sqlite:///{tmp_path}/gocron.db", port), port):
        statuses = asyncio.run(_burst(port, 4000))
    assert statuses == [201] * 4000


async def _burst(port: int, count: int) -> list[int]:
    return await asyncio.gather(*(_check_in(port, f"job-{number}") for number in range(count)))


async def _check_in_until_killed(port: int, process: subprocess.Popen) -> set[str]:
    answered: set[str] = set()

    async def client(number: int) -> None:
        for turn in range(100_000):
            name = f"job-{number}-{turn}"
            try:
                if await _check_in(port, name) == 201:
                    answered.add(name)
            except (OSError, asyncio.IncompleteReadError):
                return

    clients = [asyncio.create_task(client(number)) for number in range(16)]
    while len(answered) < 500:
        await asyncio.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    await asyncio.gather(*clients)
    return answered


async def _check_in(port: int, name: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    query = f"cronname={name}&account=a&email=ops@example.com&frequency=3600"
    request = f"GET /?{query} HTTP/1.1\r\nHost: gocron\r\nConnection: close\r\n\r\n"
    writer.write(request.encode())
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()
    return int(head.split()[1])


def _config(folder: Path, database_url: str, port: int) -> Path:
    config = folder / "config.yml"
    config.write_text(
        f"database_url: '{database_url}'\nlisten_host: 127.0.0.1\nlisten_port: {port}\n"
    )
    return config


def _allow_open_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))
