"""The order in which passwords are hashed. `acquire` takes a place, `release` returns it."""

import asyncio

import pytest

from app.core import hash_queue
from app.core.hash_queue import HashQueue
from app.wire.errors import Busy, TooSlow

LONG_S = 3600.0


class Line:
    """Records the order in which waiting passwords are admitted."""

    def __init__(self, workers: int = 1, max_waiting: int = 100, wait_s: float = LONG_S) -> None:
        self.queue = HashQueue(workers, max_waiting, wait_s)
        self.admitted: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def join(self, name: str, *keys: str) -> None:
        async def wait() -> None:
            await self.queue.acquire(keys or (name,))
            self.admitted.append(name)

        self.tasks[name] = asyncio.create_task(wait())
        await settle()

    async def drain(self) -> list[str]:
        """Admit all waiting passwords one after the other."""
        while len(self.admitted) < sum(not task.cancelled() for task in self.tasks.values()):
            before = len(self.admitted)
            self.queue.release()
            await settle()
            assert len(self.admitted) == before + 1
        return self.admitted


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_passwords_are_hashed_in_order_of_arrival() -> None:
    line = Line()
    for name in "abcd":
        await line.join(name)
    assert line.admitted == ["a"]
    assert await line.drain() == ["a", "b", "c", "d"]


async def test_concurrent_hashes_are_limited_to_the_workers() -> None:
    line = Line(workers=3)
    for name in "abcde":
        await line.join(name)
    assert line.admitted == ["a", "b", "c"]


async def test_a_key_with_many_passwords_takes_turns_with_other_keys() -> None:
    line = Line()
    for number in range(5):
        await line.join(f"many {number}", "many")
    await line.join("late")
    await line.join("later")
    assert (await line.drain())[:4] == ["many 0", "many 1", "late", "later"]


async def test_keys_with_failures_wait_behind_keys_without() -> None:
    """Also passwords that were queued before the failure."""
    line = Line()
    await line.join("first", "192.0.2.1")
    for number in range(3):
        await line.join(f"wrong {number}", "192.0.2.1", "ada")
    line.queue.record_failure(["192.0.2.1", "ada"])
    await line.join("neighbour", "192.0.2.1", "bob")
    await line.join("stranger", "192.0.2.2", "eve")
    assert (await line.drain())[1:] == ["stranger", "neighbour", "wrong 0", "wrong 1", "wrong 2"]


async def test_a_failure_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_queue, "FAILURE_MEMORY_S", 0.0)
    line = Line()
    line.queue.record_failure(["a"])
    line.queue.record_failure(["b"])
    assert list(line.queue._failed) == ["b"] or not line.queue._failed
    for name in ("busy", "a", "c"):
        await line.join(name)
    assert await line.drain() == ["busy", "a", "c"]


async def test_a_full_hash_queue_refuses_the_last_in_order() -> None:
    line = Line(max_waiting=3)
    await line.join("busy")
    line.queue.record_failure(["eve"])
    for name, key, last in (
        ("flood 0", "flood", None),
        ("flood 1", "flood", None),
        ("flood 2", "flood", None),
        ("flood 3", "flood", "flood 3"),
        ("ada", "ada", "flood 2"),
        ("bob", "bob", "flood 1"),
        ("eve", "eve", "eve"),
    ):
        await line.join(name, key)
        if last:
            with pytest.raises(Busy):
                await line.tasks[last]
    assert len(line.queue._waiting) == 3


async def test_a_queue_limit_of_zero_lets_none_wait() -> None:
    line = Line(max_waiting=0)
    await line.join("a")
    await line.join("b")
    with pytest.raises(Busy):
        await line.tasks["b"]


async def test_waiting_ends_at_the_deadline() -> None:
    queue = HashQueue(1, 10, 0.001)
    await queue.acquire(["a"])
    for _ in range(3):
        with pytest.raises(Busy):
            await queue.acquire(["b"])
    assert not queue._waiting
    queue.release()
    await queue.acquire(["c"])


async def test_a_cancelled_waiter_frees_its_place() -> None:
    line = Line()
    await line.join("a")
    await line.join("b")
    gone = line.tasks["b"]
    await line.join("c")
    gone.cancel()
    await settle()
    assert len(line.queue._waiting) == 1
    assert await line.drain() == ["a", "c"]


async def test_a_disconnected_client_is_skipped() -> None:
    queue = HashQueue(1, 10, LONG_S)
    await queue.acquire(["a"])
    gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(queue.acquire(["b"], gone))
    await settle()
    gone.set_result(None)
    with pytest.raises(TooSlow):
        await waiting
    assert not queue._waiting
    queue.release()
    await queue.acquire(["c"])


@pytest.mark.parametrize("order", ["admitted first", "cancelled first"])
async def test_a_cancellation_during_admission_loses_no_worker(order: str) -> None:
    line = Line()
    await line.join("a")
    await line.join("b")
    gone = line.tasks["b"]
    if order == "admitted first":
        line.queue.release()
    gone.cancel()
    if order == "cancelled first":
        line.queue.release()
    await settle()
    assert gone.cancelled()
    await line.join("c")
    assert line.admitted == ["a", "c"]
