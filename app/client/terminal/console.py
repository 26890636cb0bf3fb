"""Line input and output: a terminal with a prompt, or plain pipes."""

import asyncio
import io
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, nullcontext, suppress
from typing import Protocol, Self

from prompt_toolkit import PromptSession
from prompt_toolkit.patch_stdout import patch_stdout

from app.client.errors import ClientError
from app.client.terminal.formatting import Style

MAX_LINES_AHEAD = 100  # lines of a pipe that are read before they are sent


class NotInteractive(ClientError):
    """A question needs a terminal, and there is none."""


class NoStream(ClientError):
    """Standard input or output is closed or broken."""


class Console(Protocol):
    interactive: bool
    style: Style

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def say(self, line: str) -> None:
        """Print text above the prompt. Raises NoStream."""

    async def ask(self, question: str, *, secret: bool = False) -> str:
        """Raises NotInteractive; EOFError or KeyboardInterrupt if the user gives up."""

    def lines(self) -> AsyncIterator[str]:
        """The lines of the input until its end."""

    def refresh(self, status: str) -> None:
        """Show another status line."""


class PlainConsole:
    interactive = False

    def __init__(self) -> None:
        self.style = Style(colours=False)
        self._broken: NoStream | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def say(self, line: str) -> None:
        if self._broken:
            raise self._broken
        try:
            print(line, flush=True)
        except OSError as error:
            self._broken = NoStream(f"Standard output takes no more: {error.strerror}.")
            # Else the interpreter fails again when it flushes the buffer at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise self._broken from error

    async def ask(self, question: str, *, secret: bool = False) -> str:
        raise NotInteractive(
            f"There is no terminal to ask for: {question.strip(': ')}. "
            "A password can stand in TERMINAL_CHAT_PASSWORD; see --help."
        )

    async def lines(self) -> AsyncIterator[str]:
        """A thread reads: not every input can be awaited, for example a file."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[str | None] = asyncio.Queue(MAX_LINES_AHEAD)

        def put(line: str | None) -> None:
            asyncio.run_coroutine_threadsafe(queue.put(line), loop).result()

        threading.Thread(target=_read_all, args=(put,), daemon=True).start()
        while (line := await queue.get()) is not None:
            yield line

    def refresh(self, status: str) -> None:
        pass


def _read_all(put: Callable[[str | None], None]) -> None:
    with suppress(RuntimeError):  # the loop has ended
        with suppress(OSError):  # the terminal is gone
            for line in sys.stdin:
                put(line.rstrip("\n"))
        put(None)


class Terminal:
    """A prompt below the output, and a status line below the prompt."""

    interactive = True

    def __init__(self) -> None:
        self.style = Style(colours="NO_COLOR" not in os.environ)
        self._status = ""
        self._stack = ExitStack()
        self._prompt: PromptSession[str] = PromptSession(
            bottom_toolbar=lambda: self._status, erase_when_done=True
        )
        # prompt_toolkit leaves raw mode while it prints above the prompt. A Ctrl-D that is pressed
        # meanwhile would be lost, because the kernel takes it for an end of file that nobody reads.
        self._prompt.app.input.cooked_mode = nullcontext  # type: ignore[method-assign]

    def __enter__(self) -> Self:
        self._stack.enter_context(patch_stdout(raw=True))
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def say(self, line: str) -> None:
        print(line)

    async def ask(self, question: str, *, secret: bool = False) -> str:
        asking: PromptSession[str] = PromptSession()
        return await asking.prompt_async(question, is_password=secret)

    async def lines(self) -> AsyncIterator[str]:
        with self._prompt.app.input.raw_mode():  # else a Ctrl-D between two prompts is lost
            while True:
                try:
                    line = await self._prompt.prompt_async("> ")
                except (EOFError, KeyboardInterrupt):
                    return
                yield line

    def refresh(self, status: str) -> None:
        self._status = f" {status}"
        self._prompt.app.invalidate()


def open_console() -> Console:
    """A terminal if both streams are one, else plain pipes; characters outside the locale are
    replaced. Raises NoStream if a stream was closed before the start."""
    for number, (name, stream) in enumerate((("input", sys.stdin), ("output", sys.stdout))):
        # Python names what it was started with, such as <stdin>. What was closed and then opened on
        # /dev/null (`app/standard_streams.py`) has a number.
        if stream is None or stream.name == number:
            raise NoStream(f"There is no standard {name}: it was closed. Use a terminal or a pipe.")
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    return Terminal() if sys.stdin.isatty() and sys.stdout.isatty() else PlainConsole()
