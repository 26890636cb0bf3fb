"""Which users have blocked which others."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.item_tables import UserBlock
from app.persistence.repositories.item_query import KEY, ItemQuery, ItemValue
from app.persistence.sql.executor import Reader
from app.persistence.sql.statement import Statement
from app.persistence.sql.types import Id, UtcDateTime
from app.persistence.tables import MessageRow, columns

_TABLE = cast(Table, UserBlock.__table__)
_block, _message = columns(UserBlock), columns(MessageRow)
BLOCKS = ItemQuery(
    and_(_block.user_id == KEY.user, _block.blocked_id == KEY.id),
    {"user": _block.blocked_id, "at": _block.at},
)
_USER, _AFTER = bindparam("user", type_=Id()), bindparam("after", type_=Id())
_AT = bindparam("at", type_=UtcDateTime())
_PAGE = (
    BLOCKS.select()
    .where(_block.user_id == _USER)
    .order_by(_block.at.desc(), _block.blocked_id.desc())
    .limit(bindparam("max_rows"))
)
_FIRST_PAGE = Statement(_PAGE)
_NEXT_PAGE = Statement(
    _PAGE.where(_block.at <= _AT, or_(_block.at < _AT, _block.blocked_id < _AFTER))
)


def has_blocked(user: BindParameter[UUID], blocked: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Whether the user has blocked the other one."""
    return exists().where(_block.user_id == user, _block.blocked_id == blocked)


def has_blocked_sender(user: BindParameter[UUID], place: Any) -> ColumnElement[bool]:
    """Whether the user has blocked the sender of the message with the `room_id` and `seq` of these
    columns. The sender is a subquery, not a join, which a database could begin with all blocks of
    the user."""
    sender = select(_message.sender_id).where(
        _message.room_id == place.room_id, _message.seq == place.seq
    )
    return has_blocked(user, sender.correlate_except(MessageRow).scalar_subquery())


class BlockPosition(NamedTuple):
    """A block in the order of the list."""

    at: datetime
    user: UUID


class BlockPages:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def page(self, user_id: UUID, after: BlockPosition | None, limit: int) -> list[ItemValue]:
        """The users that the user has blocked, the newest block first."""
        if after is None:
            bound = _FIRST_PAGE.bind(user=user_id, max_rows=limit)
        else:
            bound = _NEXT_PAGE.bind(user=user_id, max_rows=limit, at=after.at, after=after.user)
        [rows] = await self._reader.read(bound)
        return list(map(BLOCKS.to_value, rows))


class BlockReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def has_blocked(self, user_id: UUID, blocked: UUID) -> bool:
        return await self._session.get(UserBlock, (user_id, blocked)) is not None

    async def find_blockers(self, users: Collection[UUID]) -> set[UUID]:
        """Those of `users` who have blocked another one of them."""
        query = select(_block.user_id).where(
            _block.user_id.in_(list(users)), _block.blocked_id.in_(list(users))
        )
        return set(await self._session.scalars(query))

    async def filter_blockers(self, user_id: UUID, users: Iterable[UUID]) -> set[UUID]:
        """Those of `users` who have blocked this user."""
        query = select(_block.user_id).where(
            _block.user_id.in_(list(users)), _block.blocked_id == user_id
        )
        return set(await self._session.scalars(query))


class Blocks(BlockReads):
    async def get(self, user_id: UUID, blocked: UUID) -> UserBlock | None:
        return await self._session.get(UserBlock, (user_id, blocked))

    async def count(self, user_id: UUID) -> int:
        query = select(func.count()).select_from(_TABLE).where(_block.user_id == user_id)
        return await self._session.scalar(query) or 0

    def add(self, block: UserBlock) -> None:
        self._session.add(block)

    async def delete(self, user_id: UUID, blocked: UUID) -> bool:
        """False: there is none."""
        deleted: Any = await self._session.execute(
            delete(_TABLE).where(_block.user_id == user_id, _block.blocked_id == blocked)
        )
        return bool(deleted.rowcount)
