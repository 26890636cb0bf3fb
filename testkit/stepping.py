"""A process that works step by step: after each step and before its COMMIT it prints a line that
begins with `handled`, and waits for a line. It stops in order at the end of its input."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app.settings import Settings
from testkit.processes import environment
from testkit.servers.process import ends_with_parent
from testkit.waiting import limit


class Stepper:
    def __init__(self, process: Process) -> None:
        self._process = process

    async def next_step(self) -> None:
        """Returns when the process has handled a step and has not committed it."""
        assert self._process.stdout
        async with limit():
            line = b""
            while not line.startswith(b"handled"):
                line = await self._process.stdout.readline()
                assert line, "the process has ended"

    def commit(self, steps: int = 1) -> None:
        assert self._process.stdin
        self._process.stdin.write(b"go\n" * steps)

    async def end(self) -> None:
        """Stop the process in order."""
        assert self._process.stdin
        self._process.stdin.close()
        async with limit():
            assert await self._process.wait() == 0

    def send(self, number: signal.Signals) -> None:
        os.kill(self._process.pid, number)

    async def kill(self) -> None:
        if self._process.returncode is None:
            self.send(signal.SIGKILL)
        async with limit():
            await self._process.communicate()


@asynccontextmanager
async def run_stepper(module: str, settings: Settings, directory: Path) -> AsyncIterator[Stepper]:
    """Run a module with these settings; killed at the end, if it has not ended."""
    process = await asyncio.create_subprocess_exec(
        *ends_with_parent(),
        *(sys.executable, "-m", module),
        cwd=directory,  # where there is no .env
        env=environment(settings),
        stdin=PIPE,
        stdout=PIPE,
    )
    stepper = Stepper(process)
    try:
        yield stepper
    finally:
        await stepper.kill()
