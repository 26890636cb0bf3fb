"""The contract of a lease: one process at a time runs a consumer."""

from uuid import uuid4

import pytest

from app.persistence.database import Database
from app.persistence.repositories.consumers import Lease
from testkit.waiting import eventually
from tests.consumers.samples import acquire, release, renew


@pytest.fixture
def lease() -> Lease:
    return Lease("consumer", uuid4(), 3600)


@pytest.fixture
def rival() -> Lease:
    return Lease("consumer", uuid4(), 3600)


async def test_a_lease_has_one_holder(database: Database, lease: Lease, rival: Lease) -> None:
    assert await database.transact(acquire, lease)
    assert not await database.transact(acquire, rival)
    assert not await database.transact(renew, rival)
    assert await database.transact(renew, lease)
    assert await database.transact(acquire, lease)  # again
    assert await database.transact(acquire, rival._replace(consumer="other"))


async def test_a_released_lease_is_free_at_once(
    database: Database, lease: Lease, rival: Lease
) -> None:
    await database.transact(acquire, lease)
    await database.transact(release, rival)  # it has none
    assert await database.transact(renew, lease)
    await database.transact(release, lease)
    assert not await database.transact(renew, lease)
    assert await database.transact(acquire, rival)


async def test_an_expired_lease_is_not_renewed_and_another_holder_acquires_it(
    database: Database, lease: Lease, rival: Lease
) -> None:
    short = lease._replace(ttl_s=1)
    assert await database.transact(acquire, short)

    async def taken() -> bool:
        return await database.transact(acquire, rival)

    await eventually(taken)
    assert not await database.transact(renew, lease)
    assert not await database.transact(acquire, lease)
