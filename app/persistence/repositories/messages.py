"""Messages, besides their pages and the writes of batches."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, bindparam, delete, func, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.send_request import StoredMessage
from app.persistence.message_tables import (
    DeletedMessage,
    ExpiringMessage,
    MessageVersion,
    PinRow,
    PollVote,
    ReactionRow,
    RoomMentionRow,
)
from app.persistence.repositories.member_filter import ROOM, is_visible
from app.persistence.repositories.message_changes import MessageChanges
from app.persistence.repositories.message_columns import MESSAGE_COLUMNS, from_row
from app.persistence.search.writes import search_index
from app.persistence.sql.executor import SessionExecutor
from app.persistence.tables import MessageRow, columns
from app.wire.events import Message

_message, _version = columns(MessageRow), columns(MessageVersion)
_deleted, _pin, _reaction = columns(DeletedMessage), columns(PinRow), columns(ReactionRow)
_vote, _expiring = columns(PollVote), columns(ExpiringMessage)
_room_mention = columns(RoomMentionRow)
# With a LIMIT, because MariaDB would read all of the table for a plain EXISTS.
IS_DELETED = (
    select(_deleted.seq)
    .where(_deleted.room_id == _message.room_id, _deleted.seq == _message.seq)
    .limit(1)
    .scalar_subquery()
    .is_not(None)
)
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

    async def list_unchecked(self, room_id: UUID, seqs: Iterable[int]) -> list[Message]:
        """Those of these messages that exist, ascending; checks no membership."""
        query = (
            select(*MESSAGE_COLUMNS)
            .where(_message.room_id == room_id, _message.seq.in_(list(seqs)))
            .order_by(_message.seq)
        )
        return [from_row(row) for row in await self._session.execute(query)]

    async def get(self, room_id: UUID, seq: int, viewer: UUID) -> Message | None:
        """None: there is none, or the viewer may not read it."""
        rows = await self._session.execute(
            select(*MESSAGE_COLUMNS).where(
                _message.room_id == ROOM, _message.seq == bindparam("seq"), is_visible(_message.seq)
            ),
            {"room": room_id, "seq": seq, "user": viewer},
        )
        row = rows.one_or_none()
        return from_row(row) if row else None

    async def seqs_by_sender(
        self, room_id: UUID, sender: UUID, since: datetime, limit: int
    ) -> Sequence[int]:
        """The newest messages of a sender since a time that are not deleted."""
        query = (
            select(_message.seq)
            .where(
                _message.room_id == room_id,
                _message.sender_id == sender,
                _message.at >= since,
                ~IS_DELETED,
            )
            .order_by(_message.seq.desc())
            .limit(limit)
        )
        return (await self._session.scalars(query)).all()

    async def last_seq(self, room_id: UUID) -> int:
        """Of the newest message of the timeline that is not deleted, or 0."""
        query = (
            select(_message.seq)
            .where(_message.room_id == room_id, _message.in_timeline, ~IS_DELETED)
            .order_by(_message.room_id.desc(), _message.seq.desc())
            .limit(1)
        )
        return await self._session.scalar(query) or 0

    async def list_versions(
        self, room_id: UUID, seq: int, viewer: UUID
    ) -> list[tuple[int, str, datetime]]:
        """(version, text, time) of those that an edit has replaced, the oldest first; for a
        member."""
        rows = await self._session.execute(
            select(_version.version, _version.text, _version.at)
            .where(
                _version.room_id == ROOM, _version.seq == bindparam("seq"), is_visible(_version.seq)
            )
            .order_by(_version.version),
            {"room": room_id, "seq": seq, "user": viewer},
        )
        return [(version, text, at) for version, text, at in rows]

    async def list_reactions(
        self, room_id: UUID, seq: int, viewer: UUID, after: tuple[str, UUID] | None, limit: int
    ) -> list[tuple[str, UUID]]:
        """(emoji, user), in this order; for a member."""
        query = (
            select(_reaction.emoji, _reaction.user_id)
            .where(_reaction.room_id == ROOM, _reaction.seq == seq, is_visible(_reaction.seq))
            .order_by(_reaction.emoji, _reaction.user_id)
            .limit(limit)
        )
        if after is not None:
            emoji, user = after
            later_user = and_(_reaction.emoji == emoji, _reaction.user_id > user)
            query = query.where(_reaction.emoji >= emoji, (_reaction.emoji > emoji) | later_user)
        rows = await self._session.execute(query, {"room": room_id, "user": viewer})
        return [(emoji, user) for emoji, user in rows]

    async def list_pinned(
        self, room_id: UUID, viewer: UUID, before: int, limit: int
    ) -> list[Message]:
        """Pinned messages below a seq, the newest first; for a member."""
        query = (
            select(*MESSAGE_COLUMNS)
            .join(_pin.seq.table, and_(_pin.room_id == _message.room_id, _pin.seq == _message.seq))
            .where(_message.room_id == ROOM, _pin.seq < before, is_visible(_pin.seq))
            .order_by(_message.seq.desc())
            .limit(limit)
        )
        rows = await self._session.execute(query, {"room": room_id, "user": viewer})
        return list(map(from_row, rows))

    async def find_sent(self, room_id: UUID, sender: UUID, nonce: str) -> StoredMessage | None:
        """What a sender has sent with a nonce; checks no membership."""
        rows = await self._session.execute(
            select(_message.fingerprint, *MESSAGE_COLUMNS).where(
                _message.room_id == room_id,
                _message.sender_id == sender,
                _message.nonce == nonce,
            )
        )
        row = rows.one_or_none()
        return StoredMessage(from_row(row[1:]), row[0]) if row else None

    async def count_pins(self, room_id: UUID) -> int:
        query = select(func.count()).select_from(_pin.seq.table).where(_pin.room_id == room_id)
        return await self._session.scalar(query) or 0

    async def is_readable(self, room_id: UUID, seq: int, viewer: UUID) -> bool:
        """Whether there is such a message, and the viewer may read it."""
        query = select(_message.seq).where(
            _message.room_id == ROOM, _message.seq == seq, is_visible(_message.seq)
        )
        parameters = {"room": room_id, "user": viewer}
        return await self._session.scalar(query, parameters) is not None

    async def nonces_after(self, room_id: UUID, seq: int) -> set[tuple[UUID, str]]:
        """Sender and nonce of every message above `seq`."""
        rows = await self._session.execute(
            select(MessageRow.sender_id, MessageRow.nonce).where(
                MessageRow.room_id == room_id, MessageRow.seq > seq
            )
        )
        return set(rows)


class Messages(MessageReads):
    """Writes that are not done in batches. The room is locked."""

    def __init__(self, session: AsyncSession) -> None:
        super().__init__(session)
        self._executor = SessionExecutor(session)

    async def update(
        self, room_id: UUID, messages: Iterable[Message], *, reindexed: bool = False
    ) -> None:
        """Store what has changed of messages besides their text. `reindexed`: they are found by
        other terms than before."""
        changes = MessageChanges(
            messages={(room_id, message.seq): (message, False) for message in messages}
        )
        if reindexed:
            changes.reindexed.update(changes.messages)
        await self._executor.write(*changes.writes(search_index(self._executor)))

    async def delete(
        self, room_id: UUID, before: Sequence[Message], tombstones: Sequence[Message]
    ) -> None:
        """Store what is left of messages, and delete what belongs to them."""
        changes = MessageChanges(
            messages={(room_id, message.seq): (message, True) for message in tombstones},
            replaced_mentions=mention_keys(room_id, before),
        )
        await self._executor.write(*changes.writes(search_index(self._executor)))
        seqs = [message.seq for message in before]
        for table in (_version, _reaction, _pin, _vote, _room_mention):
            await self._session.execute(
                delete(table.seq.table).where(table.room_id == room_id, table.seq.in_(seqs))
            )
        expiring = [(m.expires_at, room_id, m.seq) for m in before if m.expires_at]
        if expiring:
            key = tuple_(_expiring.expires_at, _expiring.room_id, _expiring.seq)
            await self._session.execute(delete(_expiring.seq.table).where(key.in_(expiring)))
        await self._session.execute(
            insert(_deleted.seq.table),
            [{"room_id": room_id, "seq": m.seq, "in_timeline": m.in_timeline} for m in before],
        )

    async def pin(self, room_id: UUID, seq: int) -> None:
        await self._session.execute(insert(_pin.seq.table), {"room_id": room_id, "seq": seq})

    async def unpin(self, room_id: UUID, seq: int) -> None:
        await self._session.execute(
            delete(_pin.seq.table).where(_pin.room_id == room_id, _pin.seq == seq)
        )


def mention_keys(room_id: UUID, messages: Iterable[Message]) -> set[tuple[UUID, UUID, int]]:
    """(user, room, seq) of the members that messages name."""
    return {(user, room_id, m.seq) for m in messages for user in m.mentions or ()}
