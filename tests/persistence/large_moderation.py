"""Rows of moderation, for `large_dataset.py`."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from app.core.ids import new_id
from app.persistence.moderation_tables import AuditRow, ReportRow
from app.persistence.tables import Base
from app.wire.audit import AuditAction
from app.wire.reports import ReportReason, ReportStatus

ACTS, REPORTS = 20_000, 20_000

Rows = list[dict[str, Any]]


def moderation_tables(
    users: list[UUID], rooms: list[UUID], at: datetime
) -> Iterator[tuple[type[Base], Rows]]:
    """Half of all acts and reports are in the first room."""
    actions = list(AuditAction)
    yield (
        AuditRow,
        [
            {
                "id": new_id(),
                "room_id": rooms[0] if n % 2 else rooms[n % len(rooms)],
                "actor_id": users[n % 100],
                "action": actions[n % len(actions)],
                "user_id": users[n % len(users)],
                "message_seq": n,
                "reason": "",
                "at": at,
            }
            for n in range(ACTS)
        ],
    )
    yield (
        ReportRow,
        [
            {
                "id": new_id(),
                "room_id": rooms[0] if n % 2 else rooms[n % len(rooms)],
                "reporter_id": users[n % 100],
                "user_id": users[n % len(users)],
                "message_seq": n,
                "reason": ReportReason.SPAM,
                "note": "",
                "at": at,
                "status": ReportStatus.RESOLVED if n % 10 else ReportStatus.OPEN,
            }
            for n in range(REPORTS)
        ],
    )
