"""What happens in the room that is looked at, as lines."""

from datetime import date
from uuid import UUID

from app.client.chat import ChatClient
from app.client.terminal.console import Screen
from app.client.terminal.formatting import clean_line, day_line, happening, local, message_line
from app.wire.events import MemberEvent, Message, MessageCreated, RoomEvent
from app.wire.schemas.rooms import RoomOut

HISTORY = 20


class View:
    """`shown` is the seq up to which the room was shown."""

    def __init__(self, chat: ChatClient, screen: Screen) -> None:
        self._chat, self._screen = chat, screen
        self._day: date | None = None
        self.room: RoomOut | None = None
        self.shown = 0

    def shows(self, room: UUID) -> bool:
        return self.room is not None and self.room.id == room

    @property
    def title(self) -> str:
        """Of the room that is looked at; empty if there is none."""
        return clean_line(self.room.name or self.room.kind) if self.room else ""

    async def turn_to(self, room: RoomOut, head: int) -> None:
        """Show the last messages up to `head`; what comes behind it is for `show`."""
        self.room, self.shown, self._day = room, head, None
        topic = f" - {clean_line(room.topic)}" if room.topic else ""
        self._screen.say(self._screen.style.dim(f"== {self.title}{topic} =="))
        page = await self._chat.api.messages(room.id, before=head + 1, limit=HISTORY)
        for message in page.items:
            await self._say_message(message)

    async def show(self, event: RoomEvent) -> None:
        """An event of the room that is looked at, unless `turn_to` has shown it."""
        if not self.shows(event.room) or event.seq <= self.shown:
            return
        if isinstance(event, MessageCreated):
            await self._say_message(event.message)
        else:
            await self._say_happening(event)
        self.shown = event.seq

    def note(self, text: str) -> None:
        """Something of the client's own."""
        self._screen.say(self._screen.style.dim(f"* {text}"))

    async def _say_message(self, message: Message) -> None:
        day = local(message.at).date()
        if day != self._day:
            self._day = day
            self._screen.say(day_line(self._screen.style, day))
        name = await self._chat.people.name(message.sender)
        self._screen.say(message_line(self._screen.style, message, name))

    async def _say_happening(self, event: RoomEvent) -> None:
        actor = member = await self._chat.people.name(event.actor)
        if isinstance(event, MemberEvent):
            member = await self._chat.people.name(event.member.user)
        text = happening(event, actor, member)
        if text:
            self.note(clean_line(text))
