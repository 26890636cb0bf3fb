"""The presence lease: keeps the users that are connected to this process online in the store."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from uuid import UUID, uuid4

from app.bus.base import Bus
from app.core.publications import Publication
from app.presence.base import SYNC_INTERVAL_S, PresenceStore
from app.realtime.hub.connection import Connection
from app.realtime.hub.hub import Hub
from app.realtime.hub.listener import HubListener
from app.settings import Realtime
from app.wire.domain import PresenceState
from app.wire.events import PublicationKind

COALESCE_S = 0.05  # changes within this time are stored together
IDS_PER_PUBLICATION = 500
# What others see of a connected user; None: it is not known yet, and the user is noted again later.
FindState = Callable[[UUID], PresenceState | None]


class PresenceChanges(HubListener):
    """Users whose first connection was opened or whose last one was closed, or who have chosen
    something else."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._users: set[UUID] = set()
        self.available = asyncio.Event()

    def on_connected(self, connection: Connection) -> None:
        if len(self._hub.by_user[connection.user]) == 1:
            self.note(connection.user)

    def on_disconnected(self, connection: Connection) -> None:
        if connection.user not in self._hub.by_user:
            self.note(connection.user)

    def note(self, user: UUID) -> None:
        self._users.add(user)
        self.available.set()

    def take(self) -> set[UUID]:
        users, self._users = self._users, set()
        self.available.clear()
        return users


async def run_presence_lease(
    hub: Hub,
    changes: PresenceChanges,
    find_state: FindState,
    bus: Bus,
    store: PresenceStore,
    settings: Realtime,
) -> None:
    """Runs forever: holds the users that are connected here in the states that they have chosen,
    and releases those whose last connection was closed longer ago than the grace period, and those
    who are invisible."""
    loop = asyncio.get_running_loop()
    deadlines: dict[
        UUID, float
    ] = {}  # of users who are gone, by the loop's clock; the soonest first
    channel = uuid4()
    changed = changes.take() | set(hub.by_user)  # all, if a run before this one has failed
    while True:
        for user in changed:
            deadlines.pop(user, None)
            if user not in hub.by_user:
                deadlines[user] = loop.time() + settings.presence_grace_s
        _store_states(store, {u: find_state(u) for u in changed if u in hub.by_user})
        store.remove(_take_due(deadlines, loop.time()))
        _publish(bus, channel, await store.sync())
        await asyncio.sleep(COALESCE_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(SYNC_INTERVAL_S):
                await changes.available.wait()
        changed = changes.take()


def _store_states(store: PresenceStore, states: dict[UUID, PresenceState | None]) -> None:
    """Of users whose choice is not known yet nothing is stored."""
    users_by_state: dict[PresenceState | None, list[UUID]] = defaultdict(list)
    for user, state in states.items():
        users_by_state[state].append(user)
    store.remove(users_by_state.pop(PresenceState.OFFLINE, []))
    for state, users in users_by_state.items():
        if state:
            store.add(users, state)


def _take_due(deadlines: dict[UUID, float], now: float) -> list[UUID]:
    due = []
    for user, deadline in deadlines.items():
        if deadline > now:
            break
        due.append(user)
    for user in due:
        del deadlines[user]
    return due


def _publish(bus: Bus, channel: UUID, users: Iterable[UUID]) -> None:
    ids = [user.bytes for user in users]
    bus.publish_volatile(
        [
            Publication(
                PublicationKind.PRESENCE,
                channel,
                0,
                channel,
                b"".join(ids[start : start + IDS_PER_PUBLICATION]),
            )
            for start in range(0, len(ids), IDS_PER_PUBLICATION)
        ]
    )
