"""How many messages, and mentions, a member has not read in a room.

Counted from what is there, so that there is no counter that could be wrong, and between constants:
MySQL and MariaDB read the whole log of a room for a condition on seq that depends on another row.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import BigInteger, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.sql.executor import SessionExecutor
from app.persistence.sql.statement import Statement
from app.persistence.sql.types import Id
from app.persistence.tables import Mention, MessageRow, columns

PAIRS_PER_STATEMENT = 200

T = TypeVar("T")

_message, _mention = columns(MessageRow), columns(Mention)
_USER, _ROOM = bindparam("user", type_=Id()), bindparam("room", type_=Id())
_AFTER, _UNTIL = bindparam("after", type_=BigInteger), bindparam("until", type_=BigInteger)
# Unread are the messages of others after the read marker.
_COUNTS = Statement(
    select(
        bindparam("n", type_=BigInteger),
        select(func.count())
        .where(
            _message.room_id == _ROOM,
            _message.seq > _AFTER,
            _message.seq <= _UNTIL,
            _message.sender_id != _USER,
        )
        .scalar_subquery(),
        select(func.count())
        .where(
            _mention.user_id == _USER,
            _mention.room_id == _ROOM,
            _mention.seq > _AFTER,
            _mention.seq <= _UNTIL,
        )
        .scalar_subquery(),
    )
)


async def add_unread_counts(
    session: AsyncSession, rows: Sequence[Any], make: Callable[..., T]
) -> list[T]:
    """`make(*row, unread, mentions)` for rows with `user_id`, `room_id`, `read_seq` and `seq`, up
    to which is counted."""
    counts = [(0, 0)] * len(rows)
    behind = [
        {"n": n, "user": row.user_id, "room": row.room_id, "after": row.read_seq, "until": row.seq}
        for n, row in enumerate(rows)
        if row.read_seq < row.seq
    ]
    executor = SessionExecutor(session)
    for start in range(0, len(behind), PAIRS_PER_STATEMENT):
        part = behind[start : start + PAIRS_PER_STATEMENT]
        for n, unread, mentions in await executor.read_union(_COUNTS, part):
            counts[n] = unread, mentions
    return [make(*row, *count) for row, count in zip(rows, counts, strict=True)]
