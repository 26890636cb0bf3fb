"""For statements that read in a room as one of its members.

One statement sees one moment: who is a member in it may read what the room has then, and a removal
that comes later takes nothing of that away. Two statements would have to be told where to end.
"""

from uuid import UUID

from sqlalchemy import BindParameter, bindparam, exists

from app.persistence.tables import Member, columns

_M = columns(Member)
ROOM: BindParameter[UUID] = bindparam("room")
USER: BindParameter[UUID] = bindparam("user")
# Not a join: SQLite would use an index that it does not know to be unique, and then sort.
IS_MEMBER = exists().where(_M.room_id == ROOM, _M.user_id == USER)
