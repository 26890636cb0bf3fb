"""Reads and writes for a batch of sends: one statement each, however many sends there are."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Text, and_, bindparam, case, func, null, select, update
from sqlalchemy.exc import DBAPIError

from app.core.message_commands import MessageChange
from app.core.send_request import SendRequest
from app.persistence.failures import Failure, classify
from app.persistence.repositories.filters import (
    NO_FILTERS,
    READ_SERVER_FILTER,
    SERVER_HAS_FILTER,
    FilterDocuments,
)
from app.persistence.repositories.message_changes import (
    ChangeTarget,
    bind_targets,
    read_targets,
)
from app.persistence.repositories.reports import FilterReport, write_filter_reports
from app.persistence.repositories.send_preflight import (
    SendPreflight,
    add_stored,
    bind_preflight,
    bind_stored,
    read_preflight,
)
from app.persistence.repositories.slow_mode import (
    SenderKey,
    bind_last_sends,
    note_sends,
    read_last_sends,
)
from app.persistence.repositories.thread_batch import (
    ThreadKey,
    ThreadRoot,
    bind_roots,
    read_roots,
)
from app.persistence.sql.executor import Executor, Rows
from app.persistence.sql.statement import Bound, Statement
from app.persistence.tables import (
    Member,
    Room,
    RoomEventRow,
    User,
    UserGroup,
    columns,
)
from app.wire.domain import RoomKind
from app.wire.room_settings import parse_settings

_room, _member = columns(Room), columns(Member)
_IN_ROOMS = Room.id.in_(bindparam("rooms", expanding=True))
# NULL where another transaction has committed since this statement began, and in a log that a
# program of the step before has written: it is read again then.
_HEAD_COUNT = (
    select(RoomEventRow.message_count)
    .where(RoomEventRow.room_id == Room.id, RoomEventRow.seq == Room.seq)
    .scalar_subquery()
)
_RARE = (
    *(Room.archived_at, Room.settings, Room.overrides, Room.blocked_by, Room.filters),
    SERVER_HAS_FILTER,
)
# What few rooms have is one column, null without any of it: each column costs the driver some
# microseconds, whatever is in it.
_RARE_STATE = case(
    (and_(*(column.is_(None) for column in _RARE)), null()),
    else_=func.json_array(*_RARE, type_=Text()),
)
_STATES = (
    select(Room.id, Room.kind, Room.seq, _HEAD_COUNT, _RARE_STATE)
    .where(_IN_ROOMS)
    .order_by(Room.id)
)
_LOCK_ALL = Statement(_STATES.with_for_update())
_LOCK_FREE = Statement(_STATES.with_for_update(skip_locked=True))
_MEMBERS_BY_NAME = Statement(
    select(User.username_key, Member.room_id, User.id)
    .join(Member, Member.user_id == User.id)
    .where(
        User.username_key.in_(bindparam("names", expanding=True)),
        Member.room_id.in_(bindparam("rooms", expanding=True)),
    )
)
_GROUPS_BY_NAME = Statement(
    select(UserGroup.handle_key, UserGroup.id).where(
        UserGroup.handle_key.in_(bindparam("names", expanding=True))
    )
)
_LAST_MESSAGE_SEQS = Statement(
    select(_room.id, columns(RoomEventRow).last_message_seq)
    .join(
        columns(RoomEventRow).seq.table,
        and_(columns(RoomEventRow).room_id == _room.id, columns(RoomEventRow).seq == _room.seq),
    )
    .where(_IN_ROOMS)
)
_HEAD_COUNTS = Statement(select(Room.id, _HEAD_COUNT).where(_IN_ROOMS))
_LOG = RoomEventRow.room_id == bindparam("room")
_LAST_COUNTED = Statement(
    select(RoomEventRow.seq, RoomEventRow.message_count)
    .where(_LOG, RoomEventRow.message_count.is_not(None))
    .order_by(RoomEventRow.room_id.desc(), RoomEventRow.seq.desc())
    .limit(1)
)
_COUNT_MESSAGES = Statement(
    select(func.count()).where(
        _LOG, RoomEventRow.seq > bindparam("after"), RoomEventRow.message_seq.is_not(None)
    )
)


_FORGET_LAST_SEQS = Statement(
    update(Member)
    .where(Member.room_id.in_(bindparam("rooms", expanding=True)))
    .values(sent_seq=None, mentioned_seq=None)
)


@dataclass(slots=True)
class LockedRoomState:
    """A room that this transaction has locked; it changes with each event of the batch. The seq of
    the newest message is only known in a batch that changes messages or has replies in threads."""

    kind: RoomKind
    seq: int
    message_count: int
    archived: bool = False
    settings: str | None = None
    overrides: str | None = None
    blocked_by: str | None = None
    filters: FilterDocuments = NO_FILTERS
    server_has_filter: bool = False  # which is read then
    last_message_seq: int | None = None

    @property
    def slow_mode_s(self) -> int:
        return parse_settings(self.settings).slow_mode_s if self.settings else 0


class RoomLocked(Exception):
    """Another transaction keeps one of several rooms locked: try them individually."""


class BatchFacts(NamedTuple):
    """What the rules need to know of a batch; true for as long as its rooms are locked."""

    rooms: dict[UUID, LockedRoomState]
    preflight: SendPreflight
    members: dict[tuple[UUID, str], UUID]  # those that the texts name, by room and name
    groups: dict[str, UUID]  # those that the texts name
    targets: dict[int, ChangeTarget]  # by the number of the change
    roots: dict[ThreadKey, ThreadRoot]  # of the threads that are replied in
    last_sends: dict[SenderKey, float]  # seconds ago, in rooms in slow mode


def _has_members(
    sends: Sequence[SendRequest], preflight: SendPreflight, targets: dict[int, ChangeTarget]
) -> bool:
    """Whether anything of a batch may be done. If not, no more is read for a room than for none,
    so that the time of the answer does not tell whether there is one."""
    senders = ((send.room, send.actor.user) for send in sends)
    return any(target.role for target in targets.values()) or any(
        preflight.sender(sender).role for sender in senders
    )


class MessageBatch:
    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def lock_and_read(
        self,
        sends: Sequence[SendRequest],
        changes: Sequence[MessageChange],
        names: Collection[str],
        *,
        wait: bool,
    ) -> BatchFacts:
        """Lock the rooms of a batch as `lock_rooms` does, and read what the rules need and which
        members and groups have one of these names."""
        rooms = list({command.room for command in (*sends, *changes)})
        questions = {}
        if sends:
            questions["preflight"] = bind_preflight(sends)
        if names:
            questions["members"] = _MEMBERS_BY_NAME.bind(names=list(names), rooms=rooms)
            questions["groups"] = _GROUPS_BY_NAME.bind(names=list(names))
        roots = {(s.room, s.content.thread) for s in sends if s.content.thread is not None}
        if roots:
            questions["roots"] = bind_roots(roots)
        if changes:
            questions["targets"] = bind_targets(changes)
        if changes or roots:
            questions["last_seqs"] = _LAST_MESSAGE_SEQS.bind(rooms=rooms)
        locked, *answers = await self._lock(rooms, wait, [*questions.values()])
        rows = dict(zip(questions, answers, strict=True))
        states = await self._room_states(locked)
        for room, seq in rows.get("last_seqs", ()):
            if room in states:
                states[room].last_message_seq = seq
        preflight = read_preflight(rows.get("preflight", ()), sends)
        if preflight.repeated:
            [stored] = await self._executor.read(bind_stored(preflight.repeated))
            add_stored(preflight, stored)
        targets = read_targets(rows.get("targets", ()))
        has_filter = any(state.server_has_filter for state in states.values())
        if has_filter and _has_members(sends, preflight, targets):
            await self._add_server_filter(states)
        return BatchFacts(
            states,
            preflight,
            {(room, name): user for name, room, user in rows.get("members", ())},
            {name: group for name, group in rows.get("groups", ())},  # noqa: C416 - rows to mypy
            targets,
            read_roots(rows.get("roots", ())),
            await self._last_sends(states, sends),
        )

    async def _last_sends(
        self, states: dict[UUID, LockedRoomState], sends: Sequence[SendRequest]
    ) -> dict[SenderKey, float]:
        """No statement without a room in slow mode."""
        slow = {room for room, state in states.items() if state.slow_mode_s}
        senders = {(send.room, send.actor.user) for send in sends if send.room in slow}
        if not senders:
            return {}
        [rows] = await self._executor.read(bind_last_sends(senders))
        return read_last_sends(rows)

    async def note_sends(self, senders: Iterable[SenderKey]) -> None:
        """They have sent in rooms in slow mode."""
        await self._executor.write(*note_sends(senders))

    async def add_reports(self, reports: Sequence[FilterReport]) -> None:
        """Of messages of this batch."""
        await write_filter_reports(self._executor, reports)

    async def lock_rooms(self, rooms: Iterable[UUID], *, wait: bool) -> dict[UUID, LockedRoomState]:
        """Lock rooms in the order of their ids, so that two batches cannot deadlock.

        Rooms that do not exist are left out; without `wait`, those that another transaction has
        locked, too. With it, raises RoomLocked if one of several stays locked.
        """
        (locked,) = await self._lock(list(rooms), wait, ())
        return await self._room_states(locked)

    async def _room_states(self, rows: Rows) -> dict[UUID, LockedRoomState]:
        uncounted = [room for room, _, seq, count, _ in rows if count is None and seq]
        counts = await self._count(uncounted) if uncounted else {}
        states = {}
        for room, kind, seq, count, rare in rows:
            states[room] = state = LockedRoomState(kind, seq, count or counts.get(room, 0))
            if rare:
                archived_at, *documents, filters, server_filter = orjson.loads(rare)
                state.archived = archived_at is not None
                state.settings, state.overrides, state.blocked_by = documents
                state.filters = FilterDocuments(room=filters)
                state.server_has_filter = server_filter is not None
        return states

    async def _add_server_filter(self, states: dict[UUID, LockedRoomState]) -> None:
        [rows] = await self._executor.read(READ_SERVER_FILTER.bind())
        for state in states.values():
            state.filters = state.filters._replace(server=rows[0][0] if rows else None)

    async def _count(self, rooms: Sequence[UUID]) -> dict[UUID, int]:
        """The messages of rooms that are locked. What a program of the step before has written is
        counted: it has noted neither their number nor whose they are."""
        [rows] = await self._executor.read(_HEAD_COUNTS.bind(rooms=rooms))
        counts: dict[UUID, int] = {room: count for room, count in rows if count is not None}
        unknown = [room for room in rooms if room not in counts]
        for room in unknown:
            [last] = await self._executor.read(_LAST_COUNTED.bind(room=room))
            after, count = last[0] if last else (0, 0)
            [[[more]]] = await self._executor.read(_COUNT_MESSAGES.bind(room=room, after=after))
            counts[room] = count + more
        if unknown:
            await self._executor.write(_FORGET_LAST_SEQS.bind(rooms=unknown))
        return counts

    async def _lock(
        self, rooms: Collection[UUID], wait: bool, questions: Sequence[Bound]
    ) -> list[Rows]:
        """The rooms are locked before the questions are asked."""
        lock = (_LOCK_ALL if wait else _LOCK_FREE).bind(rooms=list(rooms))
        try:
            return await self._executor.read(lock, *questions)
        except DBAPIError as error:
            if wait and len(rooms) > 1 and classify(error) is Failure.CONFLICT:
                raise RoomLocked from error
            raise
