"""The one place that reads the clock. Times are aware, UTC, with microseconds."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def now() -> datetime:
    return datetime.now(UTC)


def microseconds(at: datetime) -> int:
    """Since 1970, exactly."""
    return (at - EPOCH) // MICROSECOND
