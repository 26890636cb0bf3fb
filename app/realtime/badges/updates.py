"""Badge updates: stale badges are counted in one query and sent as one frame per connection."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import structlog

from app.persistence.direct_reads import DirectReads
from app.persistence.repositories.room_lists import Badge
from app.persistence.uow import Database, ReadSession
from app.realtime.badges.state import BadgeState, StaleBadges
from app.realtime.hub.connection import Connection
from app.realtime.hub.hub import Hub
from app.settings import Realtime
from app.wire.errors import ChatError
from app.wire.frames import RoomBadge, RoomBumped, RoomClosed

log = structlog.get_logger(__name__)

BADGES_PER_QUERY = 500


async def run_badge_updates(
    hub: Hub, state: BadgeState, database: Database, settings: Realtime
) -> None:
    """Runs forever: every half second, for large rooms every five."""
    interval_s = settings.badge_interval_ms / 1000
    large_every = max(1, round(settings.badge_interval_large_ms / settings.badge_interval_ms))
    rounds = 0
    while True:
        await asyncio.sleep(interval_s)
        rounds += 1
        batch = state.take_due(with_large=rounds % large_every == 0)
        if batch:
            try:
                await _send(hub, state, database, batch)
            except Exception as error:
                state.put_back(batch)
                if not isinstance(error, ChatError):
                    raise
                log.warning("badges.update_failed", error=error.detail)


async def _send(hub: Hub, state: BadgeState, database: Database, batch: StaleBadges) -> None:
    deferred = {
        key: reason
        for key, reason in batch.items()
        if not key[0].room_list_sent or key[0].write_paused
    }
    countable = [key for key in batch if key[0] in hub.connections and key not in deferred]
    state.put_back({key: reason for key, reason in deferred.items() if key[0] in hub.connections})
    members = {key for key in countable if hub.is_member(*key)}
    badges = await _count(database, list({(room, c.user) for c, room in countable}))
    left = [key for key in members if (key[1], key[0].user) not in badges]
    await _resolve_close_reasons(database, batch, left)
    updates: dict[Connection, list[RoomBadge]] = defaultdict(list)
    for connection, room in countable:
        badge = badges.get((room, connection.user))
        is_member = hub.is_member(connection, room)
        if badge is None:
            # No member, in whatever order the publications came. Where the room is open, the event
            # closes it.
            reason = batch[connection, room]
            if room not in connection.subscriptions and (is_member or reason):
                hub.remove_member(connection, room)
                connection.send(RoomClosed(room=room, reason=reason or "removed"))
        elif is_member or (connection, room) not in members:  # else evicted since it was counted
            hub.add_member(connection, room)
            updates[connection].append(_update(badge))
    for connection, rooms in updates.items():
        connection.send(RoomBumped(rooms=rooms))


async def _resolve_close_reasons(
    database: Database, batch: StaleBadges, left: list[tuple[Connection, UUID]]
) -> None:
    """Fill in why users are no members any more where the count was faster than the event."""
    for connection, room in left:
        if batch[connection, room] is None and await database.read(
            _left_last, room, connection.user
        ):
            batch[connection, room] = "left"


async def _left_last(reads: ReadSession, room: UUID, user: UUID) -> bool:
    return await reads.events.last_action_was_leave(room, user)


async def _count(
    database: Database, pairs: list[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], Badge]:
    badges: dict[tuple[UUID, UUID], Badge] = {}
    for start in range(0, len(pairs), BADGES_PER_QUERY):
        for badge in await database.read_directly(_badges, pairs[start : start + BADGES_PER_QUERY]):
            badges[badge.room, badge.user] = badge
    return badges


async def _badges(reads: DirectReads, pairs: list[tuple[UUID, UUID]]) -> Sequence[Badge]:
    return await reads.room_lists.badges(pairs)


def _update(badge: Badge) -> RoomBadge:
    return RoomBadge(
        room=badge.room,
        seq=badge.seq,
        read_seq=badge.read_seq,
        unread=badge.unread,
        mentions=badge.mentions,
    )
