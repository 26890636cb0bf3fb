"""The slash commands that do not change the room."""

import re
from typing import NamedTuple

from app.client.chat import ChatClient
from app.client.terminal.console import Console
from app.client.terminal.formatting import clean_line
from app.wire.domain import RoomKind
from app.wire.schemas.rooms import RoomOut

HELP = """\
/who         who is a member of this room
/rooms       your rooms, with what is unread in them
/join NAME   go to another room; created if there is none
/thread SEQ TEXT
             replies in the thread of a message
/quit        the end; so are Ctrl-D and Ctrl-C
//text       sends /text"""
MAX_MEMBERS_SHOWN = 50
_REPLY = re.compile(r"([0-9]{1,15})\s+(\S.*)")


class ThreadReply(NamedTuple):
    thread: int
    text: str


def parse_reply(arguments: str) -> ThreadReply | None:
    """Those of /thread; None if something is missing."""
    match = _REPLY.fullmatch(arguments.strip())
    return ThreadReply(int(match[1]), match[2]) if match else None


async def who(chat: ChatClient, console: Console, room: RoomOut) -> None:
    names: list[str] = []
    async for member in chat.api.members(room.id):
        if len(names) == MAX_MEMBERS_SHOWN:
            names.append("and more")
            break
        chat.users.put(member.user)
        names.append(f"{clean_line(member.user.display_name)} (@{member.user.username})")
    console.say(", ".join(names))


async def rooms(chat: ChatClient, console: Console) -> None:
    async for room in chat.api.rooms():
        unread = f"{room.unread} unread" if room.unread else ""
        mentions = f", {room.mentions} for you" if room.mentions else ""
        console.say(f"{await _title(chat, room):30} {unread}{mentions}".rstrip())


async def _title(chat: ChatClient, room: RoomOut) -> str:
    if room.kind is RoomKind.DIRECT and room.users:
        names = [await chat.users.name(user) for user in room.users]
        return clean_line(" and ".join(names))
    return clean_line(room.name or f"{room.kind} room")
