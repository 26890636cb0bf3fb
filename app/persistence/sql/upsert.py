"""INSERT of rows that may be there already, in the words of each database."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Insert, Table
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession


def upsert(
    session: AsyncSession, table: Table, *, replace: Sequence[str] = (), add: Sequence[str] = ()
) -> Insert:
    """Where a row has the primary key of a new one, the columns of `replace` get the new values,
    and those of `add` the sums of both."""
    if session.get_bind().dialect.name == "sqlite":
        lite = sqlite.insert(table)
        changes = _changes(table, lite.excluded, replace, add)
        return lite.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes)
    insert = mysql.insert(table)
    return insert.on_duplicate_key_update(_changes(table, insert.inserted, replace, add))


def _changes(table: Table, new: Any, replace: Sequence[str], add: Sequence[str]) -> dict[str, Any]:
    sums = {column: table.c[column] + new[column] for column in add}
    return sums | {column: new[column] for column in replace}
