"""Reads of messages, besides their pages."""

from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.repositories.member_filter import ROOM
from app.persistence.repositories.message_columns import MESSAGE_COLUMNS, from_row
from app.persistence.tables import MessageRow, columns
from app.wire.events import Message

_message = columns(MessageRow)
_AFTER = (
    select(*MESSAGE_COLUMNS)
    .where(
        _message.room_id == ROOM,
        _message.seq > bindparam("seq"),
        _message.seq <= bindparam("until"),
    )
    .order_by(_message.seq)
    .limit(bindparam("max_rows"))
)


class MessageReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_after_unchecked(
        self, room_id: UUID, seq: int, until: int, limit: int
    ) -> list[Message]:
        """The oldest messages above `seq` and up to `until`, ascending; checks no membership."""
        parameters = {"room": room_id, "seq": seq, "until": until, "max_rows": limit}
        return [from_row(row) for row in await self._session.execute(_AFTER, parameters)]

    async def nonces_after(self, room_id: UUID, seq: int) -> set[tuple[UUID, str]]:
        """Sender and nonce of every message above `seq`."""
        rows = await self._session.execute(
            select(MessageRow.sender_id, MessageRow.nonce).where(
                MessageRow.room_id == room_id, MessageRow.seq > seq
            )
        )
        return set(rows)
