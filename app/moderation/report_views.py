"""From rows to wire shapes of reports."""

from app.persistence.moderation_tables import ReportRow
from app.wire.schemas.reports import OwnReport, ReportedMessage, ReportOut, Resolution


def own_report(row: ReportRow) -> OwnReport:
    return OwnReport(
        id=row.id,
        room=row.room_id,
        user=row.user_id,
        message=row.message_seq,
        reason=row.reason,
        note=row.note,
        at=row.at,
        status=row.status,
        outcome=row.outcome,
    )


def report_out(row: ReportRow) -> ReportOut:
    snapshot = ReportedMessage.model_validate_json(row.snapshot) if row.snapshot else None
    return ReportOut(
        **own_report(row).model_dump(),
        reporter=row.reporter_id,
        snapshot=snapshot,
        resolution=_resolution(row),
    )


def _resolution(row: ReportRow) -> Resolution | None:
    if row.resolved_by is None or row.resolved_at is None or row.outcome is None:
        return None
    return Resolution(
        by=row.resolved_by,
        at=row.resolved_at,
        outcome=row.outcome,
        note=row.resolution_note or "",
    )
