"""Presence updates: replies to `presence.subscribe` frames, and what has changed since.

The store holds the truth. A volatile publication only says which users to read again, and all that
are watched are read every few seconds anyway.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

import structlog

from app.persistence.database import Database
from app.persistence.uow import ReadSession
from app.presence.base import PresenceStore
from app.realtime.presence.subscriptions import PresenceSubscription, PresenceSubscriptions
from app.realtime.transport.ws_protocol import text_frame
from app.wire.domain import PresenceState
from app.wire.errors import ChatError
from app.wire.frames import encode

log = structlog.get_logger(__name__)

TICK_S = 1.0  # between two updates of one connection
COALESCE_S = 0.05  # changes within this time are handled together
STATE_REFRESH_S = 10.0  # for processes that died, and publications that were lost
VISIBILITY_REFRESH_S = 300.0  # changes of membership refresh it at once
VISIBILITY_REFRESHES_PER_TICK = 50
MAX_READERS = 4
SLICE_SIZE = 100  # subscriptions that are handled before the event loop does something else
USERS_PER_QUERY = 1000


async def run_presence_updates(
    subscriptions: PresenceSubscriptions, database: Database, store: PresenceStore
) -> None:
    """Runs forever."""
    clock = asyncio.get_running_loop().time
    updated_at, refreshed_at, was_available = -TICK_S, clock(), True
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(COALESCE_S, updated_at + TICK_S - clock())):
                await subscriptions.work_available.wait()
        subscriptions.work_available.clear()
        if clock() - refreshed_at >= STATE_REFRESH_S or was_available != store.available:
            refreshed_at, was_available = clock(), store.available
            subscriptions.state_due.update(subscriptions.by_user)
        await _refresh_visibility(subscriptions, database)
        if not await _read_states(subscriptions, store):
            refreshed_at = -STATE_REFRESH_S  # states that are unknown are read in every tick
        for subscription in subscriptions.take_reply_due():
            subscription.connection.send(subscriptions.reply(subscription))
        if clock() - updated_at >= TICK_S:
            updated_at = clock()
            refresh_before = updated_at - VISIBILITY_REFRESH_S
            subscriptions.expire_visibility(refresh_before, VISIBILITY_REFRESHES_PER_TICK)
            await _send_updates(subscriptions)
        await asyncio.sleep(COALESCE_S)


async def _refresh_visibility(subscriptions: PresenceSubscriptions, database: Database) -> None:
    """Reads which users some of the subscriptions may see."""
    due = subscriptions.take_visibility_due(SLICE_SIZE)
    for start in range(0, len(due), MAX_READERS):
        chunk = due[start : start + MAX_READERS]
        await asyncio.gather(*(_load_visibility(subscriptions, database, s) for s in chunk))


async def _load_visibility(
    subscriptions: PresenceSubscriptions, database: Database, subscription: PresenceSubscription
) -> None:
    """If this fails the users who were visible remain so, and it is tried again."""
    at, subscription.visibility_tried = asyncio.get_running_loop().time(), True
    user = subscription.connection.user
    try:
        visible = await database.read(_visible_users, user, subscription.users)
    except Exception as error:
        subscriptions.visibility_due.add(subscription)
        if not isinstance(error, ChatError):
            log.exception("presence.visibility_failed")
            return
        log.warning("presence.visibility_failed", error=error.detail)
    else:
        subscriptions.set_visibility(subscription, frozenset(visible), at)


async def _visible_users(reads: ReadSession, user: UUID, users: Sequence[UUID]) -> set[UUID]:
    sharing = await reads.members.users_sharing_a_room(user, users)
    if seen := sharing - {user}:
        sharing -= await reads.blocks.filter_blockers(user, seen)
        sharing -= await reads.presence_settings.filter_hidden(seen)
    return sharing | ({user} & set(users))


async def _read_states(subscriptions: PresenceSubscriptions, store: PresenceStore) -> bool:
    """Whether the store knows all states that were due."""
    due, subscriptions.state_due = list(subscriptions.state_due), set()
    all_known = True
    for start in range(0, len(due), USERS_PER_QUERY):
        states = await store.read_states(due[start : start + USERS_PER_QUERY])
        subscriptions.set_states(states)
        all_known = all_known and PresenceState.UNKNOWN not in states.values()
    return all_known


async def _send_updates(subscriptions: PresenceSubscriptions) -> None:
    """A connection that is behind with reading is sent a later update, with the states of then."""
    for n, subscription in enumerate(list(subscriptions.update_due)):
        if subscription in subscriptions.update_due:
            update = text_frame(encode(subscriptions.update(subscription)))
            if subscription.connection.send_volatile(update):
                subscriptions.mark_sent(subscription)
        if n % SLICE_SIZE == SLICE_SIZE - 1:
            await asyncio.sleep(0)
