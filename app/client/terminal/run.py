"""python -m app chat."""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.client.chat import ChatClient
from app.client.errors import ClientError
from app.client.terminal.console import Screen, screen
from app.client.terminal.conversation import Talk
from app.client.terminal.login import Visitor, come_in
from app.client.tls import trusting

LOG_OUT_S = 3.0


class Unusable(ClientError):
    """What was given on the command line cannot be used."""


@dataclass(frozen=True, slots=True)
class Chat:
    server: str
    room: str
    visitor: Visitor
    ca: Path | None


def run_chat(options: Chat) -> None:
    """Returns when the user has enough. Raises ClientError."""
    with suppress(KeyboardInterrupt, EOFError):
        asyncio.run(_run(options))


async def _run(options: Chat) -> None:
    with screen() as output:
        async with _client(options) as chat:
            await _talk(chat, options, output)


async def _talk(chat: ChatClient, options: Chat, output: Screen) -> None:
    me = await come_in(chat, options.visitor, output)
    await Talk(chat, me, output).run(options.room)
    with suppress(ClientError, TimeoutError):
        async with asyncio.timeout(LOG_OUT_S):
            await chat.log_out()


def _client(options: Chat) -> ChatClient:
    try:
        tls = trusting(options.ca) if options.ca else None
    except (OSError, ssl.SSLError) as error:
        raise Unusable(f"{options.ca}: {error}") from error
    try:
        return ChatClient(options.server, tls=tls, agent="chat-terminal/1.0")
    except ValueError as error:
        raise Unusable(str(error)) from error
