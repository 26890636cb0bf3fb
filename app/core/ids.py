"""Identifiers: UUIDv7 (RFC 9562), made by the application, never by the database.

They sort roughly by time, which is good for indexes. They are never used for order or as a
cursor of what is new: rows become visible out of order. The order of a room is its `seq`.
"""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    return uuid7()


def parse_id(text: str) -> UUID | None:
    """The canonical 36-character form and no other spelling, or None."""
    if len(text) != 36:
        return None
    try:
        value = UUID(text)
    except ValueError:
        return None
    return value if str(value) == text else None
