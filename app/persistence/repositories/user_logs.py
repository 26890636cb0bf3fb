"""The log of each user."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Table, and_, delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import now
from app.core.publications import Publication, user_event_publication
from app.persistence.sql.database_now import DatabaseNow
from app.persistence.sql.upsert import upsert
from app.persistence.tables import UserEventRow, UserLog, columns
from app.wire.items import ItemKey
from app.wire.user_events import UserEvent, UserEventType

MAX_CHANGED = 20_000

_log, _event = columns(UserLog), columns(UserEventRow)
_LOG_TABLE, _EVENT_TABLE = (cast(Table, model.__table__) for model in (UserLog, UserEventRow))
_ITEM = (_event.room_id, _event.item, _event.item_seq, _event.item_id)
_EVENTS = select(_event.type, _event.seq, _event.at, *_ITEM)


class UserLogRange(NamedTuple):
    """Events of a user's log with `after` < seq <= `until`."""

    user: UUID
    after: int
    until: int


# What an event of a user's log names.
Subject = UUID | ItemKey


def to_subject(room: UUID, item: str | None, seq: int | None, id_: UUID | None) -> Subject:
    """From the columns of an event."""
    return room if item is None else ItemKey(item, room, seq, id_)


def _is_in(span: UserLogRange) -> ColumnElement[bool]:
    user, after, until = span
    return and_(_event.user_id == user, _event.seq > after, _event.seq <= until)


class UserLogReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def trimmed_seq(self, user_id: UUID) -> int:
        """Events up to this one are deleted."""
        query = select(_log.trimmed_seq).where(_log.user_id == user_id)
        return await self._session.scalar(query) or 0

    async def list_events(self, user_id: UUID, after: int, limit: int) -> list[UserEvent]:
        rows = await self._session.execute(
            _EVENTS.where(_event.user_id == user_id, _event.seq > after)
            .order_by(_event.seq)
            .limit(limit)
        )
        return [
            UserEvent(
                type=type_, seq=seq, at=at, room=room, item=item, item_seq=item_seq, item_id=item_id
            )
            for type_, seq, at, room, item, item_seq, item_id in rows
        ]

    async def subjects_in(self, ranges: Iterable[UserLogRange]) -> list[tuple[UUID, Subject]]:
        """(user, subject) of the events in these ranges, those that are not deleted."""
        rows = await self._session.execute(
            select(_event.user_id, *_ITEM).where(or_(*map(_is_in, ranges)))
        )
        return [(user, to_subject(*subject)) for user, *subject in rows]

    async def items_in(self, span: UserLogRange) -> list[ItemKey]:
        """The items that events in this range name, each once."""
        rows = await self._session.execute(
            select(*_ITEM).distinct().where(_is_in(span), _event.item.is_not(None))
        )
        return [ItemKey(kind, room, seq, id_) for room, kind, seq, id_ in rows]

    async def heads(self, users: Iterable[UUID]) -> dict[UUID, int]:
        """The seq of the newest event of each of these users who has one."""
        rows = await self._session.execute(
            select(_log.user_id, _log.seq).where(_log.user_id.in_(list(users)))
        )
        return dict(rows.all())

    async def changed_since(self, within_s: int) -> dict[UUID, int]:
        """The heads of the logs that changed within this time, by the database's clock; of very
        many, those that changed last."""
        rows = await self._session.execute(
            select(_log.user_id, _log.seq)
            .where(_log.changed_at > DatabaseNow(within_s))
            .order_by(_log.changed_at.desc())
            .limit(MAX_CHANGED)
        )
        return dict(rows.all())

    async def list_long(
        self, after: UUID, limit: int, max_events: int, old_before: datetime
    ) -> tuple[UUID | None, list[UUID]]:
        """Look at the next `limit` logs in the order of their users' ids. Returns the last user,
        None at the end, and the users whose log has more than `max_events`, or an event from
        before that time."""
        oldest = (
            select(_event.at)
            .where(_event.user_id == _log.user_id, _event.seq == _log.trimmed_seq + 1)
            .scalar_subquery()
        )
        query = (
            select(_log.user_id, _log.seq - _log.trimmed_seq, oldest)
            .where(_log.user_id > after)
            .order_by(_log.user_id)
            .limit(limit)
        )
        rows = (await self._session.execute(query)).all()
        long = [
            user
            for user, count, at in rows
            if count > max_events or (at is not None and at < old_before)
        ]
        return (rows[-1][0] if len(rows) == limit else None), long


