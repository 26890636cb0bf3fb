"""INSERT of rows that may be there already, in the words of each database."""

from sqlalchemy import Insert, Table
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession


def upsert(session: AsyncSession, table: Table, column: str, *, add: bool = False) -> Insert:
    """Where a row has the primary key of a new one, `column` gets the new value, or with `add` the
    sum of both."""
    old = table.c[column]
    if session.get_bind().dialect.name == "sqlite":
        lite = sqlite.insert(table)
        new = lite.excluded[column]
        changes = {column: old + new if add else new}
        return lite.on_conflict_do_update(index_elements=list(table.primary_key), set_=changes)
    insert = mysql.insert(table)
    new = insert.inserted[column]
    return insert.on_duplicate_key_update({column: old + new if add else new})
