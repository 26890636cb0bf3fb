"""Use cases of the audit log: what moderators and administrators have done."""

from collections.abc import Sequence
from uuid import UUID

from app.core.actor import Actor
from app.persistence.moderation_tables import AuditRow
from app.persistence.repositories.audit_log import AuditFilter, AuditPageEntry
from app.persistence.uow import ReadSession
from app.rooms.access import get_visible_room, require_permission
from app.wire.domain import Permission
from app.wire.errors import Forbidden


async def list_room_acts(
    reader: ReadSession, actor: Actor, chosen: AuditFilter, before: UUID | None, limit: int
) -> Sequence[AuditRow]:
    """Those in the room that `chosen` names, the newest first. Raises NotFound, Forbidden."""
    assert chosen.room is not None
    room, member = await get_visible_room(reader, actor, chosen.room)
    require_permission(Permission.VIEW_AUDIT_LOG, room, member, actor)
    return await reader.audit_log.page(actor.user, chosen, before, limit)


async def list_acts(
    reader: ReadSession, actor: Actor, chosen: AuditFilter, before: UUID | None, limit: int
) -> list[AuditPageEntry]:
    """All, the newest first. Raises Forbidden."""
    if not actor.is_admin:
        raise Forbidden("Only administrators of the server may read its audit log.")
    return await reader.audit_log.page_of_all(actor.user, chosen, before, limit)