class UserLogs(UserLogReads):
    def __init__(self, session: AsyncSession) -> None:
        super().__init__(session)
        self._pending: list[tuple[UUID, UserEventType, Subject]] = []

    def add(self, user: UUID, type_: UserEventType, room: UUID) -> None:
        """Log an event of a room with the next flush."""
        self._pending.append((user, type_, room))

    def add_item(self, user: UUID, item: ItemKey) -> None:
        """Log with the next flush that an item has changed."""
        self._pending.append((user, UserEventType.ITEM_CHANGED, item))

    async def lock(self, user: UUID) -> None:
        """Lock the counter of a log to which something will be added: what else adds to it waits,
        so that a count of the user's items stays true. Not before a room or a membership."""
        await self._session.execute(
            upsert(self._session, _LOG_TABLE, add=["seq"]), [{"user_id": user, "seq": 0}]
        )

    async def flush(self) -> list[Publication]:
        """Log what is pending, for any number of users in three statements.

        The counters are moved, and so locked, in the order of the users' ids: two units of work
        cannot deadlock. A counter is always locked after the room.
        """
        pending, self._pending = self._pending, []
        if not pending:
            return []
        counts = sorted(Counter(user for user, _, _ in pending).items())
        await self._session.execute(
            upsert(self._session, _LOG_TABLE, add=["seq"], replace=["changed_at"]),
            [{"user_id": user, "seq": count} for user, count in counts],
        )
        heads = await self.heads(user for user, _ in counts)
        next_seqs, at = {user: heads[user] - count for user, count in counts}, now()
        events: list[tuple[UUID, UserEvent]] = []
        for user, type_, subject in pending:
            next_seqs[user] += 1
            events.append((user, _to_event(type_, next_seqs[user], at, subject)))
        await self._session.execute(insert(_EVENT_TABLE), list(map(_to_row, events)))
        return [user_event_publication(user, event) for user, event in events]

    async def trim(
        self, user_id: UUID, max_events: int, old_before: datetime, max_rows: int
    ) -> bool:
        """Delete up to `max_rows` of the first events: those beyond the newest `max_events`, and
        those from before that time. True: there may be more."""
        log = await self._session.get(UserLog, user_id, with_for_update=True)
        if log is None:
            return False
        first = (
            select(_event.seq, _event.at)
            .where(_event.user_id == user_id, _event.seq > log.trimmed_seq)
            .order_by(_event.seq)
            .limit(max_rows)
        )
        until = log.trimmed_seq
        for seq, at in await self._session.execute(first):
            if seq > log.seq - max_events and at >= old_before:
                break
            until = seq
        if until == log.trimmed_seq:
            return False
        more = until - log.trimmed_seq == max_rows
        log.trimmed_seq = until
        await self._session.execute(
            delete(_EVENT_TABLE).where(_event.user_id == user_id, _event.seq <= until)
        )
        return more


def _to_event(type_: UserEventType, seq: int, at: datetime, subject: Subject) -> UserEvent:
    if isinstance(subject, UUID):
        return UserEvent(type=type_, seq=seq, at=at, room=subject)
    kind, room, item_seq, item_id = subject
    return UserEvent(
        type=type_, seq=seq, at=at, room=room, item=kind, item_seq=item_seq, item_id=item_id
    )


def _to_row(logged: tuple[UUID, UserEvent]) -> dict[str, object]:
    user, event = logged
    return {
        "user_id": user,
        "seq": event.seq,
        "type": event.type,
        "room_id": event.room,
        "at": event.at,
        "item": event.item,
        "item_seq": event.item_seq,
        "item_id": event.item_id,
    }
