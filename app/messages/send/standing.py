"""The standing of those who send and change messages, in rooms that a batch has locked."""

from datetime import datetime

from app.core.actor import Actor
from app.persistence.repositories.message_batch import (
    LockedRoomState,
)
from app.rooms.standing import Standing
from app.wire.domain import Role


def member_standing(
    actor: Actor,
    room: LockedRoomState | None,
    role: Role | None,
    timed_out_until: datetime | None,
    at: datetime,
) -> Standing | None:
    """At this time. None: not a member, or the room is not locked."""
    if room is None or role is None:
        return None
    is_timed_out = timed_out_until is not None and timed_out_until > at
    return Standing(
        actor.user,
        actor.is_admin,
        room.kind,
        role,
        room.overrides,
        room.settings,
        timed_out_until if is_timed_out else None,
        room.blocked_by,
    )
