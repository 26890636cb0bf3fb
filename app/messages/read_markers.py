"""Paces the read markers that clients move: a client that scrolls moves its marker ten times a
second."""

from uuid import UUID

from app.application.paced_commits import PacedCommits
from app.core.actor import Actor
from app.messages.service import mark_read, mark_unread
from app.persistence.database import Database
from app.persistence.repositories.room_lists import RoomListRow


class ReadMarkerQueue:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._moves: PacedCommits[int, RoomListRow] = PacedCommits(max)

    async def mark_read(self, actor: Actor, room: UUID, seq: int) -> RoomListRow:
        """Returns the room after COMMIT, with the marker at `seq` or beyond. Raises what
        `service.mark_read` does."""
        return await self._moves.submit(
            (actor.user, room),
            seq,
            lambda highest: self._database.transact(mark_read, actor, room, highest),
        )

    async def mark_unread(self, actor: Actor, room: UUID, seq: int) -> RoomListRow:
        """At once, after the moves that came before it."""
        return await self._moves.run_next(
            (actor.user, room), lambda: self._database.transact(mark_unread, actor, room, seq)
        )

    async def close(self) -> None:
        """Commit what waits, within a bounded time."""
        await self._moves.close()
