"""Queries of moderation, for `test_plans.py`."""

from collections.abc import Awaitable, Callable

from app.core.clock import now
from app.core.ids import new_id
from app.persistence.repositories.audit_log import AuditFilter
from app.persistence.repositories.reports import FilterReport
from app.persistence.uow import UnitOfWork
from app.wire.audit import AuditAction
from app.wire.reports import ReportStatus
from tests.persistence.large_dataset import LargeDataset


async def _report_by_filter(uow: UnitOfWork, world: LargeDataset) -> None:
    report = FilterReport(world.rooms[0], world.users[1], 1, "", "{}", now())
    await uow.message_batch.add_reports([report])


MODERATION_QUERIES: dict[str, Callable[[LargeDataset], Awaitable[object]]] = {
    "audit log of a room": lambda w: w.database.read(
        lambda reads: reads.audit_log.page(new_id(), AuditFilter(room=w.room), None, 50)
    ),
    "audit log of a room, next page": lambda w: w.database.read(
        lambda reads: reads.audit_log.page(new_id(), AuditFilter(room=w.room), new_id(), 50)
    ),
    "audit log of an actor": lambda w: w.database.read(
        lambda reads: reads.audit_log.page_of_all(
            w.actor.user, AuditFilter(actor=w.users[1]), None, 50
        )
    ),
    "audit log of an action": lambda w: w.database.read(
        lambda reads: reads.audit_log.page_of_all(
            w.actor.user, AuditFilter(action=AuditAction.MEMBER_BANNED), None, 50
        )
    ),
    "reports of a room": lambda w: w.database.read(
        lambda reads: reads.reports.page(w.rooms[2], ReportStatus.OPEN, w.actor.user, None, 50)
    ),
    "reports, next page": lambda w: w.database.read(
        lambda reads: reads.reports.page(None, ReportStatus.OPEN, w.actor.user, w.room, 50)
    ),
    "own reports": lambda w: w.database.read(
        lambda reads: reads.reports.page_of_reporter(w.actor.user, None, 50)
    ),
    "report by a filter": lambda w: w.database.transact(_report_by_filter, w),
    "audit log": lambda w: w.database.read(
        lambda reads: reads.audit_log.page_of_all(w.actor.user, AuditFilter(), new_id(), 50)
    ),
}
