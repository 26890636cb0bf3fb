"""What is typed behind a slash, but for what changes the room."""

from app.client.chat import ChatClient
from app.client.terminal.console import Screen
from app.client.terminal.formatting import clean_line
from app.wire.domain import RoomKind
from app.wire.schemas.rooms import RoomOut

HELP = """\
/who         who is a member of this room
/rooms       your rooms, with what is unread in them
/join NAME   go to another room; one that does not exist yet is made
/quit        the end; so are Ctrl-D and Ctrl-C
//text       sends /text"""
MOST = 50


async def who(chat: ChatClient, screen: Screen, room: RoomOut) -> None:
    names: list[str] = []
    async for member in chat.api.members(room.id):
        if len(names) == MOST:
            names.append("and more")
            break
        chat.people.learn(member.user)
        names.append(f"{clean_line(member.user.display_name)} (@{member.user.username})")
    screen.say(", ".join(names))


async def rooms(chat: ChatClient, screen: Screen) -> None:
    async for room in chat.api.rooms():
        unread = f"{room.unread} unread" if room.unread else ""
        mentions = f", {room.mentions} for you" if room.mentions else ""
        screen.say(f"{await _title(chat, room):30} {unread}{mentions}".rstrip())


async def _title(chat: ChatClient, room: RoomOut) -> str:
    if room.kind is RoomKind.DIRECT and room.users:
        names = [await chat.people.name(user) for user in room.users]
        return clean_line(" and ".join(names))
    return clean_line(room.name or f"{room.kind} room")
