"""The dates of queries."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII)
_MICROSECOND = timedelta(microseconds=1)


def parse_period(text: str, zone: tzinfo) -> tuple[datetime, datetime]:
    """The beginning and the end of a day, a month, a year, or an RFC 3339 time. Raises
    ValueError."""
    try:
        start, end = _parse(text, zone)
        return start.astimezone(UTC), end.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(str(error)) from None


def _parse(text: str, zone: tzinfo) -> tuple[datetime, datetime]:
    match = _DATE.fullmatch(text)
    if match is None:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            at = at.replace(tzinfo=zone)
        return at, at + _MICROSECOND
    year, month, day = (int(digits) if digits else None for digits in match.groups())
    assert year is not None
    start = datetime(year, month or 1, day or 1, tzinfo=zone)
    if day:
        end = start + timedelta(days=1)
    elif month:
        end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=zone)
    else:
        end = datetime(year + 1, 1, 1, tzinfo=zone)
    return start, end
