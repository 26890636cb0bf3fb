"""One question for many rows, as a UNION ALL of a statement between constants."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, ColumnElement, bindparam, func, literal_column, select

from app.persistence.sql.executor import Reader
from app.persistence.sql.statement import Row, Statement, Values

BRANCHES_PER_STATEMENT = 200


def capped_count(*conditions: ColumnElement[bool]) -> Statement:
    """Selects `n` and the number of rows that meet the conditions, up to `max_rows`. Rows in
    between that do not meet them are read, too."""
    rows = select(literal_column("1")).where(*conditions).limit(bindparam("max_rows")).subquery()
    count = select(func.count()).select_from(rows).scalar_subquery()
    return Statement(select(bindparam("n", type_=BigInteger), count))


async def read_union(reader: Reader, statement: Statement, branches: Sequence[Values]) -> list[Row]:
    rows: list[Row] = []
    for start in range(0, len(branches), BRANCHES_PER_STATEMENT):
        union = statement.bind_union(branches[start : start + BRANCHES_PER_STATEMENT])
        rows += (await reader.read(union))[0]
    return rows
