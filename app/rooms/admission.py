"""How users become members: by any way, only who is not banned from the room."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from app.persistence.repositories.rooms import LockedRoom
from app.persistence.room_tables import RoomSanction
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms.service import add_member
from app.wire.domain import Role, SanctionKind
from app.wire.errors import Forbidden


async def admit(
    uow: UnitOfWork,
    room: LockedRoom,
    actor: UUID,
    users: Iterable[UUID],
    role: Role,
    at: datetime,
) -> None:
    """Add users who are no members; a time-out holds on, and a request to join is over. All or
    none: raises Forbidden if one is banned."""
    new = list(users)
    sanctions = await refuse_banned(uow, room.id, actor, new, at)
    await uow.join_requests.delete(room.id, new)
    time_outs = {sanction.user_id: sanction.until for sanction in sanctions}
    for user in new:
        add_member(uow, room, actor, user, role, at, time_outs.get(user))


async def filter_banned(
    uow: UnitOfWork, room_id: UUID, users: Iterable[UUID], at: datetime
) -> set[UUID]:
    sanctions = await uow.room_sanctions.list_active(room_id, users, at)
    return {sanction.user_id for sanction in sanctions if sanction.kind == SanctionKind.BAN}


async def refuse_banned(
    reader: ReadSession, room_id: UUID, actor: UUID, users: Iterable[UUID], at: datetime
) -> Sequence[RoomSanction]:
    """Returns what else the room has against these users. Raises Forbidden."""
    sanctions = await reader.room_sanctions.list_active(room_id, users, at)
    bans = [sanction for sanction in sanctions if sanction.kind == SanctionKind.BAN]
    for ban in bans:
        until = "" if ban.until is None else f" until {ban.until.isoformat()}"
        if ban.user_id == actor:
            raise Forbidden(f"You are banned from this room{until}.")
        raise Forbidden(
            f"User {ban.user_id} is banned from this room{until}. Who may remove members lifts the "
            f"ban: DELETE /api/v1/rooms/{ban.room_id}/bans/{ban.user_id}."
        )
    return sanctions
