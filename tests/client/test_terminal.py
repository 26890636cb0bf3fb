"""python -m app chat as a process, with pipes and at a terminal."""

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

from testkit.server import PASSWORD, TestServer, run_server
from testkit.servers.backend import Backend
from testkit.waiting import LIMIT_S, eventually, limit
from tests.client.recording_client import client_settings

pytestmark = pytest.mark.embedded
ROOT = Path(__file__).resolve().parents[2]


def command(server: TestServer, user: str, *more: str) -> list[str]:
    where = ["--server", server.url, "--user", user, "--room", "general", "--register"]
    return [sys.executable, "-m", "app", "chat", *where, *more]


def environment() -> dict[str, str]:
    return os.environ | {"TERMINAL_CHAT_PASSWORD": PASSWORD, "TERM": "xterm"}


class Piped:
    """A chat whose input and output are pipes. `out` is its output."""

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
        """Close the input and return how the program ends."""
        assert self._process.stdin
        self._process.stdin.close()
        async with limit():
            await self._reading
            return await self._process.wait()

    def said(self, marker: str) -> list[str]:
        """The texts of messages that consist of `marker` and a number."""
        return [text for line in self.out for text in re.findall(rf": ({marker}\d+)$", line)]


@asynccontextmanager
async def piped(
    server: TestServer, user: str, *more: str, encoding: str = "utf-8"
) -> AsyncIterator[Piped]:
    process = await asyncio.create_subprocess_exec(
        *command(server, user, *more),
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
async def server(embedded: Backend) -> AsyncIterator[TestServer]:
    async with run_server(client_settings(embedded.settings)) as server:
        yield server


async def test_two_pipes_continue_after_a_server_restart(server: TestServer) -> None:
    async with piped(server, "ada") as ada, piped(server, "bob") as bob:
        for chat in (ada, bob):
            await chat.sees("== general ==")
        for number in range(5):
            ada.type(f"a{number}")
            bob.type(f"b{number}")
        await server.stop()
        for chat in (ada, bob):
            await chat.sees("* disconnected, reconnecting...")
        for number in range(5, 10):
            ada.type(f"a{number}")
            bob.type(f"b{number}")
        await server.start()
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


async def test_errors_are_printed_as_sentences(server: TestServer) -> None:
    process = await asyncio.create_subprocess_exec(
        *command(server, "ada", "--ca", "no-such-file.pem"),
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
async def test_characters_outside_the_locale_are_replaced(
    server: TestServer, encoding: str
) -> None:
    """Invalid bytes of the input, and characters that the output cannot encode."""
    async with piped(server, "ada", encoding=encoding) as ada, piped(server, "bob") as bob:
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


async def ended(server: TestServer, shell: str, **more: str) -> tuple[int, str, str]:
    """A chat that a shell has started, with this text after the command."""
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", f'"$@" {shell}', "sh", *command(server, "ada")),
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
async def test_an_unusable_stream_is_an_error_message(
    server: TestServer, shell: str, says: str
) -> None:
    assert await ended(server, shell) == (1, "", says)


async def test_a_closed_output_ends_the_program(server: TestServer) -> None:
    """As with `… | head -1`: further output is dropped without a traceback."""
    code, out, error = await ended(server, "| head -1")
    assert (code, out) == (0, "ada is registered.\n")
    assert error in ("", "error: Standard output takes no more: Broken pipe.\n")


@pytest.mark.parametrize(
    ("more", "columns"),
    [({}, 80), ({"TERM": "dumb"}, 80), ({}, 1), ({"PYTHONIOENCODING": "latin-1"}, 80)],
    ids=["xterm", "dumb", "one column", "latin-1"],
)
async def test_a_conversation_in_a_pseudo_terminal(
    server: TestServer, more: dict[str, str], columns: int
) -> None:
    """Incoming messages do not disturb the line that is being typed; Ctrl-D ends the program."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    console = bytearray()
    asyncio.get_running_loop().add_reader(ours, lambda: console.extend(os.read(ours, 65536)))

    async def sees(part: bytes) -> None:
        try:
            await eventually(lambda: part in console)
        except TimeoutError:
            pytest.fail(f"{part!r} is not in {bytes(console)!r}")

    process = await asyncio.create_subprocess_exec(
        *command(server, "ada"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env=environment() | {"PROMPT_TOOLKIT_NO_CPR": "1", "NO_COLOR": "1"} | more,
    )
    try:
        await sees(b"== general ==")
        os.write(ours, b"half a ")
        async with piped(server, "bob") as bob:
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
