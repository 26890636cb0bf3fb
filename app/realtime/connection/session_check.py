"""Closes connections whose session has expired or was revoked, by what the database says."""

import asyncio
from uuid import UUID

import structlog

from app.core.clock import now
from app.persistence.database import Database
from app.persistence.repositories.session_states import SessionState
from app.persistence.uow import ReadSession
from app.realtime.hub.connection import Connection
from app.realtime.hub.hub import Hub
from app.settings import Realtime
from app.wire.close_codes import CloseCode
from app.wire.errors import ChatError

log = structlog.get_logger(__name__)

TICK_S = 1.0
SESSIONS_PER_QUERY = 500


async def run_session_check(hub: Hub, database: Database, settings: Realtime) -> None:
    """Runs forever: finds sessions that were revoked while the bus lost the publication."""
    while True:
        await asyncio.sleep(settings.session_check_interval_s)
        users = {connection.actor.session: connection.user for connection in hub.connections}
        sessions = list(users)
        for start in range(0, len(sessions), SESSIONS_PER_QUERY):
            chunk = sessions[start : start + SESSIONS_PER_QUERY]
            try:
                active = await database.read(_active_sessions, chunk)
            except ChatError as error:
                log.warning("session_check.failed", error=error.detail)
                break
            for session in set(chunk) - active:
                hub.close_session(session, users[session])


async def run_session_expiry(hub: Hub, database: Database) -> None:
    """Runs forever: closes connections whose session has expired, unless the database says that it
    was renewed since the hello. If the database does not answer they are closed."""
    while True:
        await asyncio.sleep(TICK_S)
        at = now()
        expired = [connection for connection in hub.connections if connection.expires_at <= at]
        for start in range(0, len(expired), SESSIONS_PER_QUERY):
            await _close_expired(hub, database, expired[start : start + SESSIONS_PER_QUERY])


async def _close_expired(hub: Hub, database: Database, expired: list[Connection]) -> None:
    sessions: dict[UUID, SessionState] = {}
    try:
        sessions = await database.read(_sessions, {c.actor.session for c in expired})
    except ChatError as error:
        log.warning("session_expiry.not_renewed", error=error.detail)
    for connection in expired:
        session = sessions.get(connection.actor.session)
        if session:
            connection.expires_at = session.expires_at
        if connection.expires_at <= now():
            hub.close(connection, CloseCode.EXPIRED, "the session has expired")


async def _sessions(reads: ReadSession, ids: set[UUID]) -> dict[UUID, SessionState]:
    return await reads.session_states.with_users(ids)


async def _active_sessions(reads: ReadSession, sessions: list[UUID]) -> set[UUID]:
    at = now()
    if await reads.session_states.are_active(sessions, at):  # as nearly always
        return set(sessions)
    return await reads.session_states.filter_active(sessions, at)
