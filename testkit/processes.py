"""`python -m app serve` in a process of its own, on uvloop, with signals."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from app.settings import PREFIX, Settings
from testkit.coverage import child_variables
from testkit.people import Person
from testkit.servers.process import ends_with_parent
from testkit.waiting import LIMIT_S, limit

LONGEST_LINE = 16 * 1024 * 1024
LISTENS = re.compile(r"Chat on (https?://\S+)")


class ServerProcess:
    """Listens at `url`. `output` has the lines that it has written so far."""

    def __init__(self, process: Process, client: httpx.AsyncClient) -> None:
        self._process = process
        self.output: list[str] = []
        self._reading: asyncio.Task[None] | None = None
        self._http = client
        self.url = ""

    async def wait_until_it_listens(self) -> None:
        assert self._process.stdout is not None
        async with limit():
            while not self.url:
                line = (await self._process.stdout.readline()).decode()
                assert line, f"the server ended: {self.story()}"
                self.output.append(line)
                if match := LISTENS.match(line):
                    self.url = match[1]
        self._http.base_url = self.url
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.output.append(line.decode())

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def story(self) -> str:
        return "".join(self.output)

    def here(self, person: Person) -> Person:
        """The same person, as a client of this process."""
        return replace(person, http=self._http)

    @property
    def pid(self) -> int:
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ended(self) -> int:
        """The return code."""
        try:
            async with limit():
                code = await self._process.wait()
        except TimeoutError:
            raise AssertionError(f"still running after {LIMIT_S} s: {self.story()}") from None
        if self._reading:
            await self._reading
        return code

    async def stop(self) -> None:
        if self._process.returncode is None:
            self.signal(signal.SIGKILL)
        await self.ended()


@asynccontextmanager
async def run_process(
    settings: Settings,
    directory: Path,
    port: int = 0,
    *options: str,
    variables: Mapping[str, str] | None = None,
) -> AsyncIterator[ServerProcess]:
    """`variables` are further ones of its environment."""
    prefix = ends_with_parent()
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # pytest under nohup; a server is not
        prefix += ["env", "--default-signal=HUP"]
    process = await asyncio.create_subprocess_exec(
        *prefix,
        *(sys.executable, "-m", "app", "serve", *options),
        cwd=directory,  # where there is no .env
        env=environment(settings) | {f"{PREFIX}SERVER__PORT": str(port)} | dict(variables or {}),
        stdout=PIPE,
        stderr=STDOUT,
        limit=LONGEST_LINE,
    )
    async with httpx.AsyncClient(timeout=LIMIT_S) as client:
        server = ServerProcess(process, client)
        try:
            await server.wait_until_it_listens()
            yield server
        finally:
            await server.stop()


def environment(settings: Settings) -> dict[str, str]:
    """Environment variables with the settings; otherwise only what Python needs."""
    ours = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    given: dict[str, Any] = settings.model_dump(mode="json", exclude_defaults=True)
    return (
        ours
        | child_variables()
        | {
            f"{PREFIX}{group}__{name}".upper(): str(value)
            for group, values in given.items()
            for name, value in values.items()
        }
    )
