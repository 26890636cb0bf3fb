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
from app.presence.base import SYNC_INTERVAL_S, PresenceStore
from app.realtime.hub.connection import Socket
from app.realtime.hub.hub import Hub
from app.realtime.presence.subscriptions import Watch
from app.realtime.transport.ws_protocol import text_frame
from app.settings import Realtime
from app.wire.domain import PresenceState
from app.wire.errors import ChatError, Invalid
from app.wire.events import PublicationKind
from app.wire.frames import SubscribePresence, encode

log = structlog.get_logger(__name__)

TICK_S = 1.0  # a socket is told of changes at most so often
PAUSE_S = 0.05  # what comes together is done together
READ_AGAIN_S = 10.0  # for processes that died, and whispers that were lost
LOOK_AGAIN_S = 300.0  # at who sees whom; changes of membership make it at once
MAX_VERIFY_ATTEMPTS = 50  # of these in one tick
READERS = 4
IDS = 500  # in one whisper
SLICE = 100  # watches, before others have their turn
USERS = 1000  # the same, of states that are read


async def keep(hub: Hub, bus: Bus, store: PresenceStore, settings: Realtime) -> None:
    """Runs for ever: holds those who are connected here, and lets go of those whose last socket
    went longer ago than the grace."""
    loop = asyncio.get_running_loop()
    leaving: dict[UUID, float] = {}  # until when, by the loop's clock, the soonest first
    channel = uuid4()
    hub.moved.update(hub.by_user)  # those of a run before this one that failed
    while True:
        moved, hub.moved = hub.moved, set()
        hub.movement.clear()
        for user in moved:
            leaving.pop(user, None)
            if user not in hub.by_user:
                leaving[user] = loop.time() + settings.presence_grace_s
        store.add([user for user in moved if user in hub.by_user])
        store.remove(_take_due(leaving, loop.time()))
        _announce(bus, channel, await store.sync())
        await asyncio.sleep(PAUSE_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(SYNC_INTERVAL_S):
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


def _announce(bus: Bus, channel: UUID, users: Iterable[UUID]) -> None:
    ids = [user.bytes for user in users]
    bus.publish_volatile(
        [
            Publication(
                PublicationKind.PRESENCE, channel, 0, channel, b"".join(ids[start : start + IDS])
            )
            for start in range(0, len(ids), IDS)
        ]
    )


def watch(hub: Hub, socket: Socket, frame: SubscribePresence) -> None:
    """Answered by `tell`, so that no frame waits for the database or the store."""
    most = hub.limits.presence_subscriptions
    if len(frame.users) > most:
        raise Invalid(
            f"A socket watches at most {most} users.",
            [{"path": "users", "message": f"List should have at most {most} items"}],
        )
    hub.watches.replace(Watch(socket, frame.users, frame.id))


async def tell(hub: Hub, store: PresenceStore) -> None:
    """Runs for ever: answers those who watch, and tells them what has changed."""
    clock, watches = asyncio.get_running_loop().time, hub.watches
    told_at, read_at, available = -TICK_S, clock(), True
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(PAUSE_S, told_at + TICK_S - clock())):
                await watches.news.wait()
        watches.news.clear()
        if clock() - read_at >= READ_AGAIN_S or available != store.available:
            read_at, available = clock(), store.available
            watches.unread.update(watches.by_user)
        await _look(hub)
        if not await _read(hub, store):
            read_at = -READ_AGAIN_S  # what is unknown is asked for in every tick
        await _answer(hub)
        if clock() - told_at >= TICK_S:
            told_at = clock()
            watches.look_again(told_at - LOOK_AGAIN_S, MAX_VERIFY_ATTEMPTS)
            await _tell(hub)
        await asyncio.sleep(PAUSE_S)


async def _look(hub: Hub) -> None:
    """Who sees whom: some of those for whom it is to be looked up. Whoever cannot be looked up now
    goes on seeing whom they saw, and has another turn."""
    watches = hub.watches
    due = watches.take_unseen(SLICE)
    for start in range(0, len(due), READERS):
        await asyncio.gather(*(_look_for(hub, watch) for watch in due[start : start + READERS]))


async def _look_for(hub: Hub, watch: Watch) -> None:
    at, watch.tried = asyncio.get_running_loop().time(), True
    try:
        visible = await hub.database.read(_seen_by, watch.socket.user, watch.users)
    except Exception as error:
        hub.watches.unseen.add(watch)
        if not isinstance(error, ChatError):
            log.exception("watch.not_looked_up")
            return
        log.warning("watch.not_looked_up", error=error.detail)
    else:
        hub.watches.see(watch, frozenset(visible), at)


async def _seen_by(reads: ReadSession, user: UUID, others: Sequence[UUID]) -> set[UUID]:
    return await reads.members.users_sharing_a_room(user, others) | ({user} & set(others))


async def _read(hub: Hub, store: PresenceStore) -> bool:
    """Whether everything is known that was asked for."""
    watches = hub.watches
    unread, watches.unread = list(watches.unread), set()
    known = True
    for start in range(0, len(unread), USERS):
        states = await store.read_states(unread[start : start + USERS])
        watches.know(states)
        known = known and PresenceState.UNKNOWN not in states.values()
    return known


async def _answer(hub: Hub) -> None:
    """Those who have sent a `presence.subscribe`, once it was tried to look up whom they see."""
    watches = hub.watches
    for watch in watches.take_unanswered():
        watch.socket.send(watches.answer(watch))


async def _tell(hub: Hub) -> None:
    """What has changed. Who is behind with reading is told later, of what is true then."""
    watches = hub.watches
    for n, watch in enumerate(list(watches.untold)):
        if watch in watches.untold:
            changes = text_frame(encode(watches.changes(watch)))
            if watch.socket.whisper(changes):
                watches.told(watch)
        if n % SLICE == SLICE - 1:
            await asyncio.sleep(0)
