"""Changed profiles: sent to those who share a room with the user, on every process.

A publication only says whose profile to read, so that the newest is sent last. It may be lost: a
client that comes back reads the profiles that it shows.
"""

import asyncio
from collections.abc import Collection, Sequence
from uuid import UUID

import structlog

from app.core.publications import Publication
from app.persistence.database import Database
from app.persistence.tables import User
from app.persistence.uow import ReadSession
from app.realtime.hub.connection import Connection
from app.realtime.hub.hub import Hub
from app.realtime.hub.listener import HubListener
from app.realtime.transport.ws_protocol import text_frame
from app.users.accounts import get_user
from app.users.views import user_out
from app.wire.errors import ChatError
from app.wire.events import PublicationKind
from app.wire.frames import UserChanged, encode

COALESCE_S = 0.2  # several changes of one user within this time are sent as one
MAX_CHANGED = 1000  # users that wait; the changes of others are not sent
SLICE_SIZE = 100  # connections that are sent to before the event loop does something else

log = structlog.get_logger(__name__)


class ProfileUpdates(HubListener):
    def __init__(self, hub: Hub, database: Database) -> None:
        self._hub, self._database = hub, database
        self._changed: set[UUID] = set()
        self._work_available = asyncio.Event()

    def on_volatile(self, publication: Publication) -> None:
        if publication.kind is PublicationKind.PROFILE and len(self._changed) < MAX_CHANGED:
            self._changed.add(publication.user)
            self._work_available.set()

    async def run_updates(self) -> None:
        """Runs forever."""
        while True:
            await self._work_available.wait()
            await asyncio.sleep(COALESCE_S)
            self._work_available.clear()
            changed, self._changed = self._changed, set()
            for user_id in changed:
                try:
                    user, rooms = await self._database.read(_load, user_id)
                except ChatError as error:
                    log.warning("profiles.update_failed", error=error.detail)
                else:
                    await self._send(user, rooms)

    async def _send(self, user: User, rooms: Collection[UUID]) -> None:
        """A connection that is behind with reading is sent nothing."""
        profile = user_out(user)
        frame = text_frame(encode(UserChanged(user=profile)))
        for n, connection in enumerate(self._connections(user.id, rooms)):
            connection.send_volatile(frame)
            if n % SLICE_SIZE == SLICE_SIZE - 1:
                await asyncio.sleep(0)

    def _connections(self, user: UUID, rooms: Collection[UUID]) -> Collection[Connection]:
        connections = dict.fromkeys(self._hub.by_user.get(user, ()))
        for room in rooms:
            connections |= dict.fromkeys(self._hub.member_connections(room))
        return connections


async def _load(reads: ReadSession, user_id: UUID) -> tuple[User, Sequence[UUID]]:
    return await get_user(reads, user_id), await reads.members.list_rooms(user_id)
