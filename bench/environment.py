"""The environment of a benchmark: MariaDB, Redis, and server processes pinned to cores."""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import port_for

from app.settings import PREFIX, Settings
from bench.client import HOST
from bench.proc import Cores, cpu_s, pin, resident_bytes
from testkit.processes import environment
from testkit.servers.backend import make_settings, migrate, override, unique_name
from testkit.servers.mariadb import MariaDb
from testkit.servers.process import ends_with_parent
from testkit.servers.redis import RedisServer

ROOT = Path(__file__).resolve().parents[1]
BASELINES = ROOT / "bench" / "baselines"
START_TIMEOUT_S = 60.0
# The rate limits protect the server from single clients; the load comes from a single address.
NO_LIMITS = {
    "frames_per_minute": 2e9,
    "frames_burst": 10**9,
    "sends_per_second": 1e6,
    "sends_burst": 10**6,
    "writes_per_minute": 6e7,
    "writes_burst": 10**6,
    "reads_per_minute": 6e7,
    "reads_burst": 10**6,
    "sockets_unauthenticated_per_address": 10**6,
}
# A client that only counts bytes must receive nothing but the events of its room.
NO_HEARTBEATS = {"ping_interval_s": 600.0, "idle_timeout_s": 900.0}

Sample = dict[str, float]


@dataclass(frozen=True)
class ServerUnderTest:
    """A server process under test."""

    pid: int
    port: int

    @property
    def cpu_s(self) -> float:
        return cpu_s(self.pid)

    @property
    def resident_bytes(self) -> int:
        return resident_bytes(self.pid)


@dataclass
class BenchEnvironment:
    directory: Path
    mariadb: MariaDb
    redis: RedisServer
    cores: Cores
    texts: list[str]
    quick: bool
    node: Path | None  # where the baselines on Node are installed; None: they are not

    def scale(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    @property
    def warm_s(self) -> float:
        return 0.3 if self.quick else 2.0

    @property
    def measure_s(self) -> float:
        return 1.0 if self.quick else 6.0

    def text(self, number: int) -> str:
        return self.texts[number % len(self.texts)]

    @asynccontextmanager
    async def mariadb_database(self) -> AsyncIterator[str]:
        """The URL of a new MariaDB database with the current schema."""
        async with self.mariadb.database(unique_name()) as url:
            await migrate(make_settings(self.directory, database=url))
            yield url

    async def sqlite_database(self) -> str:
        """The URL of a new SQLite file with the current schema."""
        url = f"sqlite:///{self.directory / unique_name()}.db"
        await migrate(make_settings(self.directory, database=url))
        return url

    def settings(self, url: str, *, redis: bool = False, **groups: Any) -> Settings:
        """The settings without rate limits and heartbeats; `groups` are applied on top."""
        base = make_settings(
            self.directory,
            database=url,
            redis=self.redis.url if redis else "",
            limits=NO_LIMITS,
            realtime=NO_HEARTBEATS,
        )
        return override(base, **groups)

    @asynccontextmanager
    async def chat_server(
        self, settings: Settings, core: frozenset[int] | None = None
    ) -> AsyncIterator[ServerUnderTest]:
        """This server, started as in production."""
        port = port_for.select_random()
        variables = environment(settings) | {f"{PREFIX}SERVER__PORT": str(port)}
        command = [sys.executable, "-m", "app", "serve"]
        async with self._process("chat", command, port, variables, core) as server:
            yield server

    @asynccontextmanager
    async def send_text_server(self) -> AsyncIterator[ServerUnderTest]:
        port = port_for.select_random()
        command = [
            *(sys.executable, "-m", "uvicorn", "bench.baselines.send_text:app"),
            *("--port", str(port)),
            *("--ws", "websockets-sansio", "--ws-per-message-deflate", "false"),
            *("--loop", "uvloop", "--log-level", "warning", "--ws-ping-interval", "600"),
        ]
        variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        async with self._process("send_text", command, port, variables, None) as server:
            yield server

    @asynccontextmanager
    async def node_server(self, script: str) -> AsyncIterator[ServerUnderTest]:
        assert self.node is not None, "the baselines on Node are not installed"
        port = port_for.select_random()
        variables = {"PATH": os.environ["PATH"], "NODE_ENV": "production"}
        command = ["node", str(self.node / script), str(port)]
        async with self._process(script, command, port, variables, None) as server:
            yield server

    @asynccontextmanager
    async def _process(
        self,
        name: str,
        command: Sequence[str],
        port: int,
        variables: Mapping[str, str],
        core: frozenset[int] | None,
    ) -> AsyncIterator[ServerUnderTest]:
        log = self.directory / f"{name}.log"
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *(*ends_with_parent(), *command),
                cwd=self.directory,
                env=variables,
                stdout=output,
                stderr=output,
            )
        try:
            await _wait_until_listening(process, port, log)
            pin(process.pid, core or self.cores.server)
            yield ServerUnderTest(process.pid, port)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    @contextmanager
    def metered(self, *servers: ServerUnderTest) -> Iterator[Sample]:
        """Measures a block: fills the sample when it ends, with seconds, CPU, cores and memory."""
        usage: Sample = {}
        database, redis = self.mariadb.own, self.redis.own

        def read() -> Sample:
            return {
                "seconds": time.monotonic(),
                "server_cpu_s": sum(server.cpu_s for server in servers),
                "database_cpu_s": cpu_s(database.pid) if database else 0.0,
                "redis_cpu_s": cpu_s(redis.pid) if redis else 0.0,
                "load_cpu_s": time.process_time(),
            }

        before = read()
        yield usage
        usage |= {name: value - before[name] for name, value in read().items()}
        for part in ("server", "database", "load"):
            usage[f"{part}_share"] = usage[f"{part}_cpu_s"] / usage["seconds"]
        usage["server_mb"] = sum(server.resident_bytes for server in servers) / 1e6


async def _wait_until_listening(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    """Raises RuntimeError if the process ends or takes too long."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except ConnectionRefusedError:
            if process.returncode is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{log.stem} does not listen:\n{_tail(log)}") from None
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


def install_node_baselines(folder: Path) -> str | None:
    """Install the locked Socket.IO and ws with npm. Returns the reason if that fails, else None."""
    if not (shutil.which("node") and shutil.which("npm")):
        return "node and npm are not on this machine"
    folder.mkdir(parents=True, exist_ok=True)
    for file in BASELINES.iterdir():
        if file.suffix in (".js", ".json"):
            shutil.copy(file, folder)
    if all((folder / "node_modules" / name).is_dir() for name in ("socket.io", "ws")):
        return None
    done = subprocess.run(
        ["npm", "ci", "--omit=dev", "--no-audit", "--no-fund"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return None if done.returncode == 0 else f"npm failed: {done.stderr[-300:]}"


@asynccontextmanager
async def chat_processes(
    env: BenchEnvironment, settings: Settings, cores: Sequence[frozenset[int]]
) -> AsyncIterator[list[ServerUnderTest]]:
    """Server processes that share one database and one Redis, each on the given core."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(env.chat_server(settings, core)) for core in cores]
