"""Rows that a statement brings along, in one parameter.

A list of tuples would be compiled anew for each length, and MariaDB takes one apart in quadratic
time: 90 ms for 256 sends. A JSON document is one parameter, which becomes a table in the database.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import BigInteger, bindparam, column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.sql.type_api import TypeEngine

from app.persistence.sql.types import Id, LongText, UtcDateTime

NUMBER = "n"  # the column that counts the rows from 1


class _JsonRows(FunctionElement[Any]):
    inherit_cache = True


def json_rows(parameter: str, **columns: TypeEngine[Any]) -> TableValuedAlias:
    """A table of these columns and of `n`, to select from. The parameter's value is made by
    `to_json`."""
    typed = [column(name, type_) for name, type_ in columns.items()]
    rows = _JsonRows(bindparam(parameter))
    return rows.table_valued(column(NUMBER, BigInteger), *typed, name=parameter)


def to_json(rows: Iterable[Iterable[Any]]) -> str:
    return orjson.dumps([tuple(map(_to_json, row)) for row in rows]).decode()


def encode_list(values: Sequence[int]) -> str:
    """Numbers, for a document of these alone."""
    return orjson.dumps(values).decode()


def _to_json(value: Any) -> Any:
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value


@compiles(_JsonRows, "mysql", "mariadb")
def _mysql(element: _JsonRows, compiler: Any, **kw: Any) -> str:
    shown, fields = [NUMBER], [f"{NUMBER} FOR ORDINALITY"]
    for place, (name, type_) in enumerate(_columns(element)):
        fields.append(f"{name} {_mysql_type(type_, compiler)} PATH '$[{place}]'")
        shown.append(f"UNHEX({name}) AS {name}" if isinstance(type_, Id) else name)
    document = compiler.process(element.clauses, **kw)
    table = f"JSON_TABLE({document}, '$[*]' COLUMNS ({', '.join(fields)})) AS fields"
    return f"(SELECT {', '.join(shown)} FROM {table})"  # noqa: S608 - names, no values


def _mysql_type(type_: TypeEngine[Any], compiler: Any) -> str:
    if isinstance(type_, Id):
        return "CHAR(32) CHARACTER SET ascii"
    if isinstance(type_, UtcDateTime):
        return "DATETIME(6)"
    if isinstance(type_, LongText):  # else it has the character set of the database
        return "TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    return str(compiler.dialect.type_compiler_instance.process(type_))


@compiles(_JsonRows, "sqlite")
def _sqlite(element: _JsonRows, compiler: Any, **kw: Any) -> str:
    shown = [f"key + 1 AS {NUMBER}"]
    for place, (name, type_) in enumerate(_columns(element)):
        field = f"json_extract(value, '$[{place}]')"
        shown.append(f"{f'unhex({field})' if isinstance(type_, Id) else field} AS {name}")
    document = compiler.process(element.clauses, **kw)
    return f"(SELECT {', '.join(shown)} FROM json_each({document}))"  # noqa: S608 - as above


def _columns(element: Any) -> list[tuple[str, TypeEngine[Any]]]:
    elements = element.type._elements  # noqa: SLF001 - SQLAlchemy keeps them nowhere else
    return [(column.name, column.type) for column in elements if column.name != NUMBER]
