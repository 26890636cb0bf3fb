"""The contract of `PresenceStore`: both implementations in one process, and Redis between
processes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis as Client

from app.presence import redis as module
from app.presence.base import PresenceStore
from app.presence.memory import MemoryPresence
from app.presence.redis import RedisPresence
from app.settings import Redis
from app.wire.domain import PresenceState
from testkit.servers.redis import RedisServer
from testkit.waiting import eventually, pause
from tests.contracts.buses import breaks_redis

ADA, BOB, EVE = uuid4(), uuid4(), uuid4()
ONLINE, OFFLINE, UNKNOWN = PresenceState.ONLINE, PresenceState.OFFLINE, PresenceState.UNKNOWN
AWAY, DO_NOT_DISTURB = PresenceState.AWAY, PresenceState.DO_NOT_DISTURB
Process = Callable[..., RedisPresence]


@pytest.fixture(
    params=[
        pytest.param("memory", marks=pytest.mark.embedded),
        pytest.param("redis", marks=pytest.mark.cluster),
    ]
)
async def store(request: pytest.FixtureRequest) -> AsyncIterator[PresenceStore]:
    made: PresenceStore
    if request.param == "memory":
        made = MemoryPresence()
    else:
        made = RedisPresence(request.getfixturevalue("settings"), ttl_s=30, grace_s=30)
    yield made
    await made.stop()


@pytest.fixture
async def process(settings: Redis) -> AsyncIterator[Process]:
    """The store of another process at each call."""
    made: list[RedisPresence] = []

    def make(ttl_s: float = 30, grace_s: float = 30) -> RedisPresence:
        made.append(RedisPresence(settings, ttl_s, grace_s))
        return made[-1]

    yield make
    for store in made:
        await store.stop()


async def holding(
    store: PresenceStore, *users: UUID, state: PresenceState = PresenceState.ONLINE
) -> None:
    store.add(users, state)
    assert set(await store.sync()) == set(users)


async def state(store: PresenceStore, user: UUID) -> PresenceState:
    return (await store.read_states([user]))[user]


async def becomes(store: PresenceStore, user: UUID, wanted: PresenceState) -> None:
    async def is_so() -> bool:
        return await state(store, user) == wanted

    await eventually(is_so)


@asynccontextmanager
async def alive(*stores: PresenceStore) -> AsyncIterator[None]:
    """The stores renew their leases, as processes do."""

    async def sync(store: PresenceStore) -> None:
        while True:
            await store.sync()
            await pause(0.1)

    tasks = [asyncio.create_task(sync(store)) for store in stores]
    try:
        yield
    finally:
        while any(not task.done() for task in tasks):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=0.1)


# Both kinds.


async def test_an_added_user_is_online(store: PresenceStore) -> None:
    assert await store.read_states([ADA]) == {ADA: OFFLINE}
    await holding(store, ADA, BOB)
    assert await store.read_states([ADA, BOB, EVE]) == {ADA: ONLINE, BOB: ONLINE, EVE: OFFLINE}
    store.remove([ADA])
    assert set(await store.sync()) == {ADA}
    assert await store.read_states([ADA, BOB]) == {ADA: OFFLINE, BOB: ONLINE}
    assert store.available


async def test_sync_returns_only_changed_users(store: PresenceStore) -> None:
    await holding(store, ADA)
    assert not await store.sync()
    assert await state(store, ADA) == ONLINE


async def test_adding_and_removing_are_idempotent(store: PresenceStore) -> None:
    for _ in range(2):
        await holding(store, ADA)
    for _ in range(2):
        store.remove([ADA, EVE])
        await store.sync()
        assert await store.read_states([ADA, EVE]) == {ADA: OFFLINE, EVE: OFFLINE}


async def test_a_user_has_the_state_in_which_they_were_added_last(store: PresenceStore) -> None:
    await holding(store, ADA, state=AWAY)
    await holding(store, BOB, state=DO_NOT_DISTURB)
    assert await store.read_states([ADA, BOB, EVE]) == {
        ADA: AWAY,
        BOB: DO_NOT_DISTURB,
        EVE: OFFLINE,
    }
    for changed in (DO_NOT_DISTURB, ONLINE, AWAY):
        await holding(store, ADA, state=changed)
        assert await store.read_states([ADA, BOB]) == {ADA: changed, BOB: DO_NOT_DISTURB}
    store.remove([ADA])
    assert set(await store.sync()) == {ADA}
    assert await store.read_states([ADA, BOB]) == {ADA: OFFLINE, BOB: DO_NOT_DISTURB}
    await holding(store, ADA)
    assert await state(store, ADA) == ONLINE


async def test_states_of_many_users_are_synced_and_read(store: PresenceStore) -> None:
    users = [uuid4() for _ in range(module.USERS_PER_COMMAND + 1)]
    await holding(store, *users, state=AWAY)
    assert set((await store.read_states(users)).values()) == {AWAY}
    store.remove(users)
    await store.sync()
    assert set((await store.read_states(users)).values()) == {OFFLINE}


async def test_states_of_no_users_are_empty(store: PresenceStore) -> None:
    assert await store.read_states([]) == {}


async def test_many_users_are_synced_and_read(store: PresenceStore) -> None:
    users = [uuid4() for _ in range(2 * module.USERS_PER_COMMAND + 1)]
    await holding(store, *users[1:])
    found = await store.read_states(users)
    assert list(found.values()) == [OFFLINE] + [ONLINE] * (2 * module.USERS_PER_COMMAND)


# Several processes.


async def test_a_user_is_online_as_long_as_one_process_has_them(process: Process) -> None:
    one, two, asks = process(), process(), process()
    await holding(one, ADA)
    await holding(two, ADA)
    await holding(asks)
    assert await state(asks, ADA) == ONLINE
    one.remove([ADA])
    await one.sync()
    assert await state(asks, ADA) == ONLINE
    two.remove([ADA])
    await two.sync()
    assert await state(asks, ADA) == OFFLINE


async def test_of_several_states_the_one_that_disturbs_least_is_read(process: Process) -> None:
    """Until all processes of the user have followed a change."""
    one, two = process(), process()
    await holding(one, ADA)
    await holding(two, ADA, state=AWAY)
    assert await state(one, ADA) == AWAY
    await holding(one, ADA, state=DO_NOT_DISTURB)
    assert await state(two, ADA) == DO_NOT_DISTURB
    for store in (one, two):
        await holding(store, ADA)
    assert await state(one, ADA) == ONLINE


async def test_states_expire_with_the_lease(process: Process) -> None:
    dies, lives = process(ttl_s=0.5, grace_s=0.5), process()
    await holding(lives, BOB)
    await holding(dies, ADA, state=AWAY)
    assert await state(lives, ADA) == AWAY
    async with alive(lives):
        await becomes(lives, ADA, OFFLINE)


async def test_lost_or_changed_states_are_written_again(
    process: Process, settings: Redis, raw: Client
) -> None:
    store = process()
    await holding(store, ADA, state=AWAY)
    await holding(store, BOB)
    [key] = await raw.keys(f"{settings.prefix}:presence:*:states")
    await raw.delete(key)
    assert await state(store, ADA) == ONLINE
    await store.sync()
    assert await store.read_states([ADA, BOB]) == {ADA: AWAY, BOB: ONLINE}
    await raw.hset(key, mapping={BOB.bytes: "away"})
    await store.sync()
    assert await store.read_states([ADA, BOB]) == {ADA: AWAY, BOB: ONLINE}
    await raw.hset(key, mapping={ADA.bytes: "of a newer release"})
    assert await state(store, ADA) == ONLINE


async def test_states_of_many_users_are_written_with_few_commands(
    process: Process, raw: Client
) -> None:
    async def count_commands() -> int:
        stats = await raw.info("commandstats")
        return int(stats.get("cmdstat_hset", {"calls": 0})["calls"])

    before = await count_commands()
    users = [uuid4() for _ in range(2 * module.USERS_PER_COMMAND + 1)]
    await holding(process(), *users, state=DO_NOT_DISTURB)
    assert await count_commands() - before < 10
    assert set((await process().read_states(users)).values()) == {DO_NOT_DISTURB}


async def test_a_sync_does_not_look_at_all_users(process: Process) -> None:
    """Ten times as many users make it far less than ten times as expensive."""

    async def least_cpu_s(users: int) -> float:
        store = process()
        await holding(store, *(uuid4() for _ in range(users)))
        times = []
        for _ in range(30):
            started = time.thread_time()
            await store.sync()
            times.append(time.thread_time() - started)
        return min(times)

    assert await least_cpu_s(200_000) < 5 * await least_cpu_s(20_000)


async def test_the_users_of_a_process_expire_with_its_lease(process: Process) -> None:
    """After the lease and the grace, and not before."""
    dies, lives = process(ttl_s=0.5, grace_s=0.5), process()
    await holding(lives, BOB)
    began = time.monotonic()
    await holding(dies, ADA)
    async with alive(lives):
        await becomes(lives, ADA, OFFLINE)
        assert time.monotonic() - began > 0.95
        assert await state(lives, BOB) == ONLINE


async def test_sync_renews_the_lease(process: Process, settings: Redis, raw: Client) -> None:
    store = process(ttl_s=3600)
    await holding(store, ADA)
    [key] = await raw.keys(f"{settings.prefix}:presence:*")
    await raw.expire(key, 600)
    await store.sync()
    assert await raw.ttl(key) > 600


async def test_a_stopped_process_leaves_its_users_the_grace(process: Process) -> None:
    stops, lives = process(ttl_s=3600, grace_s=0.5), process()
    await holding(lives)
    await holding(stops, ADA)
    began = time.monotonic()
    await stops.stop()
    await becomes(lives, ADA, OFFLINE)
    assert time.monotonic() - began > 0.4


async def test_presence_keys_expire_in_redis(
    process: Process, settings: Redis, raw: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STALE_PROCESS_RETENTION_S", 0)
    store = process(ttl_s=0.5, grace_s=0.5)
    await holding(store, ADA)
    assert len(await raw.keys(f"{settings.prefix}:presence*")) == 2

    async def is_empty() -> bool:
        return not await raw.keys(f"{settings.prefix}:presence*")

    await eventually(is_empty)


# Redis fails.


@breaks_redis
async def test_without_redis_states_are_unknown(
    process: Process, redis_server: RedisServer
) -> None:
    one, two = process(), process()
    await holding(one, ADA)
    await holding(two, BOB)
    with redis_server.server.killed():
        assert await one.read_states([ADA, BOB, EVE]) == dict.fromkeys([ADA, BOB, EVE], UNKNOWN)
        assert not one.available
        one.add([EVE])
        assert not await one.sync()
    # It comes back empty, and one of them is the first to notice.
    assert set(await one.sync()) == {EVE}
    assert await one.read_states([ADA, BOB, EVE]) == {ADA: ONLINE, BOB: UNKNOWN, EVE: ONLINE}
    async with alive(one, two):
        await becomes(one, BOB, ONLINE)
        await becomes(one, uuid4(), OFFLINE)
        assert await one.read_states([ADA, BOB, EVE]) == dict.fromkeys([ADA, BOB, EVE], ONLINE)


@breaks_redis
async def test_a_frozen_redis_delays_only_one_read(
    process: Process, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = process()
    await holding(store, ADA)
    with redis_server.server.frozen():
        assert await state(store, ADA) == UNKNOWN
        with monkeypatch.context() as unasked:
            unasked.setattr(store, "_client", None)
            assert await state(store, ADA) == UNKNOWN
        assert not await store.sync()
    async with alive(store):
        await becomes(store, ADA, ONLINE)


async def test_an_emptied_redis_is_written_again(process: Process, raw: Client) -> None:
    one, two = process(), process()
    await holding(one, ADA)
    await holding(two, BOB)
    await raw.flushall()
    assert await one.read_states([ADA, BOB]) == {ADA: UNKNOWN, BOB: UNKNOWN}
    await one.sync()
    assert await one.read_states([ADA, BOB]) == {ADA: ONLINE, BOB: UNKNOWN}
    await two.sync()
    assert await one.read_states([ADA, BOB]) == {ADA: ONLINE, BOB: ONLINE}


async def test_a_lost_or_changed_set_is_written_again(
    process: Process, settings: Redis, raw: Client
) -> None:
    store = process()
    await holding(store, ADA, BOB)
    [key] = await raw.keys(f"{settings.prefix}:presence:*")
    await raw.delete(key)
    await store.sync()
    assert await store.read_states([ADA, BOB]) == {ADA: ONLINE, BOB: ONLINE}
    await raw.sadd(key, EVE.bytes)
    await store.sync()
    assert await state(store, EVE) == OFFLINE


async def test_without_write_permission_states_are_unknown(process: Process, raw: Client) -> None:
    store = process()
    await holding(store, ADA)
    await raw.config_set("maxmemory", 1)
    try:
        store.add([BOB])
        assert not await store.sync()
        assert await state(store, ADA) == UNKNOWN
    finally:
        await raw.config_set("maxmemory", 0)
    assert set(await store.sync()) == {BOB}


@breaks_redis
async def test_the_presence_store_starts_and_stops_without_redis(
    process: Process, redis_server: RedisServer
) -> None:
    store = process()
    with redis_server.server.killed():
        store.add([ADA])
        assert not await store.sync()
        assert await state(store, ADA) == UNKNOWN
        await store.stop()
