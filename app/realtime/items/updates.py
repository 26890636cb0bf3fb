"""Sends changed items to the sockets of their user, as they are now.

Only that an item may have changed is noted, so that neither order nor repetition matters.
"""

from collections import Counter
from collections.abc import Collection
from uuid import UUID

from app.persistence.database import Database
from app.persistence.direct_reads import DirectReads
from app.persistence.repositories.item_query import UserItem
from app.realtime.hub.connection import Connection
from app.realtime.hub.hub import Hub
from app.realtime.hub.listener import HubListener
from app.realtime.transport.ws_protocol import text_frame
from app.wire.frames import encode_item
from app.wire.items import ItemKey

ITEMS_PER_QUERY = 500
# Of one connection in one update: with the longest texts, less than it may leave unread.
MAX_ITEMS = 20

StaleItem = tuple[Connection, ItemKey]


class ItemUpdates(HubListener):
    def __init__(self, hub: Hub, database: Database) -> None:
        self._hub, self._database = hub, database
        self._stale: dict[StaleItem, None] = {}  # in the order in which they became stale

    def on_item_changed(self, user: UUID, item: ItemKey) -> None:
        for connection in self._hub.by_user.get(user, ()):
            self._stale[connection, item] = None

    async def send(self) -> Collection[Connection]:
        """Send what is stale. Returns the connections that some of it has to wait for."""
        due, deferred = self._split()
        self._stale = dict.fromkeys(deferred)
        try:
            values = await self._read({(connection.user, item) for connection, item in due})
        except Exception:
            self._stale = dict.fromkeys(due) | self._stale
            raise
        frames = {
            (user, item): text_frame(encode_item(item, value))
            for (user, item), value in values.items()
        }
        for connection, item in due:
            frame = frames.get((connection.user, item))
            if frame and connection in self._hub.connections:
                connection.send_raw(frame)
        return {connection for connection, _ in deferred}

    def _split(self) -> tuple[list[StaleItem], list[StaleItem]]:
        """Those that can be sent now, and those that wait until their connection reads."""
        due: list[StaleItem] = []
        deferred: list[StaleItem] = []
        counts: Counter[Connection] = Counter()
        for entry in self._stale:
            connection = entry[0]
            if connection not in self._hub.connections:
                continue
            counts[connection] += 1
            waits = not connection.room_list_sent or connection.write_paused
            (deferred if waits or counts[connection] > MAX_ITEMS else due).append(entry)
        return due, deferred

    async def _read(self, items: Collection[UserItem]) -> dict[UserItem, bytes | None]:
        values: dict[UserItem, bytes | None] = {}
        ordered = list(items)
        for start in range(0, len(ordered), ITEMS_PER_QUERY):
            chunk = ordered[start : start + ITEMS_PER_QUERY]
            values |= await self._database.read_directly(_values, chunk)
        return values


async def _values(reads: DirectReads, items: list[UserItem]) -> dict[UserItem, bytes | None]:
    return await reads.items.read(items)
