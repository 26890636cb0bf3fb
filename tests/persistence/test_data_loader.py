"""Concurrent reads that share queries."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest

from app.core.ids import new_id
from app.persistence.data_loader import MAX_CONCURRENT, SECOND_QUERY_AFTER_S, DataLoader
from app.persistence.database import Database
from app.persistence.uow import ReadSession
from app.wire.errors import ChatError, NotFound
from testkit.waiting import limit, pause
from tests.persistence.factories import add_user

MOST = 10


class Names:
    """Loads usernames and records the sizes of the queries. Waits until `go` is set."""

    def __init__(self, database: Database) -> None:
        self.batches: list[int] = []
        self.go = asyncio.Event()
        self.go.set()
        self.asked = asyncio.Event()
        self.loader: DataLoader[UUID, str] = DataLoader(
            lambda users: database.read(self._query, users), MOST
        )

    async def _query(self, reads: ReadSession, users: Sequence[UUID]) -> list[str | ChatError]:
        self.batches.append(len(users))
        self.asked.set()
        await self.go.wait()
        found = [await reads.users.get(user) for user in users]
        return [user.username if user else NotFound("nobody") for user in found]


@pytest.fixture
def names(database: Database) -> Names:
    return Names(database)


@pytest.fixture
async def people(database: Database) -> list[UUID]:
    return [await database.transact(add_user, f"user{n}") for n in range(25)]


async def test_a_single_request_is_loaded_at_once(names: Names, people: list[UUID]) -> None:
    assert [await names.loader.load(user) for user in people[:3]] == ["user0", "user1", "user2"]
    assert names.batches == [1, 1, 1]


async def test_requests_during_a_query_share_the_next_query(
    names: Names, people: list[UUID]
) -> None:
    answers = await asyncio.gather(*map(names.loader.load, people))
    assert answers == [f"user{n}" for n in range(25)]
    assert sorted(names.batches) == [5, MOST, MOST]


async def test_a_slow_query_does_not_block_other_requests(names: Names, people: list[UUID]) -> None:
    names.go.clear()
    asked = [asyncio.ensure_future(names.loader.load(people[0]))]
    await names.asked.wait()
    names.asked.clear()
    asked.append(asyncio.ensure_future(names.loader.load(people[1])))
    async with limit():
        await names.asked.wait()  # though the first is not answered
    asked.append(asyncio.ensure_future(names.loader.load(people[2])))
    await pause(3 * SECOND_QUERY_AFTER_S)
    assert names.batches == [1, 1]
    names.go.set()
    assert await asyncio.gather(*asked) == ["user0", "user1", "user2"]
    assert names.batches == [1, 1, 1]


async def test_an_error_of_a_key_is_raised_for_its_requests_only(
    names: Names, people: list[UUID]
) -> None:
    one, other, nobody = await asyncio.gather(
        names.loader.load(people[0]),
        names.loader.load(people[1]),
        names.loader.load(new_id()),
        return_exceptions=True,
    )
    assert (one, other) == ("user0", "user1")
    assert isinstance(nobody, NotFound)


async def test_a_failed_query_is_raised_for_all_its_requests(
    names: Names, people: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: ReadSession, user: UUID) -> None:
        raise RuntimeError("not now")

    with monkeypatch.context() as broken:
        broken.setattr("app.persistence.repositories.users.UserReads.get", fail)
        found = await asyncio.gather(*map(names.loader.load, people[:3]), return_exceptions=True)
    assert [str(error) for error in found] == ["not now"] * 3
    assert await names.loader.load(people[0]) == "user0"


async def test_a_cancelled_request_does_not_affect_others(names: Names, people: list[UUID]) -> None:
    names.go.clear()
    asked = [
        asyncio.ensure_future(names.loader.load(user)) for user in people[: MAX_CONCURRENT + 2]
    ]
    await names.asked.wait()
    asked[0].cancel()  # while it is being answered
    asked[MAX_CONCURRENT].cancel()  # while it waits
    names.go.set()
    assert await asked[-1] == f"user{MAX_CONCURRENT + 1}"
    assert [one.cancelled() for one in asked] == [True, False, True, False]
