"""The users that `@here` means, read before the transaction: it does not wait for presence."""

from uuid import UUID

from app.application.app_context import AppContext
from app.core.actor import Actor
from app.core.mentions import parse_mentions
from app.persistence.uow import ReadSession
from app.rooms.access import find_standing
from app.rooms.standing import may
from app.wire.domain import Permission, PresenceState

USERS_PER_READ = 500


async def find_online(
    context: AppContext, actor: Actor, room_id: UUID, text: str
) -> frozenset[UUID] | None:
    """The members who are online, if the text mentions them and the actor may do so. None: all, as
    of a large room; or nobody asks."""
    if "@" not in text or not parse_mentions(text).here:  # most sends keep out of its cache
        return None
    max_members = context.settings.limits.here_members
    members = await context.database.read(_list_members, actor, room_id, max_members + 1)
    if not 0 < len(members) <= max_members:
        return None
    online: set[UUID] = set()
    for start in range(0, len(members), USERS_PER_READ):
        chunk = members[start : start + USERS_PER_READ]
        states = await context.presence.read_states(chunk)
        online |= {user for user in chunk if states[user] is not PresenceState.OFFLINE}
    return frozenset(online)


async def _list_members(reads: ReadSession, actor: Actor, room_id: UUID, limit: int) -> list[UUID]:
    """Empty where the actor may not mention them."""
    room, member = await reads.rooms.with_member(room_id, actor.user)
    if room is None or member is None:
        return []
    if not may(Permission.MENTION_ALL, find_standing(room, member, actor)):
        return []
    return await reads.members.list_ids(room_id, limit)
