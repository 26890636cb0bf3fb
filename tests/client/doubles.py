"""Fakes of the server: a log, and a scripted connection."""

import asyncio
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from pydantic import BaseModel

from app.client.close_policy import ConnectionLost, ReconnectAction
from app.client.connection import Connection
from app.client.event_queue import EventQueue
from app.limit_settings import Limits
from app.wire.events import Event, Message, MessageCreated, RoomEvent
from app.wire.frames import RoomOpened, Welcome
from app.wire.schemas.limits import ServerLimits
from app.wire.schemas.messages import EventPage
from app.wire.schemas.users import UserOut

ROOM, OTHER, ADA = UUID(int=7), UUID(int=8), UUID(int=1)
EPOCH = "q3Xv0TbN2cE"
AT = datetime(2026, 5, 17, 12, 30, tzinfo=UTC)


def event(seq: int, room: UUID = ROOM) -> MessageCreated:
    message = Message(seq=seq, sender=ADA, at=AT, text=f"text {seq}", nonce=f"n{seq}")
    return MessageCreated(room=room, seq=seq, actor=ADA, at=AT, message=message)


def opened(
    since: int, head: int, state: str = "ok", resume: int | None = None, **more: Any
) -> RoomOpened:
    frame = {"room": ROOM, "from": since, "seq": head, "state": state, "resume": resume}
    return RoomOpened.model_validate(frame | more)


class FakeLog:
    """The events 1 to `head` of a room, in pages of `page`; errors in `errors` come first. Pages
    wait until `open` is set."""

    def __init__(self, head: int, page: int = 100) -> None:
        self.head, self.page, self.epoch = head, page, EPOCH
        self.asked: list[tuple[int, int]] = []
        self.errors: deque[Exception] = deque()
        self.open = asyncio.Event()
        self.open.set()

    async def read(self, room: UUID, after: int, until: int) -> EventPage:
        self.asked.append((after, until))
        items: list[Event | RoomEvent] = [event(s, room) for s in self.between(after, until)]
        await self.open.wait()
        if self.errors:
            raise self.errors.popleft()
        return EventPage(epoch=self.epoch, items=items, next=None)

    def between(self, after: int, until: int) -> range:
        return range(after + 1, min(until, self.head, after + self.page) + 1)


class FakeConnection:
    """A connection: `receive` are the frames of the server, `sent` those of the client."""

    def __init__(self, frames: Iterable[BaseModel] = (), **limits: int) -> None:
        self._frames = deque(frames)
        self._more = asyncio.Event()
        self.sent: list[Any] = []
        self.welcome = Welcome(
            session=UUID(int=2),
            user=UserOut(id=ADA, username="ada", display_name="Ada"),
            epoch=EPOCH,
            heartbeat_ms=25000,
            limits=ServerLimits.model_validate(Limits(**limits), from_attributes=True),
            expires_at=AT,
        )

    def say(self, *frames: BaseModel) -> None:
        self._frames.extend(frames)
        self._more.set()

    def stop(self) -> None:
        self.say(_End())

    async def send(self, frame: BaseModel) -> None:
        self.sent.append(frame)

    async def receive(self) -> Any:
        while not self._frames:
            self._more.clear()
            await self._more.wait()
        frame = self._frames.popleft()
        if isinstance(frame, _End):
            raise ConnectionLost(ReconnectAction.RESUME, "the end")
        return frame

    def as_connection(self) -> Connection:
        return cast(Connection, self)


class _End(BaseModel):
    pass


def drain(queue: EventQueue) -> list[Any]:
    """Take everything out of a queue."""
    items = list(queue._items)
    queue._items.clear()
    return items


def seqs(items: Iterable[Any]) -> list[int]:
    return [item.seq for item in items if isinstance(item, RoomEvent)]


async def settle(turns: int = 20) -> None:
    """Let the event loop run until it is idle."""
    for _ in range(turns):
        await asyncio.sleep(0)
