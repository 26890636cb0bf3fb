"""Votes in polls. Their results are in the message."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import and_, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.message_tables import PollVote
from app.persistence.repositories.member_filter import ROOM, is_visible
from app.persistence.tables import columns

_vote = columns(PollVote)
Vote = tuple[int, UUID]  # option and user


class PollReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_options(self, room_id: UUID, seq: int, user: UUID) -> set[int]:
        """Those that a user has voted for."""
        query = select(_vote.option).where(
            _vote.user_id == user, _vote.room_id == room_id, _vote.seq == seq
        )
        return set(await self._session.scalars(query))

    async def list_votes(
        self,
        room_id: UUID,
        seq: int,
        viewer: UUID,
        option: int | None,
        after: Vote | None,
        limit: int,
    ) -> list[Vote]:
        """In this order, of one option or of all; for a member."""
        query = (
            select(_vote.option, _vote.user_id)
            .where(_vote.room_id == ROOM, _vote.seq == seq, is_visible(_vote.seq))
            .order_by(_vote.option, _vote.user_id)
            .limit(limit)
        )
        if option is not None:
            query = query.where(_vote.option == option)
        if after is not None:
            later_user = and_(_vote.option == after[0], _vote.user_id > after[1])
            query = query.where(_vote.option >= after[0], (_vote.option > after[0]) | later_user)
        rows = await self._session.execute(query, {"room": room_id, "user": viewer})
        return [(number, user) for number, user in rows]


class Polls(PollReads):
    """The room is locked."""

    async def replace_votes(
        self, room_id: UUID, seq: int, user: UUID, before: set[int], after: Iterable[int]
    ) -> None:
        """A user votes for options instead of those before."""
        if before:
            await self._session.execute(
                delete(_vote.seq.table).where(
                    _vote.room_id == room_id,
                    _vote.seq == seq,
                    _vote.option.in_(before),
                    _vote.user_id == user,
                )
            )
        rows = [
            {"room_id": room_id, "seq": seq, "option": option, "user_id": user} for option in after
        ]
        if rows:
            await self._session.execute(insert(_vote.seq.table), rows)
