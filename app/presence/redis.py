"""The presence of many processes, in Redis.

Each process has one lease, not one for each user: its users are a set with a TTL. Renewing costs
the same for one user as for 100,000, and if the process dies, the whole set expires.

    {prefix}:presence              the processes, by the time of their last renewal (Unix seconds)
    {prefix}:presence:{process}    its users, 16 bytes each
    {prefix}:presence:{process}:states    of those who are not simply online: away, do_not_disturb
"""

import secrets
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any
from uuid import UUID

import structlog

from app.presence.base import STATES, SYNC_INTERVAL_S
from app.presence.local_users import LocalUsers
from app.redis_client import UNREACHABLE, connect, describe_error
from app.settings import Redis
from app.wire.domain import PresenceState

log = structlog.get_logger(__name__)

USERS_PER_COMMAND = 500
# A process is listed for this long after its lease has expired. Clocks may differ by less.
STALE_PROCESS_RETENTION_S = 600

_STATES_BY_VALUE = {state.value.encode(): state for state in STATES}

Command = tuple[Any, ...]


class StoreReset(Exception):
    """Redis has lost what this process wrote: it was emptied or restarted."""


class RedisPresence(LocalUsers):
    def __init__(self, settings: Redis, ttl_s: float, grace_s: float) -> None:
        super().__init__()
        self._client = connect(settings)
        self._ttl_ms, self._grace_ms = round((ttl_s + grace_s) * 1000), round(grace_s * 1000)
        self._retention_s = round(STALE_PROCESS_RETENTION_S + ttl_s + grace_s)
        self._process = secrets.token_hex(8)
        self._processes = f"{settings.prefix}:presence"
        # Within this time every other process notices that Redis is back and writes its users.
        self._settle_time_s = 2 * SYNC_INTERVAL_S + settings.timeout_s
        self._registered = False  # the last `sync` has listed this process
        self.available = True
        self._trust_absence_after = 0.0  # before that an absent user is UNKNOWN; monotonic

    async def sync(self) -> Collection[UUID]:
        pending = self._take_pending()
        try:
            await self._sync(pending)
        except Exception as error:
            if not isinstance(error, (StoreReset, *UNREACHABLE)):
                log.exception("presence.failed")
            self._mark_unavailable(error)
        else:
            if not self.available:
                log.info("presence.connected")
                self.available = True
            return pending
        self._pending |= pending
        return ()

    async def read_states(self, users: Collection[UUID]) -> dict[UUID, PresenceState]:
        unknown = dict.fromkeys(users, PresenceState.UNKNOWN)
        if not users or not self.available:
            return unknown
        try:
            connected = await self._find_connected(list(users))
        except Exception as error:
            if not isinstance(error, (StoreReset, *UNREACHABLE)):
                log.exception("presence.failed")
            self._mark_unavailable(error)
            return unknown
        settled = time.monotonic() >= self._trust_absence_after
        absent = PresenceState.OFFLINE if settled else PresenceState.UNKNOWN
        return {user: connected.get(user, absent) for user in users}

    async def stop(self) -> None:
        with suppress(*UNREACHABLE):
            if self.available:
                await self._execute(self._expire(self._grace_ms))
        with suppress(*UNREACHABLE):
            await self._client.aclose()

    def _mark_unavailable(self, error: Exception) -> None:
        if self.available:
            log.warning("presence.disconnected", error=describe_error(error))
        self.available = False
        self._trust_absence_after = time.monotonic() + self._settle_time_s

    def _key(self, process: str) -> str:
        return f"{self._processes}:{process}"

    def _states_key(self, process: str) -> str:
        return f"{self._processes}:{process}:states"

    def _expire(self, ttl_ms: int) -> list[Command]:
        keys = (self._key(self._process), self._states_key(self._process))
        return [("PEXPIRE", key, ttl_ms) for key in keys]

    def _write(self, users: Collection[UUID]) -> list[Command]:
        """The commands that store users of this process with their states."""
        own_key, states_key = self._key(self._process), self._states_key(self._process)
        special = [user for user in users if user in self._special]
        return [
            *(("SADD", own_key, *_ids(chunk)) for chunk in _chunks(users)),
            *(
                ("HDEL", states_key, *_ids(chunk))
                for chunk in _chunks(set(users).difference(special))
            ),
            *(("HSET", states_key, *self._fields(chunk)) for chunk in _chunks(special)),
        ]

    def _fields(self, users: Collection[UUID]) -> Iterator[bytes | str]:
        """Of the hash of states: each user, and the state."""
        for user in users:
            yield user.bytes
            yield self._special[user].value

    async def _sync(self, pending: set[UUID]) -> None:
        """Also detects that Redis was emptied, and then writes all users again."""
        own_key, states_key = self._key(self._process), self._states_key(self._process)
        now, gone = time.time(), {user for user in pending if user not in self._users}
        commands: list[Command] = [
            ("ZADD", self._processes, now, self._process),
            *self._write(pending - gone),
            *(("SREM", own_key, *_ids(chunk)) for chunk in _chunks(gone)),
            *(("HDEL", states_key, *_ids(chunk)) for chunk in _chunks(gone)),
            ("ZREMRANGEBYSCORE", self._processes, "-inf", now - self._retention_s),
            ("EXPIRE", self._processes, self._retention_s),
            *self._expire(self._ttl_ms),
            ("SCARD", own_key),
            ("HLEN", states_key),
        ]
        was_new, *_, stored_users, stored_states = await self._execute(commands)
        expected = len(self._users), len(self._special)
        if (stored_users, stored_states) != expected:
            await self._write_all()
        if was_new and self._registered:
            self._trust_absence_after = time.monotonic() + self._settle_time_s
        self._registered = True

    async def _write_all(self) -> None:
        commands: list[Command] = [
            ("DEL", self._key(self._process), self._states_key(self._process)),
            *self._write(self._users),
            *self._expire(self._ttl_ms),
        ]
        await self._execute(commands, atomic=True)

    async def _find_connected(self, users: Sequence[UUID]) -> dict[UUID, PresenceState]:
        """The states of users in the set of any process. Raises StoreReset."""
        [names] = await self._execute([("ZRANGE", self._processes, 0, -1)])
        processes = [name.decode() for name in names]
        if self._registered and self._process not in processes:
            raise StoreReset("Redis was emptied")
        ids = [user.bytes for user in users]
        answers = await self._execute(
            [
                command
                for name in processes
                for command in (
                    ("SMISMEMBER", self._key(name), *ids),
                    ("HMGET", self._states_key(name), *ids),
                )
            ]
        )
        states: dict[UUID, PresenceState] = {}
        for flags, stored in zip(answers[::2], answers[1::2], strict=True):
            for user, is_in, state in zip(users, flags, stored, strict=True):
                if is_in:
                    states[user] = max(states.get(user, STATES[0]), _parse(state), key=STATES.index)
        return states

    async def _execute(self, commands: Sequence[Command], *, atomic: bool = False) -> list[Any]:
        """The answers, from one round trip; with `atomic`, in one transaction."""
        async with self._client.pipeline(transaction=atomic) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            answers: list[Any] = await pipeline.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(
                answer, Exception
            ):  # an error that redis-py raised would quote the command
                raise answer
        return answers


def _parse(stored: bytes | None) -> PresenceState:
    """Also what only a newer release has."""
    return _STATES_BY_VALUE.get(stored or b"", PresenceState.ONLINE)


def _chunks(users: Collection[UUID]) -> Iterator[list[UUID]]:
    remaining = iter(users)
    while chunk := list(islice(remaining, USERS_PER_COMMAND)):
        yield chunk


def _ids(users: Collection[UUID]) -> list[bytes]:
    return [user.bytes for user in users]
