"""Presence: which users this process keeps online, and what it tells those who watch.

The store is the truth and a whisper on the bus only makes it quick: whoever hears one reads the
store again, and everything that is watched is read again every few seconds in any case.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from uuid import UUID, uuid4

import structlog

from app.bus.base import Bus
from app.core.publications import Publication
from app.persistence.uow import ReadSession
from app.presence.base import RENEW_EVERY_S, PresenceStore
from app.realtime.hub.connection import Connection
from app.realtime.hub.hub import Hub
from app.realtime.presence.subscriptions import Watch
from app.realtime.transport.ws_protocol import text_frame
from app.settings import Realtime
from app.wire.domain import PresenceState
from app.wire.errors import ChatError, Invalid
from app.wire.events import PublicationKind
from app.wire.frames import Watch as WatchFrame
from app.wire.frames import encode

log = structlog.get_logger(__name__)

TICK_S = 1.0  # a socket is told of changes at most so often
COALESCE_S = 0.05  # what comes together is done together
STATE_REFRESH_S = 10.0  # for processes that died, and whispers that were lost
VISIBILITY_REFRESH_S = 300.0  # at who sees whom; changes of membership make it at once
VISIBILITY_REFRESHES_PER_TICK = 50  # of these in one tick
MAX_READERS = 4
IDS_PER_PUBLICATION = 500  # in one whisper
SUBSCRIPTIONS_PER_SLICE = 100  # watches, before others have their turn
USERS_PER_QUERY = 1000  # the same, of states that are read


async def run_presence_lease(hub: Hub, bus: Bus, store: PresenceStore, settings: Realtime) -> None:
    """Runs for ever: holds those who are connected here, and lets go of those whose last socket
    went longer ago than the grace."""
    loop = asyncio.get_running_loop()
    leaving: dict[UUID, float] = {}  # until when, by the loop's clock, the soonest first
    topic = uuid4()
    hub.moved.update(hub.by_user)  # those of a run before this one that failed
    while True:
        moved, hub.moved = hub.moved, set()
        hub.movement.clear()
        for user in moved:
            leaving.pop(user, None)
            if user not in hub.by_user:
                leaving[user] = loop.time() + settings.presence_grace_s
        store.hold([user for user in moved if user in hub.by_user])
        store.release(_take_due(leaving, loop.time()))
        _announce(bus, topic, await store.renew())
        await asyncio.sleep(COALESCE_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(RENEW_EVERY_S):
                await hub.movement.wait()


def _take_due(leaving: dict[UUID, float], now: float) -> list[UUID]:
    due = []
    for user, until in leaving.items():
        if until > now:
            break
        due.append(user)
    for user in due:
        del leaving[user]
    return due


def _announce(bus: Bus, topic: UUID, users: Iterable[UUID]) -> None:
    ids = [user.bytes for user in users]
    bus.whisper(
        [
            Publication(
                PublicationKind.PRESENCE, topic, 0, topic, b"".join(ids[start : start + IDS_PER_PUBLICATION])
            )
            for start in range(0, len(ids), IDS_PER_PUBLICATION)
        ]
    )


def watch(hub: Hub, connection: Connection, frame: WatchFrame) -> None:
    """Answered by `tell`, so that no frame waits for the database or the store."""
    most = hub.limits.watched_users
    if len(frame.users) > most:
        raise Invalid(
            f"A socket watches at most {most} users.",
            [{"path": "users", "message": f"List should have at most {most} items"}],
        )
    hub.watches.replace(Watch(connection, frame.users, frame.id))


async def tell(hub: Hub, store: PresenceStore) -> None:
    """Runs for ever: answers those who watch, and tells them what has changed."""
    clock, watches = asyncio.get_running_loop().time, hub.watches
    updated_at, refreshed_at, reached = -TICK_S, clock(), True
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(COALESCE_S, updated_at + TICK_S - clock())):
                await watches.work_available.wait()
        watches.work_available.clear()
        if clock() - refreshed_at >= STATE_REFRESH_S or reached != store.reached:
            refreshed_at, reached = clock(), store.reached
            watches.state_due.update(watches.by_user)
        await _refresh_visibility(hub)
        if not await _read(hub, store):
            refreshed_at = -STATE_REFRESH_S  # what is unknown is asked for in every tick
        await _answer(hub)
        if clock() - updated_at >= TICK_S:
            updated_at = clock()
            watches.expire_visibility(updated_at - VISIBILITY_REFRESH_S, VISIBILITY_REFRESHES_PER_TICK)
            await _tell(hub)
        await asyncio.sleep(COALESCE_S)


async def _refresh_visibility(hub: Hub) -> None:
    """Who sees whom: some of those for whom it is to be looked up. Whoever cannot be looked up now
    goes on seeing whom they saw, and has another turn."""
    watches = hub.watches
    due = watches.take_visibility_due(SUBSCRIPTIONS_PER_SLICE)
    for start in range(0, len(due), MAX_READERS):
        await asyncio.gather(*(_load_visibility(hub, watch) for watch in due[start : start + MAX_READERS]))


async def _load_visibility(hub: Hub, watch: Watch) -> None:
    at, watch.tried = asyncio.get_running_loop().time(), True
    try:
        visible = await hub.database.read(_visible_users, watch.connection.user, watch.users)
    except Exception as error:
        hub.watches.visibility_due.add(watch)
        if not isinstance(error, ChatError):
            log.exception("watch.not_looked_up")
            return
        log.warning("watch.not_looked_up", error=error.detail)
    else:
        hub.watches.set_visibility(watch, frozenset(visible), at)


async def _visible_users(reads: ReadSession, user: UUID, others: Sequence[UUID]) -> set[UUID]:
    return await reads.members.acquainted(user, others) | ({user} & set(others))


async def _read(hub: Hub, store: PresenceStore) -> bool:
    """Whether everything is known that was asked for."""
    watches = hub.watches
    state_due, watches.state_due = list(watches.state_due), set()
    known = True
    for start in range(0, len(state_due), USERS_PER_QUERY):
        states = await store.states(state_due[start : start + USERS_PER_QUERY])
        watches.set_states(states)
        known = known and PresenceState.UNKNOWN not in states.values()
    return known


async def _answer(hub: Hub) -> None:
    """Those who have sent a `watch`, once it was tried to look up whom they see."""
    watches = hub.watches
    for watch in watches.take_reply_due():
        watch.connection.send(watches.answer(watch))


async def _tell(hub: Hub) -> None:
    """What has changed. Who is behind with reading is told later, of what is true then."""
    watches = hub.watches
    for n, watch in enumerate(list(watches.update_due)):
        if watch in watches.update_due:
            changes = text_frame(encode(watches.changes(watch)))
            if watch.connection.whisper(changes):
                watches.mark_sent(watch)
        if n % SUBSCRIPTIONS_PER_SLICE == SUBSCRIPTIONS_PER_SLICE - 1:
            await asyncio.sleep(0)
