"""The rows of all tables, to compare them before and after a request."""

from typing import Any

from app.persistence.consumer_tables import ConsumerLease
from app.persistence.database import Database
from app.persistence.tables import Base

Rows = dict[str, set[tuple[Any, ...]]]


async def read_rows(database: Database) -> Rows:
    """By table, as the driver returns them, without the leases, which jobs in the background renew
    at any time."""
    names = [table.name for table in Base.metadata.sorted_tables]
    names.remove(ConsumerLease.__tablename__)
    queries = {name: f"SELECT * FROM {name}" for name in names}  # noqa: S608
    async with database._engines.read.connect() as connection:
        raw: Any = (await connection.get_raw_connection()).driver_connection
        if connection.dialect.name == "sqlite":
            # All in one call: each one costs two changes of the thread.
            def read() -> Rows:
                return {name: set(raw._conn.execute(query)) for name, query in queries.items()}

            return await raw._execute(read)  # type: ignore[no-any-return]
        return {
            name: set(map(tuple, await connection.exec_driver_sql(query)))
            for name, query in queries.items()
        }


def row_changes(before: Rows, after: Rows) -> dict[str, tuple[int, int]]:
    """By table: how many rows were removed and how many were added. A changed row is both."""
    return {
        name: (len(before[name] - after[name]), len(after[name] - before[name]))
        for name in before
        if before[name] != after[name]
    }
