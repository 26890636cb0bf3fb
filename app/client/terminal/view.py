"""Prints the messages and events of the current room."""

from datetime import date
from uuid import UUID

from app.client.chat import ChatClient
from app.client.terminal.console import Console
from app.client.terminal.formatting import clean_line, day_line, describe_event, local, message_line
from app.wire.events import MemberEvent, Message, MessageCreated, RoomEvent
from app.wire.schemas.rooms import RoomOut

HISTORY = 20


class View:
    """`shown` is the seq of the last event that was shown."""

    def __init__(self, chat: ChatClient, console: Console) -> None:
        self._chat, self._console = chat, console
        self._day: date | None = None
        self.room: RoomOut | None = None
        self.shown = 0

    def shows(self, room: UUID) -> bool:
        return self.room is not None and self.room.id == room

    @property
    def title(self) -> str:
        """The title of the current room; empty without one."""
        return clean_line(self.room.name or self.room.kind) if self.room else ""

    async def switch_room(self, room: RoomOut, head: int) -> None:
        """Show the last messages up to `head`; `show` prints later events."""
        self.room, self.shown, self._day = room, head, None
        topic = f" - {clean_line(room.topic)}" if room.topic else ""
        self._console.say(self._console.style.dim(f"== {self.title}{topic} =="))
        page = await self._chat.api.messages(room.id, before=head + 1, limit=HISTORY)
        for message in page.items:
            await self._print_message(message)

    async def show(self, event: RoomEvent) -> None:
        """Print an event of the current room, unless `switch_room` has shown it."""
        if not self.shows(event.room) or event.seq <= self.shown:
            return
        if isinstance(event, MessageCreated):
            await self._print_message(event.message)
        else:
            await self._print_event(event)
        self.shown = event.seq

    def note(self, text: str) -> None:
        """Print a notice of the client."""
        self._console.say(self._console.style.dim(f"* {text}"))

    async def _print_message(self, message: Message) -> None:
        day = local(message.at).date()
        if day != self._day:
            self._day = day
            self._console.say(day_line(self._console.style, day))
        name = await self._chat.users.name(message.sender)
        self._console.say(message_line(self._console.style, message, name))

    async def _print_event(self, event: RoomEvent) -> None:
        actor = member = await self._chat.users.name(event.actor)
        if isinstance(event, MemberEvent):
            member = await self._chat.users.name(event.member.user)
        text = describe_event(event, actor, member)
        if text:
            self.note(clean_line(text))
