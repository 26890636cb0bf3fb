"""What a use case tells the audit log."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

Values = Mapping[str, Any]


class AuditTarget(NamedTuple):
    """What an act concerns; all None: the server as a whole."""

    room: UUID | None = None
    user: UUID | None = None
    message: int | None = None  # its seq


def find_changes(before: Values, after: Values) -> tuple[dict[str, Any], dict[str, Any]]:
    """Those values of both that differ."""
    changed = {name for name in {**before, **after} if before.get(name) != after.get(name)}
    return (
        {name: value for name, value in before.items() if name in changed},
        {name: value for name, value in after.items() if name in changed},
    )
