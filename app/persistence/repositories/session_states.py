"""Sessions with their users: of many in one statement."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import and_, bindparam, func, select

from app.core.sync_tokens import ListPosition
from app.persistence.sql.database_now import DatabaseNow
from app.persistence.sql.executor import Reader
from app.persistence.sql.statement import Statement
from app.persistence.tables import Member, Session, User, UserLog, columns

_session_row, _user, _member = columns(Session), columns(User), columns(Member)
_log = columns(UserLog)
_HAS_ID = _session_row.id.in_(bindparam("ids", expanding=True))
# Its rows are those of a `SessionState`.
SESSION_STATES = Statement(
    select(
        *(
            _session_row.id,
            _session_row.expires_at,
            _session_row.revoked_at,
            _session_row.used_at,
            _session_row.confirmed_at,
            _user.banned_at,
        ),
        *(_user.id, _user.username, _user.display_name, _user.profile, _user.is_admin),
    )
    .join_from(_session_row.id.table, _user.id.table, _user.id == _session_row.user_id)
    .where(_HAS_ID)
)
_IS_ACTIVE = and_(
    _session_row.revoked_at.is_(None),
    _session_row.expires_at > bindparam("at"),
    _user.banned_at.is_(None),
)
_ACTIVE_SESSIONS = (
    select(_session_row.id)
    .join_from(_session_row.id.table, _user.id.table, _user.id == _session_row.user_id)
    .where(_HAS_ID, _IS_ACTIVE)
)
_ACTIVE = Statement(_ACTIVE_SESSIONS)
_COUNT_ACTIVE = Statement(_ACTIVE_SESSIONS.with_only_columns(func.count()))
_POSITIONS_OF_SESSIONS = Statement(
    select(_session_row.id, DatabaseNow(), _log.seq, _log.trimmed_seq)
    .select_from(
        _session_row.id.table.join(_user.id.table, _user.id == _session_row.user_id).outerjoin(
            _log.seq.table, _log.user_id == _session_row.user_id
        )
    )
    .where(_HAS_ID, _IS_ACTIVE)
)
_ROOMS_OF_USERS = Statement(
    select(_member.user_id, _member.room_id).where(
        _member.user_id.in_(bindparam("users", expanding=True))
    )
)


class SessionState(NamedTuple):
    """A session, active or not, with its user (`id` and the fields after it)."""

    session: UUID
    expires_at: datetime
    revoked_at: datetime | None
    used_at: datetime
    confirmed_at: datetime | None
    banned_at: datetime | None
    id: UUID
    username: str
    display_name: str
    profile: str | None
    is_admin: bool

    @classmethod
    def from_rows(cls, session: Session, user: User) -> "SessionState":
        ends = (session.id, session.expires_at, session.revoked_at)
        uses = (session.used_at, session.confirmed_at, user.banned_at)
        names = (user.username, user.display_name, user.profile)
        return cls(*ends, *uses, user.id, *names, user.is_admin)


class SessionStates:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def with_users(self, ids: Iterable[UUID]) -> dict[UUID, SessionState]:
        """The sessions with their users, by session id."""
        [rows] = await self._reader.read(SESSION_STATES.bind(ids=list(ids)))
        return {row[0]: SessionState._make(row) for row in rows}

    async def filter_active(self, ids: Iterable[UUID], at: datetime) -> set[UUID]:
        """The active sessions: neither revoked nor expired, of a user who is not banned."""
        [rows] = await self._reader.read(_ACTIVE.bind(ids=list(ids), at=at))
        return {session for (session,) in rows}

    async def are_active(self, ids: Collection[UUID], at: datetime) -> bool:
        """Whether all `ids` (no duplicates) are active. Cheaper than returning the active ones."""
        [[(count,)]] = await self._reader.read(_COUNT_ACTIVE.bind(ids=list(ids), at=at))
        return bool(count == len(ids))

    async def list_rooms(
        self, sessions: Mapping[UUID, UUID], at: datetime
    ) -> tuple[dict[UUID, tuple[ListPosition, int]], dict[UUID, list[UUID]]]:
        """Of sessions, which are given with their users: the positions of those that
        `filter_active` would find, each with the seq up to which the user's log is deleted; and
        then the rooms that the users are in."""
        rows, members = await self._reader.read(
            _POSITIONS_OF_SESSIONS.bind(ids=list(sessions), at=at),
            _ROOMS_OF_USERS.bind(users=list(set(sessions.values()))),
        )
        positions = {
            session: (ListPosition(seq or 0, time), trimmed_seq or 0)
            for session, time, seq, trimmed_seq in rows
        }
        rooms: dict[UUID, list[UUID]] = defaultdict(list)
        for user, room in members:
            rooms[user].append(room)
        return positions, rooms
