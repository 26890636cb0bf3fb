"""The plans of queries, and what is wrong with them on a hot path."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.persistence.database import Database
from testkit.statements import Statement, intercept_statements

EXPLAINED = ("SELECT", "UPDATE", "DELETE", "WITH")


@contextmanager
def recorded_queries(database: Database) -> Iterator[list[Statement]]:
    """The statements with a plan."""
    found: list[Statement] = []

    def record(statement: Statement) -> None:
        if statement.sql.lstrip().upper().startswith(EXPLAINED):
            found.append(statement)

    with intercept_statements(database, record):
        yield found


def database_kind(database: Database) -> str:
    """sqlite, mysql or mariadb."""
    dialect: Any = database._engines.read.dialect
    return "mariadb" if getattr(dialect, "is_mariadb", False) else str(dialect.name)


async def plan_problems(database: Database, statement: Statement) -> list[str]:
    """`full scan of …` and `sorts` for each step of the plan; an empty list for a good plan."""
    async with database._engines.read.connect() as connection:
        if connection.dialect.name == "sqlite":
            rows = await _explain(connection, "EXPLAIN QUERY PLAN", statement)
            return [found for row in rows for found in _of_sqlite(row["detail"])]
        # MySQL 9 would draw a tree.
        rows = await _explain(connection, "EXPLAIN /*!80000 FORMAT=TRADITIONAL */", statement)
        return [found for row in rows for found in _of_mysql(row)]


async def count_rows_read(database: Database, statement: Statement) -> int:
    """The rows, or entries of an index, that MySQL or MariaDB reads to execute the statement
    again. What it writes is rolled back."""
    async with database._engines.write.connect() as connection:
        before = await _read_rows(connection)
        await _execute(connection, statement.sql, statement)
        return await _read_rows(connection) - before


async def _read_rows(connection: AsyncConnection) -> int:
    """How many this connection has read since it was opened."""
    result: Any = await connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Handler_read%%'")
    return sum(int(count) for _, count in result)


async def analyze(database: Database, tables: list[str]) -> None:
    """Update the statistics of the optimizer."""
    async with database._engines.write.connect() as connection:
        if connection.dialect.name == "sqlite":
            await connection.exec_driver_sql("ANALYZE")
        else:
            await connection.exec_driver_sql(f"ANALYZE TABLE {', '.join(tables)}")
        await connection.commit()


SUBQUERY = "SCAN anon_"  # SQLAlchemy's names
FULL_TEXT = re.compile(r"VIRTUAL TABLE INDEX \d+:[^:]*M")


def _of_sqlite(detail: str) -> list[str]:
    # `SCAN t` and `SCAN t USING [COVERING] INDEX` read all of a table; a constant row and the list
    # of an IN are none, nor is a JSON document, what a subquery has made, or what a full-text index
    # finds (M).
    found = []
    own = ("CONSTANT ROW", "VALUES CLAUSE", "VIRTUAL TABLE INDEX 1:")
    is_own = detail.endswith(own) or detail.startswith(SUBQUERY) or FULL_TEXT.search(detail)
    if detail.startswith("SCAN ") and not is_own:
        found.append(f"full scan of {detail.split()[1]}")
    if "TEMP B-TREE" in detail:
        found.append("sorts")
    return found


def _of_mysql(row: dict[str, Any]) -> list[str]:
    found = []
    extra = row["Extra"] or ""
    # `index` reads all of an index. A derived table (<…>) was made by the query itself, and a table
    # function out of what the query brought along.
    own = str(row["table"]).startswith("<") or "Table function" in extra
    if row["type"] in ("ALL", "index") and not own:
        found.append(f"full scan of {row['table']}")
    if "Using filesort" in extra or ("Using temporary" in extra and not own):
        found.append("sorts")
    return found


async def _explain(
    connection: AsyncConnection, explain: str, statement: Statement
) -> list[dict[str, Any]]:
    result = await _execute(connection, f"{explain} {statement.sql}", statement)
    return [dict(row) for row in result.mappings()]


async def _execute(connection: AsyncConnection, sql: str, statement: Statement) -> Any:
    parameters = next(iter(statement.parameter_sets), ())
    options = {"no_parameters": not parameters}
    return await connection.exec_driver_sql(sql, parameters, execution_options=options)
