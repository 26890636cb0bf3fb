"""Badges of rooms that are not open: collected, counted once in the database, sent as one frame."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import structlog

from app.persistence.repositories.members import Badge
from app.persistence.uow import ReadSession
from app.realtime.hub.connection import Socket
from app.realtime.hub.hub import Hub
from app.settings import Realtime
from app.wire.errors import ChatError
from app.wire.frames import RoomBadge, RoomBumped, RoomClosed

log = structlog.get_logger(__name__)

PAIRS = 500
Stale = dict[tuple[Socket, UUID], Literal["left", "removed"] | None]


async def send_bumps(hub: Hub, settings: Realtime) -> None:
    """Runs for ever. Every half second, for huge rooms every five."""
    every_s = settings.badge_interval_ms / 1000
    huge_every = max(1, round(settings.badge_interval_large_ms / settings.badge_interval_ms))
    turn = 0
    while True:
        await asyncio.sleep(every_s)
        turn += 1
        due = _take_due(hub, with_huge=turn % huge_every == 0)
        if due:
            try:
                await _send(hub, due)
            except Exception as error:
                for key, gone in due.items():
                    hub.stale.setdefault(key, gone)
                if not isinstance(error, ChatError):
                    raise
                log.warning("bumps.failed", error=error.detail)


def _take_due(hub: Hub, *, with_huge: bool) -> Stale:
    if with_huge:
        due, hub.stale = hub.stale, {}
        return due
    if not hub.stale:
        return {}
    huge = {
        room
        for room in {room for _, room in hub.stale}
        if len(hub.audience.get(room, ())) >= hub.limits.large_room_members
    }
    due = {key: gone for key, gone in hub.stale.items() if key[1] not in huge}
    hub.stale = {key: gone for key, gone in hub.stale.items() if key[1] in huge}
    return due


async def _send(hub: Hub, due: Stale) -> None:
    early = {key: gone for key, gone in due.items() if not key[0].listed or key[0].pressed}
    counted = [key for key in due if key[0] in hub.sockets and key not in early]
    hub.stale = {key: gone for key, gone in early.items() if key[0] in hub.sockets} | hub.stale
    members = {(socket, room) for socket, room in counted if hub.is_member(socket, room)}
    badges = await _count(hub, list({(room, socket.user) for socket, room in counted}))
    await _ask_why(hub, due, [key for key in members if (key[1], key[0].user) not in badges])
    bumps: dict[Socket, list[RoomBadge]] = defaultdict(list)
    for socket, room in counted:
        badge = badges.get((room, socket.user))
        is_member = hub.is_member(socket, room)
        if badge is None:
            # Not a member, whatever the order in which the pokes came. Who has the room open hears
            # of it as an event.
            if room not in socket.follows and (is_member or due[socket, room]):
                hub.leave_audience(socket, room)
                socket.send(RoomClosed(room=room, reason=due[socket, room] or "removed"))
        elif is_member or (socket, room) not in members:  # else put out since it was counted
            hub.join_audience(socket, room)
            bumps[socket].append(_bump(badge))
    for socket, rooms in bumps.items():
        socket.send(RoomBumped(rooms=rooms))


async def _ask_why(hub: Hub, due: Stale, gone: list[tuple[Socket, UUID]]) -> None:
    """Fill in why these are no members any more: the count was faster than the event."""
    for socket, room in gone:
        if due[socket, room] is None and await hub.database.read(_left_last, room, socket.user):
            due[socket, room] = "left"


async def _left_last(reads: ReadSession, room: UUID, user: UUID) -> bool:
    return await reads.events.last_action_was_leave(room, user)


async def _count(hub: Hub, pairs: list[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Badge]:
    found: dict[tuple[UUID, UUID], Badge] = {}
    for start in range(0, len(pairs), PAIRS):
        for badge in await hub.database.read(_badges, pairs[start : start + PAIRS]):
            found[badge.room, badge.user] = badge
    return found


async def _badges(reads: ReadSession, pairs: list[tuple[UUID, UUID]]) -> Sequence[Badge]:
    return await reads.members.badges(pairs)


def _bump(badge: Badge) -> RoomBadge:
    return RoomBadge(
        room=badge.room,
        seq=badge.seq,
        read_seq=badge.read_seq,
        unread=badge.unread,
        mentions=badge.mentions,
    )
