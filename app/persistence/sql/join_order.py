"""The order in which tables are joined."""

from typing import Any, TypeVar

from sqlalchemy import Select

Query = TypeVar("Query", bound=Select[*tuple[Any, ...]])


def join_in_order(query: Query) -> Query:
    """Let MariaDB join the tables in the order of the statement. SQLite does so where each of them
    but the first is found by its key."""
    return query.prefix_with("STRAIGHT_JOIN", dialect="mysql")
