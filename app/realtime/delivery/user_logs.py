"""How far this process has received the logs of the users that are connected to it.

An event of a user's log names a room or an item, which is then sent to the user's connections as it
is. So the order of events does not matter, and one that was lost is found by comparing with the
counter, in the log, like one of a room's log.
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from app.core.publications import Publication, decode_subject
from app.persistence.database import Database
from app.persistence.repositories.user_logs import Subject, UserLogRange
from app.persistence.uow import ReadSession
from app.realtime.hub.connection import Connection
from app.realtime.hub.hub import Hub
from app.realtime.hub.listener import HubListener
from app.wire.items import ItemKey

USERS_PER_QUERY = 500
LOGS_PER_QUERY = 50
# Of a log that goes on further, all rooms of the user are sent, and the items that it names.
MAX_MISSED = 1000


class UserLogs(HubListener):
    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._seqs: dict[UUID, int] = {}  # every event up to it was received

    def start(self, user: UUID, seq: int) -> None:
        """A `hello` of the user is answered with the log up to `seq`."""
        if user in self._hub.by_user:
            self._seqs.setdefault(user, seq)

    def position(self, user: UUID) -> int | None:
        return self._seqs.get(user)

    def on_disconnected(self, connection: Connection) -> None:
        if connection.user not in self._hub.by_user:
            self._seqs.pop(connection.user, None)

    def on_publication(self, publication: Publication) -> None:
        """From the bus: in any order, any number of times."""
        user = publication.user
        if user not in self._hub.by_user:
            return
        if self._seqs.get(user) == publication.seq - 1:
            self._seqs[user] = publication.seq
        if subject := decode_subject(publication.payload):
            self._notify(user, subject)

    async def compare(self, database: Database, heads: Mapping[UUID, int]) -> None:
        """Read what was missed of logs that reach as far as `heads`."""
        missed = [
            UserLogRange(user, self._seqs[user], head)
            for user, head in heads.items()
            if self._seqs.get(user, head) < head
        ]
        for span in missed:
            if span.until - span.after > MAX_MISSED:
                self._invalidate_all(span.user, await database.read(_list_rooms, span.user))
                for item in await database.read(_items_in, span):
                    self._notify(span.user, item)
        short = [span for span in missed if span.until - span.after <= MAX_MISSED]
        for start in range(0, len(short), LOGS_PER_QUERY):
            chunk = short[start : start + LOGS_PER_QUERY]
            for user, subject in await database.read(_subjects_in, chunk):
                self._notify(user, subject)
        self._seqs |= {
            user: max(self._seqs[user], until) for user, _, until in missed if user in self._seqs
        }

    async def compare_all(self, database: Database) -> None:
        """`compare` with the heads of all connected users."""
        users = list(self._seqs)
        for start in range(0, len(users), USERS_PER_QUERY):
            heads = await database.read(_heads, users[start : start + USERS_PER_QUERY])
            await self.compare(database, heads)

    def _notify(self, user: UUID, subject: Subject) -> None:
        if isinstance(subject, UUID):
            if subject != user:  # what concerned all rooms in the release before
                self._hub.notify_list_changed(subject, user)
        else:
            self._hub.notify_item_changed(user, subject)

    def _invalidate_all(self, user: UUID, rooms: Collection[UUID]) -> None:
        """The rooms that the user is in, and those of which the connections know."""
        connections = self._hub.by_user.get(user, ())
        known = {members.room_id for c in connections for members in c.member_rooms}
        for room in known.union(rooms):
            self._hub.notify_list_changed(room, user)


async def _list_rooms(reads: ReadSession, user: UUID) -> Collection[UUID]:
    return await reads.members.list_rooms(user)


async def _heads(reads: ReadSession, users: Collection[UUID]) -> dict[UUID, int]:
    return await reads.user_logs.heads(users)


async def _subjects_in(
    reads: ReadSession, ranges: list[UserLogRange]
) -> list[tuple[UUID, Subject]]:
    return await reads.user_logs.subjects_in(ranges)


async def _items_in(reads: ReadSession, span: UserLogRange) -> list[ItemKey]:
    return await reads.user_logs.items_in(span)
