"""python -m app chat as processes of their own: at pipes, and at a terminal."""

import asyncio
import os
import pty
import re
import sys
import termios
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.client.host import PASSWORD, Host, hosting
from tests.features.serving import eventually
from tests.servers.backend import Backend
from tests.waiting import LIMIT_S, limit

pytestmark = pytest.mark.embedded
ROOT = Path(__file__).resolve().parents[2]


def command(host: Host, user: str, *more: str) -> list[str]:
    where = ["--server", host.url, "--user", user, "--room", "general", "--register"]
    return [sys.executable, "-m", "app", "chat", *where, *more]


def environment() -> dict[str, str]:
    return os.environ | {"TERMINAL_CHAT_PASSWORD": PASSWORD, "TERM": "xterm"}


class Piped:
    """A chat whose input and output are pipes. `out` is what it has printed."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.out: list[str] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            self.out.append(line.decode().rstrip("\n"))

    def type(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n".encode())

    async def sees(self, part: str) -> None:
        await eventually(lambda: any(part in line for line in self.out))

    async def finish(self) -> int:
        """End its input, and see how it ends."""
        assert self._process.stdin
        self._process.stdin.close()
        async with limit():
            await self._reading
            return await self._process.wait()

    def said(self, marker: str) -> list[str]:
        """The texts of messages that are `marker` and a number."""
        return [text for line in self.out for text in re.findall(rf": ({marker}\d+)$", line)]


@asynccontextmanager
async def piped(host: Host, user: str, *more: str) -> AsyncIterator[Piped]:
    process = await asyncio.create_subprocess_exec(
        *command(host, user, *more), stdin=PIPE, stdout=PIPE, cwd=ROOT, env=environment()
    )
    try:
        yield Piped(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
async def host(embedded: Backend) -> AsyncIterator[Host]:
    async with hosting(embedded.settings) as host:
        yield host


async def test_two_go_on_when_the_server_comes_back(host: Host) -> None:
    async with piped(host, "ada") as ada, piped(host, "bob") as bob:
        for chat in (ada, bob):
            await chat.sees("== general ==")
        for number in range(5):
            ada.type(f"a{number}")
            bob.type(f"b{number}")
        await host.stop()
        for chat in (ada, bob):
            await chat.sees("* disconnected, reconnecting...")
        for number in range(5, 10):
            ada.type(f"a{number}")
            bob.type(f"b{number}")
        await host.start()
        for chat in (ada, bob):
            await chat.sees("* back")
            await chat.sees(": a9")
            await chat.sees(": b9")
        assert await bob.finish() == 0
        ada.type("the last one")
        assert await ada.finish() == 0
        for chat in (ada, bob):
            assert chat.said("a") == [f"a{number}" for number in range(10)]
            assert chat.said("b") == [f"b{number}" for number in range(10)]
        assert "the last one" in ada.out[-1]


async def test_mistakes_are_sentences(host: Host) -> None:
    process = await asyncio.create_subprocess_exec(
        *command(host, "ada", "--ca", "no-such-file.pem"),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        cwd=ROOT,
        env=environment(),
    )
    out, error = await process.communicate()
    assert (process.returncode, out) == (1, b"")
    assert error.decode().startswith("error: no-such-file.pem: ")
    assert "Traceback" not in error.decode()


async def test_at_a_terminal(host: Host) -> None:
    """What arrives does not touch the line that is being typed; Ctrl-D is the end."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    screen = bytearray()
    asyncio.get_running_loop().add_reader(ours, lambda: screen.extend(os.read(ours, 65536)))

    async def sees(part: bytes) -> None:
        try:
            await eventually(lambda: part in screen)
        except TimeoutError:
            pytest.fail(f"{part!r} is not in {bytes(screen)!r}")

    process = await asyncio.create_subprocess_exec(
        *command(host, "ada"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env=environment() | {"PROMPT_TOOLKIT_NO_CPR": "1", "NO_COLOR": "1"},
    )
    try:
        await sees(b"== general ==")
        os.write(ours, b"half a ")
        async with piped(host, "bob") as bob:
            bob.type("in between")
            assert await bob.finish() == 0
        await sees(b"bob: in between")
        os.write(ours, b"line\r")
        await sees(b"ada: half a line")
        os.write(ours, b"\x04")
        assert await asyncio.wait_for(process.wait(), LIMIT_S) == 0
    finally:
        asyncio.get_running_loop().remove_reader(ours)
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)
        os.close(theirs)
