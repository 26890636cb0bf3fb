"""Which operations the audit log records, in the OpenAPI document."""

from app.http.documents import JsonObject
from app.wire.audit import AuditAction

AUDIT_ACTIONS = "x-audit-actions"


def audited(*actions: AuditAction) -> JsonObject:
    """For `openapi_extra` of a route: what it may write into the audit log."""
    return {AUDIT_ACTIONS: [action.value for action in actions]}
