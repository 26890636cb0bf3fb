"""Runs the terminal chat."""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.client.chat import ChatClient
from app.client.errors import ClientError
from app.client.http import context_for_ca
from app.client.terminal.console import Console, open_console
from app.client.terminal.conversation import Conversation
from app.client.terminal.login import Credentials, log_in_or_register

LOG_OUT_S = 3.0


class BadOption(ClientError):
    """An option of the command line is not usable."""


@dataclass(frozen=True, slots=True)
class ChatOptions:
    server: str
    room: str
    credentials: Credentials
    ca: Path | None


def run_chat(options: ChatOptions) -> None:
    """Returns when the user quits. Raises ClientError."""
    with suppress(KeyboardInterrupt, EOFError):
        asyncio.run(_run(options))


async def _run(options: ChatOptions) -> None:
    with open_console() as output:
        async with _client(options) as chat:
            await _chat_in_room(chat, options, output)


async def _chat_in_room(chat: ChatClient, options: ChatOptions, output: Console) -> None:
    me = await log_in_or_register(chat, options.credentials, output)
    await Conversation(chat, me, output).run(options.room)
    with suppress(ClientError, TimeoutError):
        async with asyncio.timeout(LOG_OUT_S):
            await chat.log_out()


def _client(options: ChatOptions) -> ChatClient:
    try:
        tls = context_for_ca(options.ca) if options.ca else None
    except (OSError, ssl.SSLError) as error:
        raise BadOption(f"{options.ca}: {error}") from error
    try:
        return ChatClient(options.server, tls=tls, agent="chat-terminal/1.0")
    except ValueError as error:
        raise BadOption(str(error)) from error
