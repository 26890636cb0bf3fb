"""A chat server that can be killed, frozen and restarted, and reports its resource usage."""

import asyncio
import json
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.settings import PREFIX, Settings
from testkit.processes import environment
from testkit.servers.process import ends_with_parent
from testkit.waiting import LIMIT_S
from tests.faults.launcher import REPORT

LISTENS = re.compile(r"Chat on http://\S+:(\d+)")
START_S = ANSWERS_S = LIMIT_S
DEFECTS = ("error", "critical")
# SQLAlchemy's pool logs it when a connection is lost while it is returned; the pool drops it.
EXCUSED = "Exception during reset or similar"


@dataclass(frozen=True)
class ResourceUsage:
    """Names of tasks, number of database connections in use, bytes of memory."""

    tasks: list[str]
    connections: int
    memory: int


class ChatProcess:
    """Listens on `port`. Errors in its log are collected in `defects`."""

    def __init__(self, settings: Settings, directory: Path, defects: list[str]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._settings, self._directory, self._defects = settings, directory, defects
        self._process: Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._tail = deque[str](maxlen=40)
        self.port = 0
        self.starts = 0

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *ends_with_parent(),
            *(sys.executable, "-m", "tests.faults.launcher"),
            cwd=self._directory,
            env=environment(self._settings)
            | {f"{PREFIX}SERVER__LOG_FORMAT": "json", f"{PREFIX}SERVER__LOG_LEVEL": "warning"},
            stdout=PIPE,
            stderr=STDOUT,
            limit=2**20,
        )
        self.port, self.starts = 0, self.starts + 1
        listens = asyncio.Event()
        self._reader = asyncio.create_task(self._read(self._process, listens))
        async with asyncio.timeout(START_S):
            await listens.wait()
        assert self.port, "the server did not start:\n" + "".join(self._tail)

    async def _read(self, process: Process, listens: asyncio.Event) -> None:
        assert process.stdout is not None
        async for raw in process.stdout:
            line = raw.decode(errors="replace")
            self._tail.append(line)
            if match := LISTENS.match(line):
                self.port = int(match[1])
                listens.set()
            self._collect_defect(line)
        listens.set()

    def _collect_defect(self, line: str) -> None:
        try:
            entry: Any = json.loads(line)
        except ValueError:
            if line.startswith("Traceback"):
                self._defects.append(line)
            return
        if not isinstance(entry, dict) or entry.get("event") == EXCUSED:
            return
        if entry.get("level") in DEFECTS:
            self._defects.append(line[:20_000])

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def signal(self, number: signal.Signals) -> None:
        if self.runs:
            assert self._process is not None
            self._process.send_signal(number)

    async def ended(self, within_s: float = ANSWERS_S) -> None:
        """Return once the process has ended. If it does not, it is killed, and that is a defect."""
        if self._process is None:
            return
        try:
            async with asyncio.timeout(within_s):
                await self._process.wait()
        except TimeoutError:
            self._defects.append(f"did not end within {within_s} s: {''.join(self._tail)[-2000:]}")
            self._process.kill()
            await self._process.wait()
        if self._reader:
            await self._reader

    async def kill(self) -> None:
        self.signal(signal.SIGKILL)
        await self.ended()

    async def resource_usage(self) -> ResourceUsage:
        """The resource usage that the process reports."""
        report = self._directory / REPORT
        report.unlink(missing_ok=True)
        self.signal(signal.SIGUSR1)
        async with asyncio.timeout(ANSWERS_S):
            while not report.exists():  # noqa: ASYNC110  # another process makes it
                await asyncio.sleep(0.02)
        return ResourceUsage(**json.loads(report.read_text()))
