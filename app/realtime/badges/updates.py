"""Badges of rooms that are not open: collected, counted once in the database, sent as one frame."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import structlog

from app.persistence.repositories.rooms import Badge
from app.persistence.uow import ReadSession
from app.realtime.hub.connection import Connection
from app.realtime.hub.hub import Hub
from app.settings import Realtime
from app.wire.errors import ChatError
from app.wire.frames import RoomBump, RoomBumped, RoomClosed

log = structlog.get_logger(__name__)

BADGES_PER_QUERY = 500
StaleBadges = dict[tuple[Connection, UUID], Literal["left", "removed"] | None]


async def run_badge_updates(hub: Hub, settings: Realtime) -> None:
    """Runs for ever. Every half second, for huge rooms every five."""
    every_s = settings.bump_every_ms / 1000
    huge_every = max(1, round(settings.bump_every_huge_ms / settings.bump_every_ms))
    turn = 0
    while True:
        await asyncio.sleep(every_s)
        turn += 1
        batch = _take_due(hub, with_huge=turn % huge_every == 0)
        if batch:
            try:
                await _send(hub, batch)
            except Exception as error:
                for key, gone in batch.items():
                    hub.stale.setdefault(key, gone)
                if not isinstance(error, ChatError):
                    raise
                log.warning("bumps.failed", error=error.detail)


def _take_due(hub: Hub, *, with_huge: bool) -> StaleBadges:
    if with_huge:
        batch, hub.stale = hub.stale, {}
        return batch
    if not hub.stale:
        return {}
    huge = {
        room
        for room in {room for _, room in hub.stale}
        if len(hub.audience.get(room, ())) >= hub.limits.huge_room
    }
    batch = {key: gone for key, gone in hub.stale.items() if key[1] not in huge}
    hub.stale = {key: gone for key, gone in hub.stale.items() if key[1] in huge}
    return batch


async def _send(hub: Hub, batch: StaleBadges) -> None:
    deferred = {key: gone for key, gone in batch.items() if not key[0].room_list_sent or key[0].write_paused}
    countable = [key for key in batch if key[0] in hub.connections and key not in deferred]
    hub.stale = {key: gone for key, gone in deferred.items() if key[0] in hub.connections} | hub.stale
    members = {(connection, room) for connection, room in countable if hub.is_member(connection, room)}
    badges = await _count(hub, list({(room, connection.user) for connection, room in countable}))
    await _resolve_close_reasons(hub, batch, [key for key in members if (key[1], key[0].user) not in badges])
    bumps: dict[Connection, list[RoomBump]] = defaultdict(list)
    for connection, room in countable:
        badge = badges.get((room, connection.user))
        is_member = hub.is_member(connection, room)
        if badge is None:
            # Not a member, whatever the order in which the pokes came. Who has the room open hears
            # of it as an event.
            if room not in connection.subscriptions and (is_member or batch[connection, room]):
                hub.leave_audience(connection, room)
                connection.send(RoomClosed(room=room, reason=batch[connection, room] or "removed"))
        elif is_member or (connection, room) not in members:  # else put out since it was counted
            hub.join_audience(connection, room)
            bumps[connection].append(_bump(badge))
    for connection, rooms in bumps.items():
        connection.send(RoomBumped(rooms=rooms))


async def _resolve_close_reasons(hub: Hub, batch: StaleBadges, gone: list[tuple[Connection, UUID]]) -> None:
    """Fill in why these are no members any more: the count was faster than the event."""
    for connection, room in gone:
        if batch[connection, room] is None and await hub.database.read(_left_last, room, connection.user):
            batch[connection, room] = "left"


async def _left_last(reads: ReadSession, room: UUID, user: UUID) -> bool:
    return await reads.events.left_last(room, user)


async def _count(hub: Hub, pairs: list[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Badge]:
    found: dict[tuple[UUID, UUID], Badge] = {}
    for start in range(0, len(pairs), BADGES_PER_QUERY):
        for badge in await hub.database.read(_badges, pairs[start : start + BADGES_PER_QUERY]):
            found[badge.room, badge.user] = badge
    return found


async def _badges(reads: ReadSession, pairs: list[tuple[UUID, UUID]]) -> Sequence[Badge]:
    return await reads.members.badges(pairs)


def _bump(badge: Badge) -> RoomBump:
    return RoomBump(
        room=badge.room,
        seq=badge.seq,
        read_seq=badge.read_seq,
        unread=badge.unread,
        mentions=badge.mentions,
    )
