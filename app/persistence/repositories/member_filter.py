"""Conditions for statements that read in rooms as one of their members.

One statement sees one moment: a member at that moment may read what the room has then, and a later
removal changes nothing about that. Of two statements, the second could see more than the first.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, bindparam, exists, select
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from app.persistence.tables import Member, columns

_M = columns(Member)
ROOM: BindParameter[UUID] = bindparam("room")
USER: BindParameter[UUID] = bindparam("user")
# Not a join: SQLite would use an index that it does not know to be unique, and then sort.
IS_MEMBER = exists().where(_M.room_id == ROOM, _M.user_id == USER)


def is_readable(message: ReadOnlyColumnCollection[str, Any]) -> ColumnElement[bool]:
    """Whether the user may read a message of whichever room: the one place that decides it for
    searches. With a LIMIT, because MariaDB would begin with the rooms for a plain EXISTS."""
    return (
        select(_M.room_id)
        .where(_M.room_id == message.room_id, _M.user_id == USER)
        .limit(1)
        .scalar_subquery()
        .is_not(None)
    )
