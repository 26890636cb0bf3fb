"""When a user does not want to be disturbed."""

from datetime import datetime

import pytest

from app.notifications.quiet_hours import quiet_hours
from app.wire.domain import Weekday

# 2026-11-30 is a Monday; Berlin is an hour ahead of UTC.
NIGHT = quiet_hours([Weekday.MONDAY], "22:00", "07:30", "Europe/Berlin")
LUNCH = quiet_hours([Weekday.MONDAY, Weekday.FRIDAY], "12:00", "13:00", "Europe/Berlin")
DAY = quiet_hours([Weekday.SUNDAY], "00:00", "00:00", "Europe/Berlin")


@pytest.mark.parametrize(
    ("hours", "at", "quiet"),
    [
        (NIGHT, "2026-11-30T20:59", False),
        (NIGHT, "2026-11-30T21:00", True),
        (NIGHT, "2026-12-01T06:29", True),
        (NIGHT, "2026-12-01T06:30", False),
        (NIGHT, "2026-12-01T21:00", False),
        (NIGHT, "2026-11-30T05:00", False),  # of Sunday's night
        (LUNCH, "2026-11-30T11:00", True),
        (LUNCH, "2026-11-30T11:59", True),
        (LUNCH, "2026-11-30T12:00", False),
        (LUNCH, "2026-12-01T11:00", False),
        (LUNCH, "2026-12-04T11:00", True),
        (DAY, "2026-11-28T23:00", True),
        (DAY, "2026-11-29T22:59", True),
        (DAY, "2026-11-29T23:00", False),
        (LUNCH, "2026-07-31T10:30", True),  # summer time
    ],
)
def test_quiet_hours_follow_the_clocks_of_their_zone(hours: object, at: str, quiet: bool) -> None:
    assert hours.contain(datetime.fromisoformat(at + "+00:00")) is quiet  # type: ignore[attr-defined]


@pytest.mark.parametrize("zone", ["Nowhere", "../UTC", "/etc/passwd", "Europe", "", "x" * 300])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        quiet_hours([Weekday.MONDAY], "22:00", "07:30", zone)
