"""The order and the limits of the publish queue."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError
from structlog.testing import CapturingLogger

from app.bus import publish_queue
from app.bus.publish_queue import RETRY_MAX_S, PublishQueue, choose_backoff_s
from testkit.waiting import limit

APOLOGY = ("lossy", b"me")


class Broker:
    """Accepts pipelines. Each round trip calls `during`, and raises what it raises."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.round_trips = 0
        self.during: Callable[[], None] = lambda: None
        self.answer: object = 1

    def pipeline(self, *, transaction: bool) -> "Broker":
        self._stack: list[tuple[str, bytes]] = []
        return self

    def execute_command(self, command: str, channel: str, payload: bytes) -> None:
        self._stack.append((channel, payload))

    async def execute(self, *, raise_on_error: bool) -> list[Any]:
        self.round_trips += 1
        await asyncio.sleep(0)
        self.during()
        self.got += self._stack
        return [self.answer for _ in self._stack]

    @property
    def numbers(self) -> list[int]:
        return [int(payload) for channel, payload in self.got if channel == "c"]


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def box(broker: Broker) -> PublishQueue:
    return PublishQueue(cast(Redis, broker), APOLOGY)


def fill(box: PublishQueue, *numbers: int) -> None:
    for number in numbers:
        box.put("c", b"%d" % number)


async def empty(box: PublishQueue) -> None:
    box.close()
    async with limit():
        await box.run()


async def test_queued_publications_share_round_trips(box: PublishQueue, broker: Broker) -> None:
    numbers = range(2 * publish_queue.PAYLOADS_PER_ROUND_TRIP + 1)
    fill(box, *numbers)
    await empty(box)
    assert broker.numbers == list(numbers)
    assert broker.round_trips == 3


@pytest.mark.parametrize("failure", [RedisError("gone"), OSError("gone"), ValueError("defect")])
async def test_failed_publications_are_sent_again_in_order(
    box: PublishQueue, broker: Broker, failure: Exception
) -> None:
    def fail() -> None:
        fill(box, 3)
        broker.during = lambda: None
        raise failure

    broker.during = fail
    fill(box, 1, 2)
    await empty(box)
    assert broker.numbers == [1, 2, 3]


@pytest.mark.parametrize(
    ("failure", "is_defect"),
    [
        (OSError("gone"), False),
        (RuntimeError("something else"), True),
    ],
)
async def test_a_lost_redis_connection_is_not_logged_as_error(
    box: PublishQueue,
    broker: Broker,
    failure: Exception,
    is_defect: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = CapturingLogger()
    monkeypatch.setattr(publish_queue, "log", log)

    def fail() -> None:
        broker.during = lambda: None
        raise failure

    broker.during = fail
    fill(box, 1)
    await empty(box)
    assert [call.method_name for call in log.calls] == ["exception" if is_defect else "warning"]


async def test_publications_that_redis_refuses_are_sent_again(
    box: PublishQueue, broker: Broker
) -> None:
    def recover() -> None:
        broker.answer = ResponseError("not now") if broker.round_trips == 1 else 1

    broker.during = recover
    fill(box, 1, 2)
    await empty(box)
    assert broker.numbers == [1, 2, 1, 2]


async def test_a_full_queue_evicts_the_oldest_and_sends_one_loss_notice(
    box: PublishQueue, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_queue, "MAX_PAYLOADS", 3)
    monkeypatch.setattr(publish_queue, "PAYLOADS_PER_ROUND_TRIP", 2)
    fill(box, *range(10))
    await empty(box)
    assert broker.numbers == [7, 8, 9]
    assert broker.got.count(APOLOGY) == 1


async def test_the_publish_queue_is_bounded_in_bytes(
    box: PublishQueue, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_queue, "MAX_BYTES", 4)
    fill(box, 10, 11, 12)
    await empty(box)
    assert broker.numbers == [11, 12]


async def test_a_publication_evicted_while_it_is_sent_is_not_counted_twice(
    box: PublishQueue, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_queue, "MAX_PAYLOADS", 3)

    def overflow() -> None:
        broker.during = lambda: None
        fill(box, 4, 5)

    broker.during = overflow
    fill(box, 1, 2, 3)
    await empty(box)
    assert broker.numbers == [1, 2, 3, 4, 5]


async def test_volatile_publications_are_sent_in_order(box: PublishQueue, broker: Broker) -> None:
    fill(box, 1)
    box.put("c", b"2", volatile=True)
    fill(box, 3)
    await empty(box)
    assert broker.numbers == [1, 2, 3]


async def test_volatile_publications_are_sent_at_most_once(
    box: PublishQueue, broker: Broker
) -> None:
    def fail() -> None:
        box.put("c", b"3", volatile=True)
        broker.during = lambda: None
        raise RedisError("gone")

    broker.during = fail
    fill(box, 1)
    box.put("c", b"2", volatile=True)
    fill(box, 4)
    await empty(box)
    assert broker.numbers == [1, 4]
    assert box._bytes == 0


async def test_volatile_publications_are_refused_when_many_are_queued(
    box: PublishQueue, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_queue, "MAX_PAYLOADS_BEFORE_VOLATILE", 2)
    fill(box, 1, 2)
    box.put("c", b"3", volatile=True)
    fill(box, 4)
    await empty(box)
    assert broker.numbers == [1, 2, 4]
    assert APOLOGY not in broker.got


async def test_a_reply_of_redis_ends_the_backoff(
    box: PublishQueue, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        broker.during = lambda: None
        asyncio.get_running_loop().call_soon(
            lambda: asyncio.get_running_loop().call_soon(box.retry_now)
        )
        raise RedisError("gone")

    monkeypatch.setattr(publish_queue, "choose_backoff_s", lambda failures: 3600.0)
    broker.during = fail
    fill(box, 1)
    await empty(box)
    assert broker.numbers == [1]


def test_the_backoff_grows_up_to_a_limit() -> None:
    longest = [
        max(choose_backoff_s(failures) for _ in range(500)) for failures in (1, 4, 1_000_000)
    ]
    assert longest == sorted(longest)
    assert longest[0] <= 0.1
    assert longest[-1] <= RETRY_MAX_S
