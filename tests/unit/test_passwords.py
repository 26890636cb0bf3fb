"""Argon2id in a bounded pool."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from app.core.errors import Busy
from app.core.passwords import Passwords
from tests.waiting import LIMIT_S, eventually


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(workers=1, waiting=1, memory_kib=8)
    yield made
    made.close()


async def test_only_the_right_password_matches(passwords: Passwords) -> None:
    stored = await passwords.hash("pässword 🔑")
    assert stored.startswith("$argon2id$")
    assert await passwords.verify(stored, "pässword 🔑")
    for wrong in ("", "pässword", "pa\u0308ssword 🔑", "PÄSSWORD 🔑"):
        assert not await passwords.verify(stored, wrong)


async def test_each_hash_has_its_own_salt(passwords: Passwords) -> None:
    assert await passwords.hash("x") != await passwords.hash("x")


async def test_nobody_s_password_is_never_right(passwords: Passwords) -> None:
    for guess in ("nobody", "", "x"):
        assert not await passwords.verify(None, guess)


@pytest.mark.parametrize(
    "stored", ["x", "$argon2id$", "$argon2id$v=19$m=8,t=3,p=1$c2FsdA$", "$2b$"]
)
async def test_what_is_no_hash_matches_nothing(passwords: Passwords, stored: str) -> None:
    assert not await passwords.verify(stored, "x")


@pytest.mark.parametrize("memory_kib", [8, 9, 31, 32, 64])
async def test_every_memory_that_the_settings_allow_works(memory_kib: int) -> None:
    passwords = Passwords(workers=1, waiting=1, memory_kib=memory_kib)
    assert await passwords.verify(await passwords.hash("x"), "x")
    passwords.close()


async def test_other_parameters_are_outdated(passwords: Passwords) -> None:
    other = Passwords(workers=1, waiting=0, memory_kib=16)
    assert passwords.outdated(await other.hash("x"))
    assert not passwords.outdated(await passwords.hash("x"))
    other.close()


async def test_no_more_than_the_pool_holds(passwords: Passwords) -> None:
    """A caller who goes away leaves its thread at work, so the place is not free yet."""
    go_on = threading.Event()
    at_work = asyncio.create_task(passwords._run(lambda: go_on.wait(LIMIT_S)))
    gone = asyncio.create_task(passwords._run(lambda: go_on.wait(LIMIT_S)))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone])
    with pytest.raises(Busy):
        await passwords.hash("x")
    go_on.set()
    assert await at_work
    await eventually(lambda: passwords._free == 2)
    assert await passwords.hash("x")


async def test_the_loop_turns_while_a_hash_is_made(passwords: Passwords) -> None:
    threads: list[str] = []
    await passwords._run(lambda: threads.append(threading.current_thread().name))
    assert threads[0].startswith("argon2")
