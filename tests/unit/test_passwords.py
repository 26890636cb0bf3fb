"""Argon2id in a bounded pool."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from app.core.passwords import Passwords
from app.settings import Auth
from app.wire.errors import Busy
from testkit.waiting import LIMIT_S


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = make()
    yield made
    made.close()


def make(memory_kib: int = 8, waiting: int = 1) -> Passwords:
    return Passwords(workers=1, max_waiting=waiting, memory_kib=memory_kib, wait_s=60)


async def verify(passwords: Passwords, stored: str | None, password: str) -> bool:
    with await passwords.acquire() as turn:
        return await turn.verify(stored, password)


async def test_only_the_right_password_matches(passwords: Passwords) -> None:
    stored = await passwords.hash("pässword 🔑")
    assert stored.startswith("$argon2id$")
    assert await verify(passwords, stored, "pässword 🔑")
    for wrong in ("", "pässword", "pa\u0308ssword 🔑", "PÄSSWORD 🔑"):
        assert not await verify(passwords, stored, wrong)


async def test_each_hash_has_its_own_salt(passwords: Passwords) -> None:
    assert await passwords.hash("x") != await passwords.hash("x")


async def test_the_dummy_hash_matches_no_password(passwords: Passwords) -> None:
    for guess in ("nobody", "", "x"):
        assert not await verify(passwords, None, guess)


@pytest.mark.parametrize(
    "stored", ["x", "$argon2id$", "$argon2id$v=19$m=8,t=3,p=1$c2FsdA$", "$2b$"]
)
async def test_an_invalid_hash_matches_no_password(passwords: Passwords, stored: str) -> None:
    assert not await verify(passwords, stored, "x")


@pytest.mark.parametrize("memory_kib", [8, 9, 31, 32, 64])
async def test_every_allowed_argon2_memory_works(memory_kib: int) -> None:
    passwords = make(memory_kib)
    assert await verify(passwords, await passwords.hash("x"), "x")
    passwords.close()


async def test_a_hash_with_other_parameters_is_outdated(passwords: Passwords) -> None:
    other = make(16)
    assert passwords.needs_rehash(await other.hash("x"))
    assert not passwords.needs_rehash(await passwords.hash("x"))
    other.close()


async def test_a_cancelled_caller_does_not_free_the_busy_worker(passwords: Passwords) -> None:
    """The thread still hashes."""
    go_on, began = threading.Event(), threading.Event()

    def hold() -> None:
        began.set()
        go_on.wait(LIMIT_S)

    async def work() -> None:
        with await passwords.acquire() as turn:
            await turn.run(hold)

    gone = asyncio.create_task(work())
    await asyncio.to_thread(began.wait, LIMIT_S)
    gone.cancel()
    await asyncio.wait([gone])
    waits = asyncio.create_task(passwords.hash("x"))
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await passwords.hash("y")
    go_on.set()
    assert await waits
    assert await passwords.hash("z")


async def test_a_failed_hash_frees_the_worker(passwords: Passwords) -> None:
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), await passwords.acquire() as turn:
            await turn.run(lambda: 1 // 0)
    assert await passwords.hash("x")


async def test_hashing_does_not_block_the_event_loop(passwords: Passwords) -> None:
    threads: list[str] = []
    with await passwords.acquire() as turn:
        await turn.run(lambda: threads.append(threading.current_thread().name))
    assert threads[0].startswith("argon2")


async def test_clients_without_failures_are_hashed_first() -> None:
    """Sixty wrong passwords at once, with the parameters of production (Argon2id, 64 MiB)."""
    auth = Auth()
    passwords = Passwords(
        workers=auth.argon2_workers, max_waiting=64, memory_kib=auth.argon2_memory_kib, wait_s=600
    )
    stored = await passwords.hash("right")
    began, ended = [], 0

    async def log_in(name: str, password: str, *keys: str) -> bool:
        nonlocal ended
        with await passwords.acquire(keys) as turn:
            began.append(name)
            right = await turn.verify(stored, password)
        ended += 1
        return right

    wrong = [asyncio.create_task(log_in("wrong", "x", "192.0.2.1", "ada")) for _ in range(60)]
    while not ended:
        await asyncio.wait(wrong, return_when=asyncio.FIRST_COMPLETED)
    before = len(began)
    assert await log_in("right", "right", "192.0.2.2", "bob")
    assert began[before] == "right"  # the next one, ahead of all that wait
    for task in wrong:
        task.cancel()
    await asyncio.wait(wrong)
    passwords.close()
