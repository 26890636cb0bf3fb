"""The one place that reads the clock. Times are aware, UTC, with microseconds."""

from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC)
