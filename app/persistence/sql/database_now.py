"""The time of the database's clock, in SQL."""

from datetime import datetime
from typing import Any

from sqlalchemy import Integer, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from app.persistence.sql.types import UtcDateTime


class DatabaseNow(FunctionElement[datetime]):
    """The database's own clock, minus a whole number of seconds; negative ones are in the future.

    All processes share it: a process finds what another one has stamped with it, however far their
    own clocks are apart.
    """

    type = UtcDateTime()
    inherit_cache = True

    def __init__(self, seconds_ago: int = 0) -> None:
        super().__init__(bindparam("seconds_ago", seconds_ago, Integer, unique=True))


@compiles(DatabaseNow, "mysql", "mariadb")
def _mysql(element: DatabaseNow, compiler: Any, **kw: Any) -> str:
    return f"(UTC_TIMESTAMP(6) - INTERVAL {compiler.process(element.clauses, **kw)} SECOND)"


@compiles(DatabaseNow, "sqlite")
def _sqlite(element: DatabaseNow, compiler: Any, **kw: Any) -> str:
    """Milliseconds, written with six digits as SQLAlchemy writes times there."""
    ago = compiler.process(element.clauses, **kw)
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', (0 - {ago}) || ' seconds') || '000')"
