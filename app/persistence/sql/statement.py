"""Statements that are compiled once and handed to the driver as text.

SQLAlchemy writes the SQL and converts the values. What it does for each execution (a lookup in its
cache, a context, a result with its metadata) costs several times as much as the driver itself.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import chain
from typing import Any, NamedTuple, cast

from sqlalchemy import ClauseElement, Dialect, Executable
from sqlalchemy.sql.compiler import SQLCompiler

from app.persistence.sql.types import Convert

Row = Sequence[Any]
Values = Mapping[str, Any]
# Makes a literal of a value, as the driver does it for this connection.
Escape = Callable[[Any], str]

_UNION = " UNION ALL "
_LIST = re.compile(r"__\[POSTCOMPILE_(\w+)\]")


class Statement:
    """A query whose parameters get their values from `bind`."""

    def __init__(self, query: Executable) -> None:
        self.query = query
        self._compiled: dict[str, CompiledStatement] = {}

    def bind(self, **values: Any) -> "Bound":
        return Bound(self, values)

    def bind_rows(self, rows: Sequence[Values]) -> "Bound":
        """Of an INSERT: the values of several rows."""
        return Bound(self, {}, rows=rows)

    def bind_union(self, branches: Sequence[Values]) -> "Bound":
        """A UNION ALL of the query for each of the values, of which SQLite takes up to 500."""
        return Bound(self, {}, branches=branches)

    def compile(self, dialect: Dialect) -> "CompiledStatement":
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = CompiledStatement(self.query, dialect)
        return compiled


class Bound(NamedTuple):
    """A statement and its values."""

    statement: Statement
    values: Values
    rows: Sequence[Values] | None = None
    branches: Sequence[Values] | None = None


class CompiledStatement:
    """A statement in the words of one database."""

    def __init__(self, query: Executable, dialect: Dialect) -> None:
        compiled: Any = cast(ClauseElement, query).compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        self._text = compiled.string
        self._parameters = list(_parameters(compiled))
        self._lists = frozenset(_LIST.findall(compiled.string))
        self._template = _LIST.sub("%s", compiled.string)
        # Of an INSERT: its head, and the template of one row.
        self._head, _, self._row = compiled.string.partition(" VALUES ")
        self._converters = list(_result_converters(compiled, dialect))

    def literal_text(self, bound: Bound, escape: Escape) -> str:
        """The SQL with its values in it, for a driver whose marks are `%s`."""
        if bound.rows is not None:
            rows = [self._row % literals for literals in self._row_literals(bound.rows, escape)]
            return f"{self._head} VALUES {','.join(rows)}"
        branches = (bound.values,) if bound.branches is None else bound.branches
        return _UNION.join(
            [self._template % tuple(self._literals(values, escape)) for values in branches]
        )

    def marked_text(self, bound: Bound) -> tuple[str, list[Any]]:
        """The SQL with the driver's mark, a `?`, for each value, and the values of the one row, or
        of each row."""
        if bound.rows is not None:
            return self._text, [self._arguments(values) for values in bound.rows]
        if bound.branches is not None:
            text = _UNION.join([self._text] * len(bound.branches))
            return text, list(chain.from_iterable(map(self._arguments, bound.branches)))
        text = self._text
        for name in self._lists:
            marks = ", ".join("?" * len(bound.values[name]))
            text = text.replace(f"__[POSTCOMPILE_{name}]", marks)
        return text, self._arguments(bound.values)

    def convert(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Rows of the driver, with values of the columns' types. Column by column, which takes a
        third of the time."""
        if not (rows and self._converters):
            return rows
        columns: list[Iterable[Any]] = list(zip(*rows, strict=True))
        for place, convert in self._converters:
            columns[place] = map(convert, columns[place])
        return list(zip(*columns, strict=True))

    def _row_literals(self, rows: Sequence[Values], escape: Escape) -> Iterator[tuple[str, ...]]:
        """Most values of a batch are the same objects in several rows or columns, such as a time, a
        room or None. Each is made a literal once, which takes half of the time."""
        made: dict[Convert | None, dict[int, str]] = defaultdict(dict)  # by converter and identity
        parameters = [(*parameter, made[parameter[-1]]) for parameter in self._parameters]
        for values in rows:
            literals = []
            for name, constant, convert, known in parameters:
                value = values.get(name, constant)
                literal = known.get(id(value))
                if literal is None:
                    literal = known[id(value)] = escape(convert(value) if convert else value)
                literals.append(literal)
            yield tuple(literals)

    def _literals(self, values: Values, escape: Escape) -> Iterator[str]:
        for name, constant, convert in self._parameters:
            value = values.get(name, constant)
            if name in self._lists:
                yield ", ".join(map(escape, _convert_all(value, convert)))
            else:
                yield escape(convert(value) if convert else value)

    def _arguments(self, values: Values) -> list[Any]:
        arguments: list[Any] = []
        for name, constant, convert in self._parameters:
            value = values.get(name, constant)
            if name in self._lists:
                arguments += _convert_all(value, convert)
            else:
                arguments.append(convert(value) if convert else value)
        return arguments


def _convert_all(values: Iterable[Any], convert: Convert | None) -> Iterable[Any]:
    return map(convert, values) if convert else values


def _parameters(compiled: SQLCompiler) -> Iterator[tuple[str, Any, Convert | None]]:
    """In the order of the text: the name, the value if it is a constant, and the converter to what
    the driver takes."""
    processors: Any = compiled._bind_processors  # noqa: SLF001 - SQLAlchemy shows them nowhere else
    for name in compiled.positiontup or ():
        constant = compiled.params.get(name)
        yield name, constant.value if isinstance(constant, Enum) else constant, processors.get(name)


def _result_converters(compiled: SQLCompiler, dialect: Dialect) -> Iterator[tuple[int, Convert]]:
    """By the place of the column, where the driver's value is not the type's already."""
    columns: Any = compiled._result_columns  # noqa: SLF001 - as above
    for place, column in enumerate(columns):
        convert = column.type.dialect_impl(dialect).result_processor(dialect, None)
        if convert is not None:
            yield place, convert
