"""A server behind a proxy, which a scenario in another process starts, kills and cuts off.

The scenario sends one JSON object a line (`{"do": "kill"}`) and reads `{"result": …}` or `{"error":
…}`. Methods of `Stage` without an underscore are what it can do.
"""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from app.settings import Settings
from testkit.command_line import run_command
from testkit.processes import ServerProcess, run_process
from testkit.server import without_limits
from testkit.servers.backend import override
from testkit.servers.backups import back_up, restore
from tests.faults.proxy import HOST, Link, Proxy

ACK = b'"type":"ack"'


class AckProxy(Proxy):
    """Can lose an ack together with its connection."""

    loses_next_ack = False

    def _down(self, link: Link, data: bytes) -> bool:
        if self.loses_next_ack and ACK in data:
            self.loses_next_ack = False
            link.reset()
            return False
        return super()._down(link, data)


class Stage:
    def __init__(self, settings: Settings) -> None:
        limits = {"frames_per_minute": 1e6, "frames_burst": 100_000}
        server = {"drain_spread_s": 0.2, "drain_grace_s": 1}
        self._settings = override(without_limits(settings), limits=limits, server=server)
        self._directory = settings.server.data_dir
        self._proxy = AckProxy(0)
        self._processes = AsyncExitStack()
        self._running: list[ServerProcess] = []
        self.url = ""

    async def _open(self) -> None:
        await self._proxy.start()
        self.url = f"http://{HOST}:{self._proxy.port}"
        await self.start()

    async def _close(self) -> None:
        await self._proxy.stop()
        await self._processes.aclose()

    async def start(self) -> None:
        """New connections reach the new process."""
        process = await self._processes.enter_async_context(
            run_process(self._settings, self._directory)
        )
        self._running.append(process)
        self._proxy.target = process.port

    async def reset(self) -> None:
        """As it was at first, whatever an earlier scenario has left."""
        self._proxy.loses_next_ack = False
        self._proxy.heal()
        if not self._running:
            await self.start()

    async def kill(self) -> None:
        """The process ends without a word."""
        await self._running.pop(0).stop()

    async def stop(self) -> None:
        """The oldest process drains and ends."""
        process = self._running.pop(0)
        process.signal(signal.SIGTERM)
        await process.ended()

    async def cut(self) -> None:
        self._proxy.reset()

    async def block(self) -> None:
        self._proxy.block()

    async def heal(self) -> None:
        self._proxy.heal()

    async def half_open(self) -> None:
        """The server loses the connections and the client does not notice."""
        self._proxy.half_open("server")

    async def lose_next_ack(self) -> None:
        self._proxy.loses_next_ack = True

    async def connections(self) -> int:
        return self._proxy.connections

    async def back_up(self) -> None:
        await back_up(self._settings, self._directory / "backup")

    async def restore(self) -> None:
        """Of a server that does not run."""
        await restore(self._settings, self._directory / "backup")
        done = await run_command(self._settings, "after-restore")
        assert done.exit_code == 0, done.output


@asynccontextmanager
async def run_stage(settings: Settings) -> AsyncIterator[tuple[Stage, int]]:
    """The stage, and the port at which a scenario directs it."""
    stage = Stage(settings)
    await stage._open()
    try:
        director = await asyncio.start_server(_directing(stage), HOST, 0)
        async with director:
            yield stage, director.sockets[0].getsockname()[1]
    finally:
        await stage._close()


def _directing(
    stage: Stage,
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            answer: dict[str, Any]
            try:
                answer = {"result": await getattr(stage, json.loads(line)["do"])()}
            except Exception as error:  # noqa: BLE001  # the scenario reports it
                answer = {"error": repr(error)}
            writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()

    return serve


def scenario_names(folder: Path) -> list[str]:
    return sorted(file.name.removesuffix(".test.ts") for file in folder.glob("*.test.ts"))
