"""From rows to wire shapes of the audit log."""

import orjson

from app.persistence.moderation_tables import AuditRow
from app.wire.schemas.audit import AuditEntry


def audit_entry(row: AuditRow, *, is_visible: bool = True) -> AuditEntry:
    """Without reason and details, if the reader does not see the room."""
    before, after = orjson.loads(row.details) if row.details and is_visible else (None, None)
    return AuditEntry(
        id=row.id,
        at=row.at,
        actor=row.actor_id,
        action=row.action,
        room=row.room_id,
        user=row.user_id,
        message=row.message_seq,
        reason=row.reason if is_visible else "",
        before=before,
        after=after,
    )
