"""Conditions for statements that read in rooms as one of their members.

One statement sees one moment: a member at that moment may read what the room has then, and a later
removal changes nothing about that. Of two statements, the second could see more than the first.

What a member may read begins after a seq, which is 0 unless the room hides what is older than the
membership. `VISIBLE_AFTER` is both in one value: that seq, or null for a non-member: every
comparison with it fails then. So a statement cannot check the membership and forget the seq.

A deleted room has no members, although their rows are deleted one after the other: each statement
that checks a membership joins the room, and with `is_present`.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    ScalarSelect,
    and_,
    bindparam,
    case,
    func,
    select,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from app.persistence.tables import Member, Room, columns

Columns = ReadOnlyColumnCollection[str, Any]
# Aliases: a statement that reads these tables itself would take them for its own.
_MEMBER = columns(Member).role.table.alias("reader")
_ROOM = columns(Room).seq.table.alias("room_of_reader")
ROOM: BindParameter[UUID] = bindparam("room")
USER: BindParameter[UUID] = bindparam("user")


def visible_after(member: Columns, room: Columns) -> ColumnElement[int]:
    """What a member sees begins after this seq; of the joined rows of a member and their room."""
    is_limited = member.visible_after_seq > func.coalesce(room.opened_seq, 0)
    return case((is_limited, member.visible_after_seq), else_=0)


def is_present(room: Columns, room_id: Any) -> ColumnElement[bool]:
    """Whether a row is that of a room with this id, which is not deleted."""
    return and_(room.id == room_id, room.deleted_at.is_(None))


_VISIBLE_AFTER = visible_after(_MEMBER.c, _ROOM.c)


def _select_of_member(value: ColumnElement[int], room_id: Any, user_id: Any) -> ScalarSelect[int]:
    # Not a join with what is read: SQLite would use an index that it does not know to be unique,
    # and then sort. With a LIMIT, because MariaDB would begin with the rooms without it.
    return (
        select(value)
        .select_from(_MEMBER.join(_ROOM, is_present(_ROOM.c, _MEMBER.c.room_id)))
        .where(_MEMBER.c.room_id == room_id, _MEMBER.c.user_id == user_id)
        .limit(1)
        .scalar_subquery()
    )


def select_visible_after(room_id: Any, user_id: Any) -> ScalarSelect[int]:
    """`visible_after` of a user in a room; null: no member."""
    return _select_of_member(_VISIBLE_AFTER, room_id, user_id)


VISIBLE_AFTER = select_visible_after(ROOM, USER)
IS_MEMBER = VISIBLE_AFTER.is_not(None)


def is_visible(seq: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether the user may read what has this seq in the room."""
    visible: ColumnElement[bool] = seq > VISIBLE_AFTER
    return visible


def is_visible_after(
    seq: ColumnElement[int], position: BindParameter[int], room_id: Any = ROOM, user_id: Any = USER
) -> ColumnElement[bool]:
    """`is_visible`, and above the position. One bound, not two: with the position alone as its
    bound, a database reads all that is hidden from the user."""
    bound = case((position < _VISIBLE_AFTER, _VISIBLE_AFTER), else_=position)
    visible: ColumnElement[bool] = seq > _select_of_member(bound, room_id, user_id)
    return visible


def is_readable(message: Columns) -> ColumnElement[bool]:
    """Whether the user may read a message of whichever room: the one place that decides it for
    searches."""
    readable: ColumnElement[bool] = message.seq > select_visible_after(message.room_id, USER)
    return readable
