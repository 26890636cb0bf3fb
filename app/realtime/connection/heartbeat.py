"""What happens by the clock, for all sockets at once: heartbeats, ended sessions, lost tails."""

import asyncio
import random
from uuid import UUID

import structlog

from app.core.clock import now, tick
from app.persistence.repositories.sessions import SessionState
from app.persistence.uow import ReadSession
from app.realtime.delivery.change_poller import WINDOW_S, poll_changed_memberships
from app.realtime.delivery.gap_repair import check_heads
from app.realtime.hub.connection import Connection
from app.realtime.hub.hub import Hub
from app.settings import Realtime
from app.wire.close_codes import CloseCode
from app.wire.errors import ChatError
from app.wire.frames import Head, Ping

log = structlog.get_logger(__name__)

TICK_S = 1.0
HEADS_EVERY_S = 60
IDS = 500


async def beat(hub: Hub, settings: Realtime) -> None:
    """Runs for ever: a ping to whoever has been silent, the end of whoever stays it. One clock for
    all sockets, which looks closely only where something can be due."""
    loop = asyncio.get_running_loop()
    number = 0
    while True:
        late_s = await tick(TICK_S)
        number += 1
        hub.turn.end()  # what the heads tell of is on its way before them
        at = loop.time()
        if late_s > TICK_S:
            _excuse_silence(hub, late_s, at)
        for connection in [one for one in hub.connections if one.next_check_at <= at]:
            _look(hub, settings, connection, at, number)


def _excuse_silence(hub: Hub, late_s: float, at: float) -> None:
    """No client could be heard while this process stood still."""
    for connection in hub.connections:
        connection.last_received_at = min(connection.last_received_at + late_s, at)


def _look(hub: Hub, settings: Realtime, connection: Connection, at: float, number: int) -> None:
    silent_s = at - connection.last_received_at
    if silent_s > settings.dead_after_s:
        _end(hub, connection, CloseCode.HEARTBEAT, "no sign of life")
        return
    ping_after_s = _ping_after(connection, settings.heartbeat_s)
    if not connection.ping_sent and silent_s > ping_after_s:
        connection.ping_sent = True
        connection.send(Ping(n=number, heads=_heads(connection)))
    # What it says meanwhile only makes it later, and the next look finds that.
    ping_in_s = ping_after_s if connection.ping_sent else ping_after_s - silent_s
    connection.next_check_at = at + min(ping_in_s, settings.dead_after_s - silent_s)


async def end_expired(hub: Hub) -> None:
    """Runs for ever: closes sockets whose session has expired, by what the database says now: it
    lasts longer than at the hello if it was renewed. Where that cannot be asked they are closed."""
    while True:
        await asyncio.sleep(TICK_S)
        at = now()
        expired = [connection for connection in hub.connections if connection.expires_at <= at]
        for start in range(0, len(expired), IDS):
            await _end_unless_renewed(hub, expired[start : start + IDS])


async def _end_unless_renewed(hub: Hub, expired: list[Connection]) -> None:
    sessions: dict[UUID, SessionState] = {}
    try:
        sessions = await hub.database.read(_sessions, {one.actor.session for one in expired})
    except ChatError as error:
        log.warning("sessions.not_renewed", error=error.detail)
    for connection in expired:
        session = sessions.get(connection.actor.session)
        if session:
            connection.expires_at = session.expires_at
        if connection.expires_at <= now():
            _end(hub, connection, CloseCode.EXPIRED, "the session has expired")


async def check_sessions(hub: Hub, settings: Realtime) -> None:
    """Runs for ever: closes sockets whose session was revoked while the bus did not say so."""
    while True:
        await asyncio.sleep(settings.session_check_s)
        users = {connection.actor.session: connection.user for connection in hub.connections}
        sessions = list(users)
        for start in range(0, len(sessions), IDS):
            some = sessions[start : start + IDS]
            try:
                live = await hub.database.read(_live_among, some)
            except ChatError as error:
                log.warning("sessions.not_checked", error=error.detail)
                break
            for session in set(some) - live:
                hub.close_session(session, users[session])


async def resolve_doubts(hub: Hub) -> None:
    """Runs for ever: when the bus may have lost something, and once a minute."""
    while True:
        try:
            async with asyncio.timeout(HEADS_EVERY_S):
                await hub.doubts.wait()
        except TimeoutError:
            pass
        hub.doubts.clear()
        try:
            await check_heads(hub)
            await poll_changed_memberships(hub, HEADS_EVERY_S + WINDOW_S)
        except Exception as error:
            hub.doubts.set()
            if not isinstance(error, ChatError):
                raise
            log.warning("heads.not_checked", error=error.detail)
            await asyncio.sleep(TICK_S)


def _end(hub: Hub, connection: Connection, code: CloseCode, reason: str) -> None:
    connection.close(code, reason)
    hub.leave(connection)


def _ping_after(connection: Connection, heartbeat_s: float) -> float:
    """Ten percent more or less for each socket, so that they do not all answer at once."""
    if not connection.ping_after_s:
        connection.ping_after_s = heartbeat_s * random.uniform(0.9, 1.1)
    return connection.ping_after_s


def _heads(connection: Connection) -> list[Head]:
    return [
        Head(room=follower.room.id, seq=follower.room.stream.head)
        for follower in connection.subscriptions.values()
        if connection in follower.room.live
    ]


async def _sessions(reads: ReadSession, ids: set[UUID]) -> dict[UUID, SessionState]:
    return await reads.sessions.with_users(ids)


async def _live_among(reads: ReadSession, sessions: list[UUID]) -> set[UUID]:
    at = now()
    if await reads.sessions.are_live(sessions, at):  # as nearly always
        return set(sessions)
    return await reads.sessions.live_among(sessions, at)
