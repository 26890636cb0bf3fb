"""The presence of many processes, over Redis.

One lease a process, not one a user: the users of a process are one set, and the set has a TTL. To
prolong it costs the same for one user as for a hundred thousand; if the process dies, all of them
are gone with it.

    {prefix}:presence              the processes, by when each last renewed its lease (Unix seconds)
    {prefix}:presence:{process}    its users, 16 bytes each
"""

import secrets
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any
from uuid import UUID

import structlog

from app.presence.base import RENEW_EVERY_S
from app.redis_client import UNREACHABLE, connect, describe, is_unreachable
from app.settings import Redis
from app.wire.domain import PresenceState

log = structlog.get_logger(__name__)

MANY = 500  # users in one command
# How long a process that renews no more is still asked for, beyond its lease. Clocks may differ by
# that much.
FORGET_S = 600


Command = tuple[Any, ...]


class Forgotten(Exception):
    """Redis has lost what this process wrote there: it was emptied, or started anew."""


class RedisPresence:
    def __init__(self, settings: Redis, ttl_s: float, grace_s: float) -> None:
        self._client = connect(settings)
        self._ttl_ms, self._grace_ms = round((ttl_s + grace_s) * 1000), round(grace_s * 1000)
        self._forget_s = round(FORGET_S + ttl_s + grace_s)
        self._me = secrets.token_hex(8)
        self._processes = f"{settings.prefix}:presence"
        # Long enough for every other process to notice that Redis is back, and to renew.
        self._settle_s = 2 * RENEW_EVERY_S + settings.timeout_s
        self._held: set[UUID] = set()
        self._moved: set[UUID] = set()  # held or released since that was last brought in
        self._known = False  # Redis had this process at the last renewal
        self.reached = True
        self._settled_at = 0.0  # nobody is offline before; monotonic

    def hold(self, users: Collection[UUID]) -> None:
        self._moved.update(users)
        self._held.update(users)

    def release(self, users: Collection[UUID]) -> None:
        self._moved.update(users)
        self._held.difference_update(users)

    async def renew(self) -> Collection[UUID]:
        moved, self._moved = self._moved, set()
        try:
            await self._renew(moved)
        except Exception as error:
            if not (isinstance(error, Forgotten) or is_unreachable(error)):
                log.exception("presence.failed")
            self._lose(error)
        else:
            if not self.reached:
                log.info("presence.connected")
                self.reached = True
            return moved
        self._moved |= moved
        return ()

    async def states(self, users: Collection[UUID]) -> dict[UUID, PresenceState]:
        unknown = dict.fromkeys(users, PresenceState.UNKNOWN)
        if not users or not self.reached:
            return unknown
        try:
            online = await self._online(list(users))
        except Exception as error:
            if not (isinstance(error, Forgotten) or is_unreachable(error)):
                log.exception("presence.failed")
            self._lose(error)
            return unknown
        settled = time.monotonic() >= self._settled_at
        absent = PresenceState.OFFLINE if settled else PresenceState.UNKNOWN
        return {user: PresenceState.ONLINE if user in online else absent for user in users}

    async def stop(self) -> None:
        with suppress(*UNREACHABLE):
            if self.reached:
                await self._client.pexpire(self._key(self._me), self._grace_ms)
        with suppress(*UNREACHABLE):
            await self._client.aclose()

    def _lose(self, error: Exception) -> None:
        if self.reached:
            log.warning("presence.lost", error=describe(error))
        self.reached = False
        self._settled_at = time.monotonic() + self._settle_s

    def _key(self, process: str) -> str:
        return f"{self._processes}:{process}"

    async def _renew(self, moved: set[UUID]) -> None:
        """Finds out, too, whether Redis was emptied: then everything is brought in again."""
        mine, now = self._key(self._me), time.time()
        commands: list[Command] = [
            ("ZADD", self._processes, now, self._me),
            *(("SADD", mine, *some) for some in _chunks(moved & self._held)),
            *(("SREM", mine, *some) for some in _chunks(moved - self._held)),
            ("ZREMRANGEBYSCORE", self._processes, "-inf", now - self._forget_s),
            ("EXPIRE", self._processes, self._forget_s),
            ("PEXPIRE", mine, self._ttl_ms),
            ("SCARD", mine),
        ]
        was_new, *_, has = await self._run(commands)
        if has != len(self._held):
            await self._write_all()
        if was_new and self._known:
            self._settled_at = time.monotonic() + self._settle_s
        self._known = True

    async def _write_all(self) -> None:
        mine = self._key(self._me)
        commands: list[Command] = [
            ("DEL", mine),
            *(("SADD", mine, *some) for some in _chunks(self._held)),
            ("PEXPIRE", mine, self._ttl_ms),
        ]
        await self._run(commands, at_once=True)

    async def _online(self, users: Sequence[UUID]) -> set[UUID]:
        """Those who are in the set of some process. Raises Forgotten."""
        [names] = await self._run([("ZRANGE", self._processes, 0, -1)])
        processes = [name.decode() for name in names]
        if self._known and self._me not in processes:
            raise Forgotten("Redis was emptied")
        ids = [user.bytes for user in users]
        flags = await self._run([("SMISMEMBER", self._key(name), *ids) for name in processes])
        return {user for user, *there in zip(users, *flags, strict=True) if any(there)}

    async def _run(self, commands: Sequence[Command], *, at_once: bool = False) -> list[Any]:
        """The answers, in one round trip. `at_once`: nobody sees some of it done and some not."""
        async with self._client.pipeline(transaction=at_once) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            answers: list[Any] = await pipeline.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, Exception):  # what redis-py raises would quote the command
                raise answer
        return answers


def _chunks(users: Collection[UUID]) -> Iterator[list[bytes]]:
    rest = iter(users)
    while some := [user.bytes for user in islice(rest, MANY)]:
        yield some
