"""The composition root: everything is made here, once, in order, and ended in the reverse order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import structlog

from app.application.app_context import Context, Record
from app.application.session_lookup import actors_of
from app.bus.base import Bus
from app.bus.memory import MemoryBus
from app.bus.redis import RedisBus
from app.consumers.registry import create_consumers
from app.consumers.runner import run_consumers
from app.core.cancellation import end
from app.core.devices import Devices
from app.core.passwords import Passwords
from app.core.sync_tokens import SyncTokens
from app.core.tokens import Tokens
from app.limits.base import RateLimiter
from app.limits.memory import MemoryRateLimiter
from app.limits.policies import create_policies
from app.limits.redis import RedisRateLimiter
from app.messages.send.group_commit import Committer
from app.messages.send.submit import send_alone
from app.persistence.data_loader import Together
from app.persistence.engine import create_engines
from app.persistence.migrations import Schema
from app.persistence.uow import Database
from app.presence.base import PresenceStore
from app.presence.memory import MemoryPresence
from app.presence.redis import RedisPresence
from app.realtime.service import Realtime, create_realtime, realtime_tasks
from app.settings import Settings
from app.users import expiry
from app.wire.errors import Busy

log = structlog.get_logger(__name__)

RESTART_S = 1.0
SESSIONS = 200  # looked up at once
LANES = 2


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[dict[str, Any]]:
    """The parts of a running server, as the state of every request."""
    async with AsyncExitStack() as stack:
        bus = create_bus(settings)
        database = _database(settings, bus)
        stack.push_async_callback(database.dispose)
        realtime = create_realtime(database, bus, settings)
        await bus.start()
        stack.push_async_callback(bus.stop)
        store = _presence(settings)
        stack.push_async_callback(store.stop)
        limiter = _limiter(settings)
        stack.push_async_callback(limiter.stop)
        await stack.enter_async_context(_workers(realtime, database, bus, store, limiter, settings))
        if settings.consumers.enabled:
            consumers = run_consumers(create_consumers(), database, bus, settings.consumers)
            await stack.enter_async_context(consumers)
        await _say_if_behind(database)
        record = _record(settings, database, stack)
        context = create_context(settings, database, bus, limiter, record)
        stack.callback(context.passwords.close)
        yield {
            "context": context,
            "realtime": realtime,
            "connection_services": realtime.connection_services,
        }


async def _say_if_behind(database: Database) -> None:
    """Not refused: it may be migrated while the program runs, and /health/ready says so, too."""
    try:
        schema = await database.schema()
        if schema in (Schema.BEHIND, Schema.TOO_OLD):
            log.warning("database.schema", state=schema.value, mend="python -m app migrate")
    except Busy as error:
        log.warning("database.unreachable", mend="see CHAT_DATABASE__URL", error=error.detail)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[Database, Bus]]:
    """The database for a command, which announces what it records like a server does."""
    async with AsyncExitStack() as stack:
        bus = create_bus(settings)
        database = _database(settings, bus)
        stack.push_async_callback(database.dispose)
        await bus.start()
        stack.push_async_callback(bus.stop)
        yield database, bus


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """The database for a command that changes nothing, and so announces nothing."""
    database = _database(settings, MemoryBus())
    try:
        yield database
    finally:
        await database.dispose()


def create_bus(settings: Settings) -> Bus:
    return RedisBus(settings.redis) if settings.redis.url else MemoryBus()


def _presence(settings: Settings) -> PresenceStore:
    if not settings.redis.url:
        return MemoryPresence()
    realtime = settings.realtime
    return RedisPresence(settings.redis, realtime.presence_ttl_s, realtime.presence_grace_s)


def _limiter(settings: Settings) -> RateLimiter:
    policies = create_policies(settings)
    if not settings.redis.url:
        return MemoryRateLimiter(policies)
    return RedisRateLimiter(settings.redis, policies)


def _database(settings: Settings, bus: Bus) -> Database:
    return Database(create_engines(settings.database), bus.announce, settings.database.max_attempts)


def create_passwords(settings: Settings) -> Passwords:
    auth = settings.auth
    return Passwords(
        workers=auth.argon2_workers,
        waiting=auth.argon2_queue_size,
        memory_kib=auth.argon2_memory_kib,
        wait_s=auth.argon2_queue_timeout_s,
    )


def _record(settings: Settings, database: Database, stack: AsyncExitStack) -> Record:
    """How sends are committed; what waits when the server ends is finished first."""
    if not settings.database.group_commit:
        return partial(send_alone, database)
    committer = Committer(database, lanes=1 if settings.database.is_sqlite else LANES)
    stack.push_async_callback(committer.close)
    return committer.send


def create_context(
    settings: Settings, database: Database, bus: Bus, limiter: RateLimiter, record: Record
) -> Context:
    auth = settings.auth
    return Context(
        settings=settings,
        database=database,
        bus=bus,
        actors=Together(database, actors_of, SESSIONS),
        tokens=Tokens(auth.keys, auth.issuer),
        snapshots=SyncTokens(auth.keys),
        passwords=create_passwords(settings),
        devices=Devices(auth.keys),
        limiter=limiter,
        record=record,
    )


@asynccontextmanager
async def _workers(
    realtime: Realtime,
    database: Database,
    bus: Bus,
    store: PresenceStore,
    limiter: RateLimiter,
    settings: Settings,
) -> AsyncIterator[None]:
    workers = {
        **realtime_tasks(realtime, database, bus, store, settings),
        "logins": lambda: expiry.delete_expired_logins(database),
        "limits": limiter.run,
    }
    tasks = [asyncio.create_task(_for_ever(name, work)) for name, work in workers.items()]
    try:
        yield
    finally:
        await end(*tasks)


async def _for_ever(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """A worker that fails is a defect, which is logged; delivery does not end with it."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("worker.failed", worker=name)
        await asyncio.sleep(RESTART_S)
