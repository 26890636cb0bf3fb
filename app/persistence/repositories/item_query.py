"""Reads the values of items: what clients get of them, over HTTP and on sockets."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, ColumnElement, Select, select

from app.persistence.sql.executor import Reader
from app.persistence.sql.join_order import join_in_order
from app.persistence.sql.json_rows import json_rows, to_json
from app.persistence.sql.statement import Row, Statement
from app.persistence.sql.types import Id, json_column
from app.wire.items import ItemKey

UserItem = tuple[UUID, ItemKey]  # the user whose item it is
ItemValue = dict[str, Any]  # its fields, for `encode_json`

_KEYS = json_rows("keys", user=Id(), room=Id(), seq=BigInteger(), id=Id())
KEY = _KEYS.c


class ItemQuery:
    """How the items of one kind are read: the columns of `fields`, of the row that `is_key`;
    `complete` makes a value of them, where they are not one."""

    def __init__(
        self,
        is_key: ColumnElement[bool],
        fields: dict[str, Column[Any]],
        complete: Callable[[ItemValue], ItemValue] = lambda value: value,
    ) -> None:
        self._names, self._complete = tuple(fields), complete
        self.columns = tuple(map(json_column, fields.values()))
        [table] = {column.table for column in fields.values()}
        self._statement = Statement(
            join_in_order(select(KEY.n, *self.columns).select_from(_KEYS.join(table, is_key)))
        )

    def select(self, *further: ColumnElement[Any]) -> Select[Any]:
        """Of rows that begin with the columns from which `to_value` makes values."""
        return select(*self.columns, *further)

    def to_value(self, row: Row) -> ItemValue:
        return self._complete(dict(zip(self._names, row, strict=True)))

    async def read(self, reader: Reader, items: Sequence[UserItem]) -> dict[UserItem, ItemValue]:
        """The values of those items that exist, in one statement."""
        keys = to_json((user, item.room, item.seq, item.id) for user, item in items)
        [rows] = await reader.read(self._statement.bind(keys=keys))
        return {items[number - 1]: self.to_value(value) for number, *value in rows}
