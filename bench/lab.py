"""What a case works with: servers of its own, pinned to cores, and people to load them with."""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import port_for

from app.settings import PREFIX, Settings
from bench.client import HOST
from bench.proc import Cores, cpu_s, pin, resident_bytes
from testkit.processes import environment
from testkit.servers.backend import make_settings, migrate, override, unique_name
from testkit.servers.mariadb import MariaDb
from testkit.servers.process import find
from testkit.servers.redis import RedisServer

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / "bench" / "peers"
START_S = 60.0
# What keeps one client from hurting others would keep the load from loading.
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
# No heartbeats: a socket that only counts bytes must get nothing but the room's events.
SILENT = {"heartbeat_s": 600.0, "dead_after_s": 900.0}

Sample = dict[str, float]


@dataclass(frozen=True)
class Service:
    """A process that listens."""

    pid: int
    port: int

    @property
    def cpu_s(self) -> float:
        return cpu_s(self.pid)

    @property
    def resident_bytes(self) -> int:
        return resident_bytes(self.pid)


@dataclass
class Lab:
    directory: Path
    mariadb: MariaDb
    redis: RedisServer
    cores: Cores
    texts: list[str]
    quick: bool
    node: Path | None  # where the peers for Node are installed
    _texts_taken: int = field(default=0, init=False)

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
    async def schema(self) -> AsyncIterator[str]:
        """The URL of a database on MariaDB with all migrations."""
        async with self.mariadb.database(unique_name()) as url:
            await migrate(make_settings(self.directory, database=url))
            yield url

    async def sqlite(self) -> str:
        url = f"sqlite:///{self.directory / unique_name()}.db"
        await migrate(make_settings(self.directory, database=url))
        return url

    def settings(self, url: str, *, redis: bool = False, **groups: Any) -> Settings:
        """Of a server that does not limit, and pings nobody; `groups` go before that."""
        plain = make_settings(
            self.directory,
            database=url,
            redis=self.redis.url if redis else "",
            limits=NO_LIMITS,
            realtime=SILENT,
        )
        return override(plain, **groups)

    @asynccontextmanager
    async def chat(
        self, settings: Settings, core: frozenset[int] | None = None
    ) -> AsyncIterator[Service]:
        """Our server, as an operator starts it."""
        port = port_for.select_random()
        given = environment(settings) | {f"{PREFIX}SERVER__PORT": str(port)}
        command = [sys.executable, "-m", "app", "serve"]
        async with self._running("chat", command, port, given, core) as service:
            yield service

    @asynccontextmanager
    async def send_text(self) -> AsyncIterator[Service]:
        port = port_for.select_random()
        command = [
            *(sys.executable, "-m", "uvicorn", "bench.peers.send_text:app", "--port", str(port)),
            *("--ws", "websockets-sansio", "--ws-per-message-deflate", "false"),
            *("--loop", "uvloop", "--log-level", "warning", "--ws-ping-interval", "600"),
        ]
        given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        async with self._running("send_text", command, port, given, None) as service:
            yield service

    @asynccontextmanager
    async def on_node(self, script: str) -> AsyncIterator[Service]:
        assert self.node is not None, "the peers for Node are not installed"
        port = port_for.select_random()
        given = {"PATH": os.environ["PATH"], "NODE_ENV": "production"}
        command = ["node", str(self.node / script), str(port)]
        async with self._running(script, command, port, given, None) as service:
            yield service

    @asynccontextmanager
    async def _running(
        self,
        name: str,
        command: Sequence[str],
        port: int,
        given: Mapping[str, str],
        core: frozenset[int] | None,
    ) -> AsyncIterator[Service]:
        guard = [setpriv, "--pdeathsig", "KILL"] if (setpriv := find("setpriv")) else []
        log = self.directory / f"{name}.log"
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *(*guard, *command), cwd=self.directory, env=given, stdout=output, stderr=output
            )
        try:
            await _listens(process, port, log)
            pin(process.pid, core or self.cores.server)
            yield Service(process.pid, port)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    @contextmanager
    def metered(self, *servers: Service) -> Iterator[Sample]:
        """What everybody used meanwhile: seconds by the clock and of CPU, cores, and memory."""
        own = self.mariadb.own
        used: Sample = {}

        def read() -> Sample:
            return {
                "seconds": time.monotonic(),
                "server_cpu_s": sum(server.cpu_s for server in servers),
                "database_cpu_s": cpu_s(own.pid) if own else 0.0,
                "redis_cpu_s": cpu_s(self.redis.own.pid) if self.redis.own else 0.0,
                "load_cpu_s": time.process_time(),
            }

        before = read()
        yield used
        used |= {name: value - before[name] for name, value in read().items()}
        for who in ("server", "database", "load"):
            used[f"{who}_share"] = used[f"{who}_cpu_s"] / used["seconds"]
        used["server_mb"] = sum(server.resident_bytes for server in servers) / 1e6


async def _listens(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    """Return once it accepts connections."""
    until = time.monotonic() + START_S
    while True:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except ConnectionRefusedError:
            if process.returncode is not None or time.monotonic() > until:
                raise RuntimeError(f"{log.stem} does not listen:\n{_end_of(log)}") from None
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


def install_node_peers(into: Path) -> str | None:
    """Install Socket.IO and ws with npm, as locked. Returns why that cannot be, else None."""
    if not (shutil.which("node") and shutil.which("npm")):
        return "node and npm are not on this machine"
    into.mkdir(parents=True, exist_ok=True)
    for file in PEERS.iterdir():
        if file.suffix in (".js", ".json"):
            shutil.copy(file, into)
    if (into / "node_modules" / "socket.io").is_dir() and (into / "node_modules" / "ws").is_dir():
        return None
    done = subprocess.run(
        ["npm", "ci", "--omit=dev", "--no-audit", "--no-fund"],
        cwd=into,
        capture_output=True,
        text=True,
        check=False,
    )
    return (
        None if done.returncode == 0 else f"npm could not install the peers: {done.stderr[-300:]}"
    )


@asynccontextmanager
async def several(
    lab: Lab, settings: Settings, cores: Sequence[frozenset[int]]
) -> AsyncIterator[list[Service]]:
    """Processes of our server over one database and one Redis."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(lab.chat(settings, core)) for core in cores]
