"""Time zones of the IANA database."""

from zoneinfo import ZoneInfo


def find_time_zone(name: str) -> ZoneInfo:
    """Raises ValueError for a name that is not known."""
    try:
        return ZoneInfo(name)
    except (OSError, LookupError, ValueError):  # of a name that is a folder, unknown, or no name
        raise ValueError(f"no time zone is called {name!r}") from None
