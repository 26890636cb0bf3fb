"""The use case that deletes a room, for good."""

from uuid import UUID

from app.core.actor import Actor
from app.core.audit import AuditTarget
from app.core.clock import now
from app.persistence.uow import UnitOfWork
from app.rooms.access import lock_visible_room, require_permission
from app.wire.audit import AuditAction
from app.wire.domain import Permission
from app.wire.errors import Invalid
from app.wire.events import RoomDeleted
from app.wire.schemas.rooms import DeleteRoom


async def delete_room(uow: UnitOfWork, actor: Actor, room_id: UUID, spec: DeleteRoom) -> None:
    """From the COMMIT on there is no such room: all memberships have ended, and its name is free.
    However large it is, this writes a few rows; the others are deleted later
    (`messages/purge.py`). Raises NotFound, Forbidden, Invalid."""
    room, member = await lock_visible_room(uow, actor, room_id)
    require_permission(Permission.DELETE, room, member, actor)
    if spec.confirmation.strip() != (room.name or str(room.id)):
        raise Invalid(
            "`confirmation` is not the name of the room, or its id if it has no name.",
            [{"path": "confirmation", "message": "is not the name of the room"}],
        )
    uow.audit_log.record(
        actor.user,
        AuditAction.ROOM_DELETED,
        AuditTarget(room.id),
        reason=spec.reason,
        before={"name": room.name, "kind": room.kind},
    )
    uow.append_event(
        room, lambda seq: RoomDeleted(room=room.id, seq=seq, actor=actor.user, at=now())
    )
    uow.rooms.bury(room)
    await uow.room_purges.add(room.id)
