"""Messages, and whom they mention."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.events import Message as MessageWire
from app.persistence.tables import Mention, Message

_SHOWN = select(
    Message.seq, Message.sender_id, Message.at, Message.text, Message.nonce, Message.reply_to
)


class MessageReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, room_id: UUID, seq: int) -> Message | None:
        return await self._session.get(Message, (room_id, seq))

    async def by_nonce(self, room_id: UUID, sender_id: UUID, nonce: str) -> Message | None:
        found = await self._session.scalars(
            select(Message).where(
                Message.room_id == room_id,
                Message.sender_id == sender_id,
                Message.nonce == nonce,
            )
        )
        return found.one_or_none()

    async def before(self, room_id: UUID, seq: int, limit: int) -> list[MessageWire]:
        """The newest messages below `seq`, ascending."""
        found = await self._wire(
            _SHOWN.where(Message.room_id == room_id, Message.seq < seq)
            .order_by(Message.seq.desc())
            .limit(limit)
        )
        return found[::-1]

    async def after(self, room_id: UUID, seq: int, until: int, limit: int) -> list[MessageWire]:
        """The oldest messages above `seq` and up to `until`, ascending."""
        return await self._wire(
            _SHOWN.where(Message.room_id == room_id, Message.seq > seq, Message.seq <= until)
            .order_by(Message.seq)
            .limit(limit)
        )

    async def _wire(self, query: Select[*tuple[Any, ...]]) -> list[MessageWire]:
        """Without entities, which would cost more than the query: pages are read a lot."""
        return [
            MessageWire(seq=seq, sender=sender, at=at, text=text, nonce=nonce, reply_to=reply_to)
            for seq, sender, at, text, nonce, reply_to in await self._session.execute(query)
        ]

    async def nonces_after(self, room_id: UUID, seq: int) -> set[tuple[UUID, str]]:
        """Sender and nonce of every message above `seq`."""
        rows = await self._session.execute(
            select(Message.sender_id, Message.nonce).where(
                Message.room_id == room_id, Message.seq > seq
            )
        )
        return set(rows)


class Messages(MessageReads):
    def add(self, message: Message, mentioned: Iterable[UUID] = ()) -> None:
        """Who names oneself is told nothing new: that is no mention."""
        self._session.add(message)
        self._session.add_all(
            Mention(user_id=user, room_id=message.room_id, seq=message.seq)
            for user in mentioned
            if user != message.sender_id
        )
