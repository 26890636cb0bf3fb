"""The composition root: everything is made here, once, in order, and ended in the reverse order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog

from app.bus.base import Bus
from app.bus.memory import MemoryBus
from app.bus.redis import RedisBus
from app.core.errors import Busy
from app.core.passwords import Passwords
from app.core.rates import Buckets
from app.core.snapshots import Snapshots
from app.core.tokens import Tokens
from app.persistence.engine import create_engines
from app.persistence.migrations import Schema
from app.persistence.uow import Database
from app.realtime import backlog, bumps, pulse, recovery, repair, sweep
from app.realtime.handshake import Lobby
from app.realtime.hub import Hub
from app.settings import Settings
from app.web.context import Context

log = structlog.get_logger(__name__)

RESTART_S = 1.0


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[dict[str, Any]]:
    """The parts of a running server, as the state of every request."""
    async with AsyncExitStack() as stack:
        bus = create_bus(settings)
        database = _database(settings, bus)
        stack.push_async_callback(database.dispose)
        hub = Hub(database, settings.limits)
        bus.listen(hub.hear, hub.doubts.set)
        await bus.start()
        stack.push_async_callback(bus.stop)
        await stack.enter_async_context(_workers(hub, bus, settings))
        await _say_if_behind(database)
        context = create_context(settings, database, bus)
        stack.callback(context.passwords.close)
        yield {
            "context": context,
            "hub": hub,
            "lobby": Lobby(
                settings.limits.sockets_unauthenticated_per_address,
                settings.limits.sockets_unauthenticated,
            ),
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


def create_bus(settings: Settings) -> Bus:
    return RedisBus(settings.redis) if settings.redis.url else MemoryBus()


def _database(settings: Settings, bus: Bus) -> Database:
    return Database(create_engines(settings.database), bus.announce, settings.database.attempts)


def create_passwords(settings: Settings) -> Passwords:
    auth = settings.auth
    return Passwords(
        workers=auth.argon2_workers,
        waiting=auth.argon2_waiting,
        memory_kib=auth.argon2_memory_kib,
    )


def create_context(settings: Settings, database: Database, bus: Bus) -> Context:
    auth, limits = settings.auth, settings.limits
    return Context(
        settings=settings,
        database=database,
        bus=bus,
        tokens=Tokens(auth.secret_key.encode(), auth.issuer),
        snapshots=Snapshots(auth.secret_key.encode()),
        passwords=create_passwords(settings),
        sends=Buckets("messages", limits.sends_per_second, limits.sends_burst),
        attempts=Buckets("attempts", auth.attempts_per_minute / 60, auth.attempts_burst),
    )


@asynccontextmanager
async def _workers(hub: Hub, bus: Bus, settings: Settings) -> AsyncIterator[None]:
    realtime = settings.realtime
    tasks = [
        asyncio.create_task(_for_ever(name, work))
        for name, work in (
            ("repair", lambda: repair.repair_gaps(hub, realtime)),
            ("recovery", lambda: recovery.recover_rooms(hub)),
            ("backlogs", lambda: backlog.watch_backlogs(hub, realtime)),
            ("bumps", lambda: bumps.send_bumps(hub, realtime)),
            ("beat", lambda: pulse.beat(hub, realtime)),
            ("sessions", lambda: pulse.check_sessions(hub, realtime)),
            ("sweep", lambda: sweep.sweep(hub, bus, realtime)),
            ("doubts", lambda: pulse.resolve_doubts(hub)),
        )
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _for_ever(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """A worker that fails is a defect, which is logged; delivery does not end with it."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("worker.failed", worker=name)
        await asyncio.sleep(RESTART_S)
