"""python -m app check: what an operator wants to know before, and after, something goes wrong."""

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

from app.bus.base import Bus
from app.core.errors import ChatError
from app.ops.service import MIGRATE, DatabaseState, check_database
from app.persistence.migrations import Schema
from app.persistence.uow import Database, Reader
from app.settings import Settings

ANSWER_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `trouble`: what is wrong and what to do; None: it is fine."""

    what: str
    found: str
    trouble: str | None = None


async def findings(
    settings: Settings, database: Database, bus: Bus, *, with_logs: bool
) -> AsyncIterator[Finding]:
    """Each as soon as it is known. The bus must have been started."""
    yield _settings(settings)
    yield _tls(settings)
    state = await check_database(database, ANSWER_WITHIN_S)
    yield _database(settings, state)
    yield _bus(settings, bus)
    if with_logs and state in (Schema.CURRENT, Schema.AHEAD):
        yield await _logs(database)


def _settings(settings: Settings) -> Finding:
    server = settings.server
    found = f"{server.environment}, http{'s' if server.tls_certificate else ''}://{server.host}:{server.port}"
    if server.environment == "production" and settings.database.is_sqlite:
        found += "; SQLite serves one process"
    return Finding("settings", found)


def _tls(settings: Settings) -> Finding:
    certificate, key = settings.server.tls_certificate, settings.server.tls_key
    if certificate is None or key is None:
        return Finding("TLS", "off")
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except OSError as error:  # SSLError is one, too
        return Finding(
            "TLS", str(certificate), f"cannot be used: {error}. `make certs` makes a pair."
        )
    return Finding("TLS", str(certificate))


def _database(settings: Settings, state: DatabaseState) -> Finding:
    kind = "SQLite" if settings.database.is_sqlite else "MySQL"
    match state:
        case Schema.CURRENT:
            return Finding("database", f"{kind}, schema up to date")
        case Schema.AHEAD:
            return Finding("database", f"{kind}, schema of a newer program")
        case Schema.BEHIND:
            return Finding("database", kind, f"the newest migration is missing: {MIGRATE}")
        case Schema.TOO_OLD:
            return Finding("database", kind, f"the schema is too old for this program: {MIGRATE}")
        case "unreachable":
            return Finding("database", kind, "cannot be reached: see CHAT_DATABASE__URL")


def _bus(settings: Settings, bus: Bus) -> Finding:
    if not settings.redis.url:
        return Finding("bus", "in this process; set CHAT_REDIS__URL for more than one")
    if bus.healthy:
        return Finding("bus", "Redis")
    return Finding("bus", "Redis", "cannot be reached: see CHAT_REDIS__URL")


async def _logs(database: Database) -> Finding:
    try:
        rooms, broken = await database.read(_broken_logs)
    except ChatError as error:
        return Finding("logs", "not read", error.detail)
    if broken:
        return Finding(
            "logs", f"{rooms} rooms", "the log is not 1, 2, 3, … in " + ", ".join(broken)
        )
    return Finding("logs", f"{rooms} rooms, each dense from 1 to its head")


async def _broken_logs(reads: Reader) -> tuple[int, list[str]]:
    rooms, broken = await reads.events.density()
    return rooms, [str(room) for room in broken]
