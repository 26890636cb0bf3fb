"""The counts of room lists, over several statements and over both kinds of readers."""

from uuid import UUID

import pytest

from app.core.clock import now
from app.persistence.database import Database
from app.persistence.sql import unions
from app.persistence.uow import UnitOfWork
from app.wire.domain import Role
from tests.persistence.factories import add_user, open_room, send

ROOMS = 5


async def test_counts_of_more_rooms_than_one_statement_takes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room n has n messages of somebody else, the last of which mentions the user."""
    monkeypatch.setattr(unions, "BRANCHES_PER_STATEMENT", 2)

    async def fill(uow: UnitOfWork) -> dict[tuple[UUID, UUID], tuple[int, int]]:
        ann, ben = await add_user(uow, "ann"), await add_user(uow, "ben")
        expected: dict[tuple[UUID, UUID], tuple[int, int]] = {}
        for count in range(ROOMS):
            room = await open_room(uow, ben)
            uow.members.add(room, ann, Role.MEMBER, now(), 1)
            await uow.flush()
            for n in range(1, count + 1):
                await send(uow, room, ben, "text", f"n{n}", *([ann] if n == count else []))
            expected[room, ann] = count, min(count, 1)
        return expected

    expected = await database.transact(fill)
    for read in (database.read, database.read_directly):
        rows = await read(lambda reads: reads.room_lists.entries(list(expected)))
        assert {(row.id, row.user): (row.unread, row.mentions) for row in rows} == expected
