"""Argon2id (RFC 9106), outside the event loop, in a bounded pool of threads.

One hash takes 64 MiB and 0.2 s of a core, so the number of running hashes, the number of waiting
ones and their waiting time are bounded. Beyond these limits the answer is Busy.
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
Disconnected = asyncio.Future[None] | None


class Passwords:
    def __init__(self, *, workers: int, max_waiting: int, memory_kib: int, wait_s: float) -> None:
        # Argon2 needs 8 KiB a lane; its default is four lanes.
        self.hasher = PasswordHasher(memory_cost=memory_kib, parallelism=min(4, memory_kib // 8))
        self.pool = ThreadPoolExecutor(workers, thread_name_prefix="argon2")
        self.queue = HashQueue(workers, max_waiting, wait_s)
        # Verified against when the user does not exist, so that the answer takes as long.
        self.dummy_hash = self.hasher.hash("nobody")

    async def acquire(
        self, keys: Sequence[str] = (), disconnected: Disconnected = None
    ) -> "HashSlot":
        """Waits for a worker of the pool. HashQueue documents the order and what is raised."""
        await self.queue.acquire(keys, disconnected)
        return HashSlot(self, keys)

    async def hash(
        self, password: str, keys: Sequence[str] = (), disconnected: Disconnected = None
    ) -> str:
        with await self.acquire(keys, disconnected) as slot:
            return await slot.run(lambda: self.hasher.hash(password))

    def needs_rehash(self, stored: str) -> bool:
        """Whether the hash has other parameters than today's; the next login then replaces it."""
        return self.hasher.check_needs_rehash(stored)

    def close(self) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)


class HashSlot:
    """A worker of the pool, held until the end of a `with` block."""

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
        release = self._passwords.queue.release
        if self._work is None or self._work.done():
            release()
        else:  # the caller was cancelled, but the thread is still busy
            self._work.add_done_callback(lambda _: release())

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password is right. For an unknown user `stored` is None: the answer is False
        and takes as long. A wrong password lowers the priority of the caller's keys."""
        passwords = self._passwords
        is_right = await self.run(lambda: self._matches(stored or passwords.dummy_hash, password))
        if is_right and stored is not None:
            return True
        passwords.queue.record_failure(self._keys)
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
