"""The composition root: creates all components once, in order, and closes them in reverse order."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog

from app.application.app_context import AppContext
from app.application.server_state import KnownServerState, run_server_state_check
from app.application.session_lookup import load_actors
from app.bus.base import Bus
from app.bus.memory import MemoryBus
from app.bus.redis import RedisBus
from app.consumers.registry import create_consumers
from app.consumers.runner import run_consumers
from app.core.cancellation import cancel_and_wait
from app.core.device_tokens import DeviceTokens
from app.core.passwords import Passwords
from app.core.setup_code import create_setup_code
from app.core.sync_tokens import SyncTokens
from app.core.tokens import Tokens
from app.drafts.queue import DraftQueue
from app.installation.service import get_installation
from app.limits.base import RateLimiter
from app.limits.memory import MemoryRateLimiter
from app.limits.policies import create_policies
from app.limits.redis import RedisRateLimiter
from app.messages.purge import PURGE
from app.messages.read_markers import ReadMarkerQueue
from app.messages.retention import RETENTION, run_job
from app.messages.send.change_rules import message_limits
from app.messages.send.group_commit import MAX_BATCH, Committer
from app.ops.service import MIGRATE_COMMAND
from app.persistence.data_loader import DataLoader
from app.persistence.database import Database
from app.persistence.engine import create_engines
from app.persistence.migrations import SchemaStatus
from app.presence.base import PresenceStore
from app.presence.memory import MemoryPresence
from app.presence.redis import RedisPresence
from app.realtime.service import Realtime, create_realtime, realtime_tasks
from app.scheduling.job import run_scheduling
from app.settings import Settings
from app.users import expiry
from app.wire.errors import ChatError

log = structlog.get_logger(__name__)

RESTART_DELAY_S = 1.0
SESSIONS_PER_QUERY = 200
COMMIT_CONCURRENCY = 2


@asynccontextmanager
async def run_server_components(settings: Settings) -> AsyncIterator[dict[str, Any]]:
    """Runs all components; yields the state of every request."""
    async with AsyncExitStack() as stack:
        bus = create_bus(settings)
        database = _create_database(settings, bus)
        stack.push_async_callback(database.dispose)
        server_state = KnownServerState(database)
        sync_tokens = SyncTokens(settings.auth.keys)
        realtime = create_realtime(database, bus, settings, server_state, sync_tokens)
        await bus.start()
        stack.push_async_callback(bus.stop)
        store = _create_presence_store(settings)
        stack.push_async_callback(store.stop)
        limiter = _create_limiter(settings)
        stack.push_async_callback(limiter.stop)
        await stack.enter_async_context(
            _run_background_tasks(realtime, database, bus, store, limiter, server_state, settings)
        )
        if settings.consumers.enabled:
            consumers = run_consumers(create_consumers(), database, bus, settings.consumers)
            await stack.enter_async_context(consumers)
        await _check_database(database, server_state)
        setup_code = await _find_setup_code(settings, database, server_state)
        committer = _create_committer(settings, database, stack)
        read_markers = ReadMarkerQueue(database)
        stack.push_async_callback(read_markers.close)
        drafts = DraftQueue(database, settings.limits.max_drafts)
        stack.push_async_callback(drafts.close)
        context = create_context(
            settings,
            database,
            bus,
            limiter,
            committer,
            store,
            read_markers,
            drafts,
            server_state,
            sync_tokens,
        )
        stack.callback(context.passwords.close)
        yield {
            "context": context,
            "setup_code": setup_code,
            "realtime": realtime,
            "connection_services": realtime.connection_services,
        }


async def _check_database(database: Database, server_state: KnownServerState) -> None:
    """The server starts anyway: the database may be migrated meanwhile, and /health/ready tells."""
    try:
        schema = await database.schema()
        if schema in (SchemaStatus.BEHIND, SchemaStatus.TOO_OLD):
            log.warning("database.schema_outdated", state=schema.value, hint=MIGRATE_COMMAND)
        if schema is not SchemaStatus.TOO_OLD:
            await server_state.refresh()
    except ChatError as error:
        hint = "see CHAT_DATABASE__URL"
        log.warning("database.connection_failed", hint=hint, error=error.detail)


async def _find_setup_code(
    settings: Settings, database: Database, server_state: KnownServerState
) -> str | None:
    """The code with which the server can be set up; None if it is, or if the database cannot say.
    Its log has the code, because an operator may not see what a service prints."""
    try:
        if await database.schema() is SchemaStatus.TOO_OLD:
            return None
        if not (await database.read(get_installation)).needs_setup:
            return None
        state = await server_state.get()
    except ChatError:  # `_check_database` has logged it
        return None
    code = create_setup_code(settings.auth.keys[0], state.epoch)
    log.warning("setup.pending", code=code, hint="open the page, or POST /api/v1/setup")
    return code


@asynccontextmanager
async def open_database_and_bus(settings: Settings) -> AsyncIterator[tuple[Database, Bus]]:
    """For commands that record events, which they publish like a server does."""
    async with AsyncExitStack() as stack:
        bus = create_bus(settings)
        database = _create_database(settings, bus)
        stack.push_async_callback(database.dispose)
        await bus.start()
        stack.push_async_callback(bus.stop)
        yield database, bus


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """For commands that record no events and so need no bus."""
    database = _create_database(settings, MemoryBus())
    try:
        yield database
    finally:
        await database.dispose()


def create_bus(settings: Settings) -> Bus:
    return RedisBus(settings.redis) if settings.redis.url else MemoryBus()


def _create_presence_store(settings: Settings) -> PresenceStore:
    if not settings.redis.url:
        return MemoryPresence()
    realtime = settings.realtime
    return RedisPresence(settings.redis, realtime.presence_ttl_s, realtime.presence_grace_s)


def _create_limiter(settings: Settings) -> RateLimiter:
    policies = create_policies(settings)
    if not settings.redis.url:
        return MemoryRateLimiter(policies)
    return RedisRateLimiter(settings.redis, policies)


def _create_database(settings: Settings, bus: Bus) -> Database:
    return Database(
        create_engines(settings.database),
        bus.publish,
        settings.database.max_attempts,
        settings.limits.max_unread,
    )


def create_passwords(settings: Settings) -> Passwords:
    auth = settings.auth
    return Passwords(
        workers=auth.argon2_workers,
        max_waiting=auth.argon2_queue_size,
        memory_kib=auth.argon2_memory_kib,
        wait_s=auth.argon2_queue_timeout_s,
    )


def _create_committer(settings: Settings, database: Database, stack: AsyncExitStack) -> Committer:
    """Pending commands are finished when the stack closes."""
    grouping = settings.database.group_commit
    concurrency = COMMIT_CONCURRENCY if grouping else settings.database.pool_size
    committer = Committer(
        database,
        message_limits(settings.limits),
        max_concurrent=1 if settings.database.is_sqlite else concurrency,
        max_batch=MAX_BATCH if grouping else 1,
    )
    stack.push_async_callback(committer.close)
    return committer


def create_context(
    settings: Settings,
    database: Database,
    bus: Bus,
    limiter: RateLimiter,
    committer: Committer,
    presence: PresenceStore,
    read_markers: ReadMarkerQueue,
    drafts: DraftQueue,
    server_state: KnownServerState,
    sync_tokens: SyncTokens,
) -> AppContext:
    auth = settings.auth
    return AppContext(
        settings=settings,
        database=database,
        bus=bus,
        actor_loader=DataLoader(
            lambda claims: database.read_directly(load_actors, claims), SESSIONS_PER_QUERY
        ),
        tokens=Tokens(auth.keys, auth.issuer),
        server_state=server_state,
        sync_tokens=sync_tokens,
        passwords=create_passwords(settings),
        device_tokens=DeviceTokens(auth.keys),
        limiter=limiter,
        send_message=committer.send,
        change_message=committer.change,
        presence=presence,
        mark_read=read_markers.mark_read,
        mark_unread=read_markers.mark_unread,
        save_draft=drafts.save,
    )


@asynccontextmanager
async def _run_background_tasks(
    realtime: Realtime,
    database: Database,
    bus: Bus,
    store: PresenceStore,
    limiter: RateLimiter,
    server_state: KnownServerState,
    settings: Settings,
) -> AsyncIterator[None]:
    functions = {
        **realtime_tasks(realtime, database, bus, store, settings),
        "expiry": lambda: expiry.run_expiry(database, settings.database.audit_log_days),
        "retention": lambda: run_job(RETENTION, database, settings.database.retention_interval_s),
        "purge": lambda: run_job(PURGE, database, settings.database.retention_interval_s),
        "limits": limiter.run,
        "scheduling": lambda: run_scheduling(
            database, settings.scheduling, message_limits(settings.limits)
        ),
        "server_state": lambda: run_server_state_check(server_state, settings.realtime),
    }
    tasks = [asyncio.create_task(_restart_forever(name, run)) for name, run in functions.items()]
    try:
        yield
    finally:
        await cancel_and_wait(*tasks)


async def _restart_forever(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Restarts a background task that raised an exception, which is a defect and is logged. Each
    line of the log that the task writes names it."""
    structlog.contextvars.bind_contextvars(task=name)
    while True:
        try:
            await run()
        except Exception:
            log.exception("task.failed", task=name)
        await asyncio.sleep(RESTART_DELAY_S)
