"""When a user does not want to be disturbed."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from app.core.time_zones import find_time_zone
from app.wire.domain import Weekday

_WEEKDAYS = tuple(Weekday)


class QuietHours(NamedTuple):
    """On each of these days from `start` to `end` by the clocks of a time zone. Where `end` is not
    later than `start`, until that time on the next day."""

    days: frozenset[Weekday]
    start: time
    end: time
    zone: ZoneInfo

    def contain(self, at: datetime) -> bool:
        local = at.astimezone(self.zone)
        clock = local.time()
        if (
            self._begins_on(local)
            and self.start <= clock
            and (clock < self.end or self._is_over_night)
        ):
            return True
        yesterday = local - timedelta(days=1)
        return self._is_over_night and self._begins_on(yesterday) and clock < self.end

    @property
    def _is_over_night(self) -> bool:
        return self.end <= self.start

    def _begins_on(self, day: datetime) -> bool:
        return _WEEKDAYS[day.weekday()] in self.days


def quiet_hours(days: Iterable[Weekday], start: str, end: str, zone: str) -> QuietHours:
    """Raises ValueError for a time zone that is not known, or a time that is none."""
    return QuietHours(
        frozenset(days), time.fromisoformat(start), time.fromisoformat(end), find_time_zone(zone)
    )
