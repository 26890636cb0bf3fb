"""The rows of all tables, to compare them before and after a request."""

from typing import Any

from sqlalchemy import select

from app.persistence.consumer_tables import ConsumerLease
from app.persistence.database import Database
from app.persistence.tables import Base

Rows = dict[str, set[tuple[Any, ...]]]


async def read_rows(database: Database) -> Rows:
    """By table, without the leases, which jobs in the background renew at any time."""
    async with database._engines.read.connect() as connection:
        return {
            table.name: set(map(tuple, await connection.execute(select(table))))
            for table in Base.metadata.sorted_tables
            if table is not ConsumerLease.__table__
        }


def row_changes(before: Rows, after: Rows) -> dict[str, tuple[int, int]]:
    """By table: how many rows were removed and how many were added. A changed row is both."""
    return {
        name: (len(before[name] - after[name]), len(after[name] - before[name]))
        for name in before
        if before[name] != after[name]
    }
