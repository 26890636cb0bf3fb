"""Argon2id (RFC 9106), away from the event loop, in a bounded pool.

One hash takes 64 MiB and a fifth of a second of a core, so the number at work, the number that
waits and how long one waits are all bounded; past that the answer is Busy, and nothing has been
done.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.core.hash_queue import HashQueue

T = TypeVar("T")
Gone = asyncio.Future[None] | None


class Passwords:
    def __init__(self, *, workers: int, waiting: int, memory_kib: int, wait_s: float) -> None:
        # Argon2 wants 8 KiB a lane, and four lanes are its default.
        self.hasher = PasswordHasher(memory_cost=memory_kib, parallelism=min(4, memory_kib // 8))
        self.pool = ThreadPoolExecutor(workers, thread_name_prefix="argon2")
        self.queue = HashQueue(workers, waiting, wait_s)
        # Verified against when the user does not exist, so that the answer takes as long.
        self.nobody = self.hasher.hash("nobody")

    async def enter(self, keys: Sequence[str] = (), gone: Gone = None) -> "HashTurn":
        """Wait for a worker of the pool; see HashQueue for whose turn it is, and what it raises."""
        await self.queue.enter(keys, gone)
        return HashTurn(self, keys)

    async def hash(self, password: str, keys: Sequence[str] = (), gone: Gone = None) -> str:
        with await self.enter(keys, gone) as turn:
            return await turn.run(lambda: self.hasher.hash(password))

    def needs_rehash(self, stored: str) -> bool:
        """The hash was made with other parameters than today's: hash again at the next login."""
        return self.hasher.check_needs_rehash(stored)

    def close(self) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)


class HashTurn:
    """A worker of the pool, until the end of the block that it opens."""

    def __init__(self, passwords: Passwords, keys: Sequence[str]) -> None:
        self._passwords, self._keys = passwords, keys
        self._work: asyncio.Future[Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        leave = self._passwords.queue.leave
        if self._work is None or self._work.done():
            leave()
        else:  # the caller went away, and the thread is still busy
            self._work.add_done_callback(lambda _: leave())

    async def verify(self, stored: str | None, password: str) -> bool:
        """True if the password is right. `None` (no such user) costs the same and is False. Who is
        wrong waits behind others from now on."""
        passwords = self._passwords
        right = await self.run(lambda: self._matches(stored or passwords.nobody, password))
        if right and stored is not None:
            return True
        passwords.queue.fail(self._keys)
        return False

    async def run(self, work: Callable[[], T]) -> T:
        future = asyncio.get_running_loop().run_in_executor(self._passwords.pool, work)
        self._work = future
        return await asyncio.shield(future)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._passwords.hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
