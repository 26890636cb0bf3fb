"""The contract of `RateLimiter`: both implementations in one process, and Redis between
processes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from redis.asyncio import Redis as Client

from app.core.cancellation import cancel_and_wait
from app.core.rate_limit import MAX_DEBT_S, Charge, Decision, LimitKey, Mode, Policy, PolicyName
from app.limits import redis as module
from app.limits.base import RateLimiter
from app.limits.memory import MemoryRateLimiter
from app.limits.redis import RedisRateLimiter
from app.settings import Redis
from testkit.servers.backend import unique_name
from testkit.servers.redis import RedisServer
from testkit.waiting import eventually, pause

SENDS, WRITES, READS = PolicyName.SENDS, PolicyName.WRITES, PolicyName.READS
BURST = 10
HOUR = 1 / 3600  # so slow that nothing comes back while a test runs
# `FAST` comes back while a test runs, so that the long run can be seen.
SLOW = {
    name: Policy(name, "things", HOUR, BURST, deferred=name is SENDS)
    for name in (SENDS, WRITES, READS)
}
FAST_PER_S = 50.0
FAST = {SENDS: Policy(SENDS, "things", FAST_PER_S, BURST, deferred=True)}
Process = Callable[..., RedisRateLimiter]


@pytest.fixture
def settings(redis_server: RedisServer) -> Redis:
    return Redis(url=redis_server.url, prefix=unique_name(), timeout_s=60.0)


@pytest.fixture(
    params=[
        pytest.param("memory", marks=pytest.mark.embedded),
        pytest.param("redis", marks=pytest.mark.cluster),
    ]
)
async def limiter(request: pytest.FixtureRequest) -> AsyncIterator[RateLimiter]:
    if request.param == "memory":
        yield MemoryRateLimiter(SLOW)
        return
    async with running(RedisRateLimiter(request.getfixturevalue("settings"), SLOW)) as made:
        yield made


@pytest.fixture
async def process(settings: Redis) -> AsyncIterator[Process]:
    """The limiter of another process at each call. It talks to Redis on request, or while
    `running`."""
    made: list[RedisRateLimiter] = []

    def make(policies: Mapping[PolicyName, Policy] = SLOW) -> RedisRateLimiter:
        made.append(RedisRateLimiter(settings, policies))
        return made[-1]

    yield make
    for limiter in made:
        await limiter.stop()


@asynccontextmanager
async def running(*limiters: RedisRateLimiter) -> AsyncIterator[RedisRateLimiter]:
    tasks = [asyncio.create_task(limiter.run()) for limiter in limiters]
    try:
        for limiter in limiters:
            await reaches(limiter)
        yield limiters[0]
    finally:
        await cancel_and_wait(*tasks)
        for limiter in limiters:
            await limiter.stop()


async def reaches(limiter: RedisRateLimiter) -> None:
    await eventually(lambda: limiter.available)


async def evaluate(
    limiter: RateLimiter,
    key: LimitKey,
    cost: int = 1,
    mode: Mode = Mode.SPEND,
    policy: PolicyName = WRITES,
) -> Decision:
    [decision] = await limiter.evaluate([Charge(policy, key, cost, mode)])
    return decision


async def spend_all(limiter: RateLimiter, key: LimitKey) -> int:
    """The number of admitted requests."""
    count = 0
    while not (await evaluate(limiter, key)).wait_s:
        count += 1
    return count


def take_all(limiter: RateLimiter, key: LimitKey) -> int:
    count = 0
    while not limiter.spend_local(SENDS, key).wait_s:
        count += 1
    return count


# Both kinds.


async def test_a_burst_is_admitted_and_no_more(limiter: RateLimiter) -> None:
    left = [(await limiter.spend(WRITES, "ada")).remaining for _ in range(BURST)]
    assert left == list(range(BURST - 1, -1, -1))
    refused = await limiter.spend(WRITES, "ada")
    assert 3590 < refused.wait_s <= 3600
    assert refused.remaining == 0
    assert not (await limiter.spend(WRITES, "bob")).wait_s


async def test_local_and_remote_spending_share_one_limit(limiter: RateLimiter) -> None:
    for _ in range(4):
        assert not limiter.spend_local(WRITES, "ada").wait_s
        assert not (await evaluate(limiter, "ada")).wait_s
    if isinstance(limiter, RedisRateLimiter):
        await limiter.sync()
    assert await spend_all(limiter, "ada") == BURST - 8
    assert limiter.spend_local(WRITES, "ada").wait_s


async def test_policies_have_separate_limits(limiter: RateLimiter) -> None:
    assert await spend_all(limiter, "ada") == BURST
    assert (await evaluate(limiter, "ada", policy=READS)).remaining == BURST - 1


async def test_a_cost_counts_as_that_many(limiter: RateLimiter) -> None:
    key = uuid4()
    assert [(await evaluate(limiter, key, 4)).remaining for _ in range(2)] == [6, 2]
    refused = await evaluate(limiter, key, 4)
    assert refused.wait_s == pytest.approx(2 * 3600, rel=0.01)
    assert (await evaluate(limiter, key, 2)).remaining == 0


async def test_a_cost_beyond_the_burst_takes_the_whole_burst(limiter: RateLimiter) -> None:
    assert not (await evaluate(limiter, "ada", 1000)).wait_s
    assert (await evaluate(limiter, "ada", 1)).wait_s
    await evaluate(limiter, "bob", 1)
    assert (await evaluate(limiter, "bob", 1000, Mode.CHECK)).wait_s


async def test_a_check_spends_nothing(limiter: RateLimiter) -> None:
    for _ in range(2 * BURST):
        assert (await evaluate(limiter, "ada", BURST, Mode.CHECK)).remaining == BURST
    assert await spend_all(limiter, "ada") == BURST


async def test_counting_continues_beyond_the_limit(limiter: RateLimiter) -> None:
    for _ in range(BURST + 1):
        await evaluate(limiter, "ada", mode=Mode.COUNT)
    debt = await evaluate(limiter, "ada", mode=Mode.CHECK)
    # The debt is bounded.
    assert 3600 < debt.wait_s <= 3600 + MAX_DEBT_S


async def test_each_of_several_charges_has_its_result(limiter: RateLimiter) -> None:
    charges = [Charge(WRITES, f"user {n}", n % BURST + 1) for n in range(1200)]
    decisions = await limiter.evaluate(charges)
    assert [v.remaining for v in decisions] == [BURST - c.cost for c in charges]
    assert await limiter.evaluate([]) == []


async def test_concurrent_requests_share_the_burst(limiter: RateLimiter) -> None:
    decisions = await asyncio.gather(*(limiter.spend(WRITES, "ada") for _ in range(100)))
    assert sum(not decision.wait_s for decision in decisions) == BURST


# Several processes.


async def test_limits_hold_over_all_processes(process: Process) -> None:
    limiters = [process() for _ in range(3)]
    async with running(*limiters):
        decisions = await asyncio.gather(
            *(limiter.spend(WRITES, "ada") for limiter in limiters for _ in range(30))
        )
        assert sum(not decision.wait_s for decision in decisions) == BURST


async def test_processes_learn_what_others_have_taken(process: Process) -> None:
    one, two = process(), process()
    for limiter in (one, two):
        await limiter.sync()
    assert take_all(one, "ada") == BURST
    await one.sync()
    assert not two.spend_local(SENDS, "ada").wait_s  # it has heard nothing of it
    await two.sync()
    assert two.spend_local(SENDS, "ada").wait_s


async def test_several_processes_admit_the_rate_of_one(process: Process) -> None:
    """Each may admit a burst before it knows of the others, and then has to pay it off."""
    limiters = [process(FAST) for _ in range(4)]
    for limiter in limiters:
        await limiter.sync()
    began, unreported = time.monotonic(), 0
    for _ in range(100):
        unreported += sum(take_all(limiter, "ada") for limiter in limiters)
        for limiter in limiters:
            await limiter.sync()
        await pause(0.02)
    assert unreported <= len(limiters) * BURST + FAST_PER_S * (time.monotonic() - began)

    async def is_paid_off() -> bool:
        await limiters[0].sync()
        return not limiters[0].spend_local(SENDS, "ada").wait_s

    await eventually(is_paid_off)


async def test_processes_synchronise_by_themselves(process: Process) -> None:
    one, two = process(), process()
    async with running(one, two):
        assert take_all(one, "ada") == BURST
        two.spend_local(SENDS, "ada")
        await eventually(lambda: two.spend_local(SENDS, "ada").wait_s)
        assert two.spend_local(SENDS, "bob").remaining == BURST - 1


async def test_rate_limit_keys_expire_in_redis(
    process: Process, settings: Redis, raw: Client, redis_server: RedisServer
) -> None:
    limiter = process({SENDS: Policy(SENDS, "things", 0.01, BURST)})
    async with running(limiter):
        await limiter.spend(SENDS, "ada")
        [key] = await raw.keys(f"{settings.prefix}:rate:*")
        assert key == f"{settings.prefix}:rate:sends:ada".encode()
        seconds = await raw.ttl(key)
        assert 0 < seconds <= BURST / 0.01


async def test_a_rate_limit_key_with_a_foreign_value_is_reset(
    process: Process, settings: Redis, raw: Client
) -> None:
    async with running(process()) as limiter:
        for junk in ("x", "", "-1", "9" * 300, "nan"):
            await raw.set(f"{settings.prefix}:rate:writes:{junk}", junk)
            decision = await limiter.spend(WRITES, junk)
            assert decision.wait_s <= BURST * 3600 + MAX_DEBT_S, junk
            assert limiter.available


# Redis fails.


async def test_without_redis_each_process_limits_alone_at_once(
    process: Process, redis_server: RedisServer
) -> None:
    one, two = process(), process()
    async with running(one, two):
        for _ in range(4):
            await one.spend(WRITES, "ada")
        with redis_server.server.killed():
            assert await spend_all(one, "ada") == BURST - 4  # from what it knew
            assert await spend_all(two, "ada") == BURST
            assert not one.available
            assert one.spend_local(SENDS, "ada").remaining == BURST - 1
        await asyncio.gather(reaches(one), reaches(two))
        assert await spend_all(one, "ada") == BURST  # nothing of it was kept


async def test_a_frozen_redis_delays_only_one_request(
    process: Process, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_TIMEOUT_S", 0.25)
    async with running(process()) as limiter:
        await limiter.spend(WRITES, "ada")
        with redis_server.server.frozen():
            answers = await asyncio.gather(*(limiter.spend(WRITES, "ada") for _ in range(50)))
            assert sum(not answer.wait_s for answer in answers) == BURST - 1
            assert not limiter.available
            # Nothing is asked of it any more: an answer takes one turn of the loop, if at all.
            asked = asyncio.ensure_future(limiter.spend(WRITES, "bob"))
            await asyncio.sleep(0)
            assert asked.done()
        await reaches(limiter)
        assert (await limiter.spend(WRITES, "eve")).remaining == BURST - 1


async def test_the_script_is_loaded_again_after_a_redis_restart(
    process: Process, redis_server: RedisServer, raw: Client
) -> None:
    async with running(process()) as limiter:
        await raw.script_flush()
        assert (await limiter.spend(WRITES, "ada")).remaining == BURST - 1
        assert limiter.available
        with redis_server.server.killed():
            pass
        assert (await limiter.spend(WRITES, "bob")).remaining == BURST - 1
        await reaches(limiter)
        assert (await limiter.spend(WRITES, "eve")).remaining == BURST - 1


async def test_without_script_permission_each_process_limits_alone(
    process: Process, raw: Client, settings: Redis, redis_server: RedisServer
) -> None:
    """The commands in docs/operations.md are enough; without one of them limits still work."""
    commands = ["+hello", "+auth", "+ping", "+select", "+client", "+evalsha", "+eval", "+time"]
    for extra, works in ((["+get", "+set"], True), (["+get"], False)):
        await raw.acl_setuser(
            "limits",
            enabled=True,
            reset=True,
            passwords=["+secret"],
            commands=commands + extra,
            keys=[f"{settings.prefix}:*"],
        )
        url = settings.url.replace("redis://", "redis://limits:secret@")
        limiter = RedisRateLimiter(settings.model_copy(update={"url": url}), SLOW)
        await limiter.sync()
        task = asyncio.create_task(limiter.run())
        assert (await limiter.spend(WRITES, f"ada {works}")).remaining == BURST - 1
        assert limiter.available is works
        await cancel_and_wait(task)
        await limiter.stop()
    await raw.acl_deluser("limits")
