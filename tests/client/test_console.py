"""The prompt of the terminal client, in a pseudo terminal of this process."""

import asyncio
import os
import pty
import select

import pytest
from prompt_toolkit.application import create_app_session, run_in_terminal
from prompt_toolkit.input import create_input
from prompt_toolkit.output import DummyOutput

from app.client.terminal.console import Terminal
from testkit.waiting import LIMIT_S, eventually, limit


@pytest.mark.parametrize(
    ("keys", "lines"), [(b"\x04", []), (b"\x03", []), (b"hello\r\x04", ["hello"])]
)
async def test_keys_pressed_while_a_message_is_printed_reach_the_prompt(
    keys: bytes, lines: list[str]
) -> None:
    """Ctrl-D and Ctrl-C end the conversation at each moment."""
    ours, theirs = pty.openpty()
    try:
        with (
            os.fdopen(theirs) as stdin,
            create_app_session(create_input(stdin), DummyOutput()),
        ):
            console = Terminal()

            def press_keys() -> None:
                os.write(ours, keys)
                select.select([ours, theirs], [], [], LIMIT_S)  # until the kernel has taken them

            async def print_message() -> None:
                await eventually(lambda: console._prompt.app.is_running)
                await run_in_terminal(press_keys)

            printing = asyncio.create_task(print_message())
            async with limit():
                assert [line async for line in console.lines()] == lines
                await printing
    finally:
        os.close(ours)
