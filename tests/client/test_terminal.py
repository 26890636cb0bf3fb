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

from testkit.servers.backend import Backend
from testkit.waiting import LIMIT_S, eventually, limit
from tests.client.host import PASSWORD, Host, hosting

pytestmark = pytest.mark.embedded
ROOT = Path(__file__).resolve().parents[2]


def command(host: Host, user: str, *more: str) -> list[str]:
    where = ["--server", host.url, "--user", user, "--room", "general", "--register"]
    return [sys.executable, "-m", "app", "chat", *where, *more]


def environment() -> dict[str, str]:
    return os.environ | {"TERMINAL_CHAT_PASSWORD": PASSWORD, "TERM": "xterm"}


class Piped:
    """A chat whose input and output are pipes. `out` is what it has printed."""

    def __init__(self, process: Process, encoding: str = "utf-8") -> None:
        self._process, self._encoding = process, encoding
        self.out: list[str] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            self.out.append(line.decode(self._encoding).rstrip("\n"))

    def type(self, line: str | bytes) -> None:
        assert self._process.stdin
        self._process.stdin.write((line if isinstance(line, bytes) else line.encode()) + b"\n")

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
async def piped(host: Host, user: str, *more: str, encoding: str = "utf-8") -> AsyncIterator[Piped]:
    process = await asyncio.create_subprocess_exec(
        *command(host, user, *more),
        stdin=PIPE,
        stdout=PIPE,
        cwd=ROOT,
        env=environment() | {"PYTHONIOENCODING": encoding},
    )
    try:
        yield Piped(process, encoding)
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


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
async def test_what_the_locale_does_not_know_is_replaced(host: Host, encoding: str) -> None:
    """Bytes that are no text in it on the way in, letters that it has not on the way out."""
    async with piped(host, "ada", encoding=encoding) as ada, piped(host, "bob") as bob:
        for chat in (ada, bob):
            await chat.sees("== general ==")
        ada.type(b"from ada \xff\xc3(\xf0\xa4 end")
        await bob.sees("from ada ")
        await bob.sees(" end")
        bob.type("from bob 👋 ш end")
        await ada.sees("from bob ")
        await ada.sees(" end")
        ada.type("after it")
        await bob.sees("ada: after it")
        assert await ada.finish() == 0
        assert await bob.finish() == 0
    said = next(line for line in bob.out if "from ada" in line)
    heard = next(line for line in ada.out if "from bob" in line)
    assert ("\ufffd" in said) == (encoding != "latin-1")  # where every byte is a letter
    assert ("👋" in heard) == (encoding == "utf-8")


async def ended(host: Host, shell: str, **more: str) -> tuple[int, str, str]:
    """Of a chat that a shell has started, with this behind the command."""
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", f'"$@" {shell}', "sh", *command(host, "ada")),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        cwd=ROOT,
        env=environment() | more,
    )
    try:
        async with limit():
            out, error = await process.communicate(b"one\ntwo\nthree\n")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out.decode(), error.decode()


@pytest.mark.parametrize(
    ("shell", "says"),
    [
        ("<&-", "error: There is no standard input: it was closed. Use a terminal or a pipe.\n"),
        (">&-", "error: There is no standard output: it was closed. Use a terminal or a pipe.\n"),
        (">/dev/full", "error: Standard output takes no more: No space left on device.\n"),
    ],
)
async def test_a_stream_that_cannot_be_used_is_a_sentence(
    host: Host, shell: str, says: str
) -> None:
    assert await ended(host, shell) == (1, "", says)


async def test_a_reader_that_has_enough_ends_it(host: Host) -> None:
    """As with `… | head -1`: what is said after that goes nowhere, and no traceback comes."""
    code, out, error = await ended(host, "| head -1")
    assert (code, out) == (0, "ada is registered.\n")
    assert error in ("", "error: Standard output takes no more: Broken pipe.\n")


@pytest.mark.parametrize(
    ("more", "columns"),
    [({}, 80), ({"TERM": "dumb"}, 80), ({}, 1), ({"PYTHONIOENCODING": "latin-1"}, 80)],
    ids=["xterm", "dumb", "one column", "latin-1"],
)
async def test_at_a_terminal(host: Host, more: dict[str, str], columns: int) -> None:
    """What arrives does not touch the line that is being typed; Ctrl-D is the end."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
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
        env=environment() | {"PROMPT_TOOLKIT_NO_CPR": "1", "NO_COLOR": "1"} | more,
    )
    try:
        await sees(b"== general ==")
        os.write(ours, b"half a ")
        async with piped(host, "bob") as bob:
            bob.type("in between 👋 all")
            assert await bob.finish() == 0
        await sees(b"bob: in between ")
        await sees(b" all")
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
