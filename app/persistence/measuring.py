"""How long statements take, as metrics."""

from time import perf_counter
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core import metrics


def measure_statements(engine: AsyncEngine, pool: str) -> None:
    observe = metrics.STATEMENT_SECONDS.labels(pool).observe

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def start(connection: Any, *_: Any) -> None:
        connection.info["started_at"] = perf_counter()

    @event.listens_for(engine.sync_engine, "after_cursor_execute")
    def end(connection: Any, *_: Any) -> None:
        observe(perf_counter() - connection.info["started_at"])
