"""Who has read a message."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.repositories.member_filter import is_present, visible_after
from app.persistence.repositories.messages import IS_DELETED
from app.persistence.sql.join_order import join_in_order
from app.persistence.tables import Member, MessageRow, Room, User, columns

_message, _room, _user, _member = (
    columns(MessageRow),
    columns(Room),
    columns(User),
    columns(Member),
)
_OWN = _member.role.table.alias("own")


class MarkerRow(NamedTuple):
    """A member's read marker."""

    user: UUID
    read_seq: int
    is_shared: bool


class Markers(NamedTuple):
    sender: UUID  # of the message
    settings: str | None  # of the room
    rows: list[MarkerRow]


class ReadByReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, room_id: UUID, seq: int, viewer: UUID, limit: int) -> Markers | None:
        """The markers of up to `limit` members, in one statement. None: the viewer is not a member,
        or there is no such message that the viewer may read."""
        query = (
            select(
                *(_message.sender_id, _room.settings),
                *(_member.user_id, _member.read_seq, _user.share_read_markers),
            )
            .select_from(
                _OWN.join(_room.seq.table, is_present(_room, _OWN.c.room_id))
                .join(_message.seq.table, and_(_message.room_id == _room.id, _message.seq == seq))
                .join(_member.role.table, _member.room_id == _room.id)
                .join(_user.id.table, _user.id == _member.user_id)
            )
            .where(
                _OWN.c.room_id == room_id,
                _OWN.c.user_id == viewer,
                _message.seq > visible_after(_OWN.c, _room),
                ~IS_DELETED,
            )
            .limit(limit)
        )
        joined = (await self._session.execute(join_in_order(query))).all()
        if not joined:
            return None
        rows = [
            MarkerRow(user, read_seq, shares is not False) for *_, user, read_seq, shares in joined
        ]
        return Markers(joined[0][0], joined[0][1], rows)
