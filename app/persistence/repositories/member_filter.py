"""A condition for statements that read in a room as one of its members.

One statement sees one moment: a member at that moment may read what the room has then, and a later
removal changes nothing about that. Of two statements, the second could see more than the first.
"""

from uuid import UUID

from sqlalchemy import BindParameter, bindparam, exists

from app.persistence.tables import Member, columns

_M = columns(Member)
ROOM: BindParameter[UUID] = bindparam("room")
USER: BindParameter[UUID] = bindparam("user")
# Not a join: SQLite would use an index that it does not know to be unique, and then sort.
IS_MEMBER = exists().where(_M.room_id == ROOM, _M.user_id == USER)
