"""What connected users have chosen others to see: away, invisible, not to be disturbed.

The settings are read when a user connects, and when the log of the user names one of them, so that
every process that has connections of the user follows. Hours without disturbance begin and end by
the clock.
"""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import structlog

from app.core.clock import now
from app.notifications.settings import is_quiet
from app.persistence.database import Database
from app.persistence.repositories.notifications import UserSettings
from app.persistence.uow import ReadSession
from app.realtime.hub.connection import Connection
from app.realtime.hub.hub import Hub
from app.realtime.hub.listener import HubListener
from app.wire.domain import PresenceChoice, PresenceState
from app.wire.errors import ChatError
from app.wire.items import ItemKey, ItemKind

CLOCK_CHECK_S = 5.0  # how late hours without disturbance may begin or end
RETRY_S = 1.0
USERS_PER_QUERY = 500
USERS_PER_SLICE = 1000  # that are checked before the event loop does something else
_KINDS = (ItemKind.PRESENCE, ItemKind.NOTIFICATIONS)

log = structlog.get_logger(__name__)


class Chosen(NamedTuple):
    choice: PresenceChoice = PresenceChoice.AUTOMATIC
    quiet: UserSettings | None = None

    def state(self, at: datetime) -> PresenceState:
        """While the user is connected."""
        if self.choice is PresenceChoice.INVISIBLE:
            return PresenceState.OFFLINE
        if self.quiet and is_quiet(self.quiet, at):
            return PresenceState.DO_NOT_DISTURB
        is_away = self.choice is PresenceChoice.AWAY
        return PresenceState.AWAY if is_away else PresenceState.ONLINE


_DEFAULT = Chosen()


class PresenceChoices(HubListener):
    def __init__(self, hub: Hub, database: Database, note_change: Callable[[UUID], None]) -> None:
        """`note_change` is called when the state of a connected user may have changed."""
        self._hub, self._database, self._note_change = hub, database, note_change
        self._chosen: dict[UUID, Chosen] = {}  # of connected users, if read
        self._timed: dict[UUID, PresenceState] = {}  # those with hours, and their last states
        self._due: set[UUID] = set()
        self._work_available = asyncio.Event()

    def on_connected(self, connection: Connection) -> None:
        if connection.user not in self._chosen:
            self._read_again(connection.user)

    def on_disconnected(self, connection: Connection) -> None:
        if connection.user not in self._hub.by_user:
            self._chosen.pop(connection.user, None)
            self._timed.pop(connection.user, None)
            self._due.discard(connection.user)

    def on_item_changed(self, user: UUID, item: ItemKey) -> None:
        if item.kind in _KINDS and user in self._hub.by_user:
            self._read_again(user)

    def _read_again(self, user: UUID) -> None:
        self._due.add(user)
        self._work_available.set()

    def state(self, user: UUID) -> PresenceState | None:
        """What others see of a connected user; None: it was not read yet."""
        chosen = self._chosen.get(user)
        return chosen.state(now()) if chosen else None

    async def is_invisible(self, user: UUID) -> bool:
        chosen = self._chosen.get(user)
        if chosen is None:  # the user has just connected
            chosen = (await self._database.read(read_chosen, [user])).get(user, _DEFAULT)
        return chosen.choice is PresenceChoice.INVISIBLE

    async def run(self) -> None:
        """Runs forever."""
        clock = asyncio.get_running_loop().time
        checked_at = clock()
        self._due.update(self._hub.by_user)  # all, if a run before this one has failed
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, checked_at + CLOCK_CHECK_S - clock())):
                    await self._work_available.wait()
            self._work_available.clear()
            while self._due and await self._read():
                pass
            if self._due:
                await asyncio.sleep(RETRY_S)
                self._work_available.set()
            if clock() - checked_at >= CLOCK_CHECK_S:
                checked_at = clock()
                await self._check_clock()

    async def _read(self) -> bool:
        """False: it has failed, and is due again."""
        users = [self._due.pop() for _ in range(min(len(self._due), USERS_PER_QUERY))]
        try:
            chosen = await self._database.read(read_chosen, users)
        except ChatError as error:
            self._due.update(user for user in users if user in self._hub.by_user)
            log.warning("presence.choices_failed", error=error.detail)
            return False
        at = now()
        for user in users:
            if user in self._hub.by_user:
                self._set(user, chosen.get(user, _DEFAULT), at)
        return True

    def _set(self, user: UUID, chosen: Chosen, at: datetime) -> None:
        self._chosen[user] = chosen
        self._timed.pop(user, None)
        if chosen.quiet:
            self._timed[user] = chosen.state(at)
        self._note_change(user)

    async def _check_clock(self) -> None:
        at = now()
        for n, user in enumerate(list(self._timed), 1):
            if user in self._timed:
                state = self._chosen[user].state(at)
                if state is not self._timed[user]:
                    self._timed[user] = state
                    self._note_change(user)
            if n % USERS_PER_SLICE == 0:
                await asyncio.sleep(0)


async def read_chosen(reads: ReadSession, users: Collection[UUID]) -> dict[UUID, Chosen]:
    """Of those users who have chosen something."""
    settings = await reads.presence_settings.list_chosen(users)
    quiet = await reads.notifications.list_quiet(users)
    return {
        user: Chosen(
            settings[user].choice if user in settings else PresenceChoice.AUTOMATIC,
            quiet.get(user),
        )
        for user in settings.keys() | quiet.keys()
    }
