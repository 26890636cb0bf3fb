"""When senders in rooms in slow mode have last sent, by the database's clock. Only batches with
such a room read and write it."""

from collections.abc import Collection, Iterable
from uuid import UUID

from sqlalchemy import bindparam, insert, select

from app.persistence.room_tables import SlowModeSend
from app.persistence.sql.database_now import DatabaseNow
from app.persistence.sql.executor import Rows
from app.persistence.sql.joined_updates import DeleteByRows
from app.persistence.sql.json_rows import json_rows, to_json
from app.persistence.sql.statement import Bound, Statement
from app.persistence.sql.types import Id
from app.persistence.tables import columns

SenderKey = tuple[UUID, UUID]  # room and user

_send = columns(SlowModeSend)
_READ = Statement(
    select(_send.room_id, _send.user_id, _send.at, DatabaseNow()).where(
        _send.room_id.in_(bindparam("rooms", expanding=True)),
        _send.user_id.in_(bindparam("users", expanding=True)),
    )
)
_SENDERS = json_rows("senders", room=Id(), user=Id())
_DELETE = Statement(
    DeleteByRows(_SENDERS, ((_send.room_id, _SENDERS.c.room), (_send.user_id, _SENDERS.c.user)))
)
_INSERT = Statement(
    insert(_send.at.table).from_select(
        ["room_id", "user_id", "at"],
        select(_SENDERS.c.room, _SENDERS.c.user, DatabaseNow()).select_from(_SENDERS),
    )
)


def bind_last_sends(senders: Collection[SenderKey]) -> Bound:
    rooms, users = {room for room, _ in senders}, {user for _, user in senders}
    return _READ.bind(rooms=list(rooms), users=list(users))


def read_last_sends(rows: Rows) -> dict[SenderKey, float]:
    """Seconds since the last send of those who have sent."""
    return {(room, user): (now - at).total_seconds() for room, user, at, now in rows}


def note_sends(senders: Iterable[SenderKey]) -> list[Bound]:
    """They have sent now."""
    document = to_json(sorted(senders))
    return [_DELETE.bind(senders=document), _INSERT.bind(senders=document)]
