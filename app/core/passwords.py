"""Argon2id (RFC 9106), away from the event loop, in a bounded pool.

One hash takes 64 MiB and a fifth of a second of a core, so the number at work and the number that
waits are both bounded; past that the answer is Busy, and nothing has been done.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.core.errors import Busy

T = TypeVar("T")


class Passwords:
    def __init__(self, *, workers: int, waiting: int, memory_kib: int) -> None:
        # Argon2 wants 8 KiB a lane, and four lanes are its default.
        self._hasher = PasswordHasher(memory_cost=memory_kib, parallelism=min(4, memory_kib // 8))
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="argon2")
        self._free = workers + waiting
        # Verified against when the user does not exist, so that the answer takes as long.
        self._nobody = self._hasher.hash("nobody")

    async def hash(self, password: str) -> str:
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """True if the password is right. `None` (no such user) costs the same and is False."""
        right = await self._run(lambda: self._matches(stored or self._nobody, password))
        return right and stored is not None

    def outdated(self, stored: str) -> bool:
        """The hash was made with other parameters than today's: hash again at the next login."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._free <= 0:
            raise Busy("Too many people are logging in at once. Try again.", retry_after_ms=1000)
        self._free -= 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        # Freed when the work ends, not when the caller goes away: the thread is still busy.
        future.add_done_callback(self._release)
        return await asyncio.shield(future)

    def _release(self, _: object) -> None:
        self._free += 1
