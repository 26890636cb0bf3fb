"""UPDATE and DELETE of what a join finds, in the words of each database."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Executable, FromClause, Join, and_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ClauseElement

Changes = Mapping[Column[Any], Any]  # values or expressions of them


class UpdateByRows(Executable, ClauseElement):
    """Changes rows that a document names (`json_rows.py`); `key` compares their key with it.

    Left alone, MariaDB joins in the order that looks cheapest: it may scan the table, and then
    waits for rows that other transactions have locked. Here the document always comes first.
    """

    inherit_cache = False

    def __init__(self, rows: FromClause, key: ColumnElement[bool], changes: Changes) -> None:
        self.rows, self.key, self.changes = rows, key, changes
        (self.table,) = {column.table for column in changes}


class DeleteByRows(Executable, ClauseElement):
    """Deletes rows that a document names; `key` is pairs of a column and the document's."""

    inherit_cache = False

    def __init__(
        self, rows: FromClause, key: Sequence[tuple[Column[Any], ColumnElement[Any]]]
    ) -> None:
        self.rows, self.key = rows, key
        (self.table,) = {column.table for column, _ in key}


class UpdateJoin(Executable, ClauseElement):
    """Changes rows of both tables of a join. MySQL and MariaDB only. SQLAlchemy's own names each
    column of the second table twice."""

    inherit_cache = False

    def __init__(self, join: Join, changes: Changes, where: ColumnElement[bool]) -> None:
        self.join, self.changes, self.where = join, changes, where


@compiles(UpdateByRows, "mysql", "mariadb")
def _by_rows(element: UpdateByRows, compiler: Any, **kw: Any) -> str:
    rows = compiler.process(element.rows, asfrom=True, **kw)
    table = compiler.process(element.table, asfrom=True, **kw)
    key = compiler.process(element.key, **kw)
    changes = _assign(element.changes, compiler, kw)
    return f"UPDATE {rows} STRAIGHT_JOIN {table} ON {key} SET {changes}"  # noqa: S608 - no values


@compiles(UpdateByRows, "sqlite")
def _by_rows_sqlite(element: UpdateByRows, compiler: Any, **kw: Any) -> str:
    table = compiler.process(element.table, asfrom=True, **kw)
    changes = ", ".join(
        f"{compiler.preparer.format_column(column)} = {compiler.process(value, **kw)}"
        for column, value in element.changes.items()
    )
    rows = compiler.process(element.rows, asfrom=True, **kw)
    key = compiler.process(element.key, **kw)
    return f"UPDATE {table} SET {changes} FROM {rows} WHERE {key}"  # noqa: S608 - as above


@compiles(DeleteByRows, "mysql", "mariadb")
def _delete_by_rows(element: DeleteByRows, compiler: Any, **kw: Any) -> str:
    rows = compiler.process(element.rows, asfrom=True, **kw)
    table = compiler.process(element.table, asfrom=True, **kw)
    key = compiler.process(and_(*(column == value for column, value in element.key)), **kw)
    return f"DELETE {table} FROM {rows} STRAIGHT_JOIN {table} ON {key}"


@compiles(DeleteByRows, "sqlite")
def _delete_by_rows_sqlite(element: DeleteByRows, compiler: Any, **kw: Any) -> str:
    table = compiler.process(element.table, asfrom=True, **kw)
    names = ", ".join(compiler.preparer.format_column(column) for column, _ in element.key)
    values = ", ".join(compiler.process(value, **kw) for _, value in element.key)
    rows = compiler.process(element.rows, asfrom=True, **kw)
    return f"DELETE FROM {table} WHERE ({names}) IN (SELECT {values} FROM {rows})"  # noqa: S608


@compiles(UpdateJoin, "mysql", "mariadb")
def _join(element: UpdateJoin, compiler: Any, **kw: Any) -> str:
    join = compiler.process(element.join, asfrom=True, **kw)
    changes = _assign(element.changes, compiler, kw)
    where = compiler.process(element.where, **kw)
    return f"UPDATE {join} SET {changes} WHERE {where}"  # noqa: S608 - as above


def _assign(changes: Changes, compiler: Any, kw: dict[str, Any]) -> str:
    return ", ".join(
        f"{compiler.process(column, **kw)} = {compiler.process(value, **kw)}"
        for column, value in changes.items()
    )
