"""Expired tickets, refresh tokens and sessions are deleted."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, insert, select, update

from app.core.clock import EPOCH, now
from app.core.tokens import digest, new_secret
from app.persistence.consumer_tables import ConsumerLease
from app.persistence.tables import Departure, RefreshToken, Session, Ticket
from app.persistence.uow import UnitOfWork
from app.users import expiry
from testkit.answers import assert_ok, assert_problem
from testkit.people import Person
from testkit.server import TestServer
from testkit.waiting import eventually
from tests.features.users.auth import log_in, renew, set_session_times, set_token_times, whoami

HOURS = timedelta(hours=1)


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "PAUSE_S", 0)


LEASE = expiry.create_lease()


async def forget(server: TestServer) -> None:
    """Also if the server itself has just deleted, whose lease would be valid for minutes."""
    database = server.context.database

    async def is_done() -> bool:
        await database.transact(_expire_leases_of_others)
        return await expiry.delete_old(database, LEASE, 0)

    await eventually(is_done)


async def _expire_leases_of_others(uow: UnitOfWork) -> None:
    others = (ConsumerLease.consumer == LEASE.consumer, ConsumerLease.holder != LEASE.holder)
    await uow._session.execute(update(ConsumerLease).where(*others).values(expires_at=EPOCH))


async def rows(server: TestServer, person: Person) -> dict[str, int]:
    """The number of rows of the user's first session."""

    async def count(uow: UnitOfWork) -> dict[str, int]:
        of = {Session: Session.id, RefreshToken: RefreshToken.session_id, Ticket: Ticket.session_id}
        return {
            table.__tablename__: await uow._session.scalar(
                select(func.count()).where(column == UUID(person.session))
            )
            or 0
            for table, column in of.items()
        }

    return await server.context.database.transact(count)


async def tickets_expired(server: TestServer, person: Person, at: datetime) -> None:
    async def age(uow: UnitOfWork) -> None:
        mine = Ticket.session_id == UUID(person.session)
        await uow._session.execute(update(Ticket).where(mine).values(expires_at=at))

    await server.context.database.transact(age)


async def test_valid_sessions_and_tokens_are_not_deleted(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    assert_ok(await ada.post("/ws-tickets"), 201)
    token = assert_ok(await renew(http, ada.refresh))["refresh_token"]
    # Just over: the clock of another process may be behind.
    await tickets_expired(server, ada, now() - HOURS / 2)
    await set_token_times(server, ada.refresh, expires_at=now() - HOURS / 2)
    await forget(server)
    assert await rows(server, ada) == {"sessions": 1, "refresh_tokens": 2, "ws_tickets": 1}
    assert_ok(await renew(http, token))


async def test_expired_tickets_and_used_refresh_tokens_are_deleted(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    token = ada.refresh
    for _ in range(3):
        token = assert_ok(await renew(http, token))["refresh_token"]
    assert_ok(await ada.post("/ws-tickets"), 201)
    await set_token_times(server, ada.refresh, expires_at=now() - 2 * HOURS)
    await tickets_expired(server, ada, now() - 2 * HOURS)
    await forget(server)
    assert await rows(server, ada) == {"sessions": 1, "refresh_tokens": 3, "ws_tickets": 0}
    assert_problem(await renew(http, ada.refresh), "invalid_grant")
    assert_ok(await renew(http, token))  # what is not known any more ends nothing


async def test_expired_sessions_are_deleted_with_their_tokens(
    server: TestServer, http: httpx.AsyncClient, ada: Person, eve: Person
) -> None:
    other = assert_ok(await log_in(http, ada.username))
    assert_ok(await ada.post("/ws-tickets"), 201)
    await set_session_times(server, ada.session, expires_at=now() - 2 * HOURS)
    assert_problem(await ada.get("/users/me"), "session_ended")
    await forget(server)
    assert await rows(server, ada) == {"sessions": 0, "refresh_tokens": 0, "ws_tickets": 0}
    assert_problem(await ada.get("/users/me"), "session_ended")
    assert_problem(await renew(http, ada.refresh), "invalid_grant")
    assert_ok(await ada.post("/auth/logout"), 204)
    assert_ok(await whoami(http, other["access_token"]))
    assert_ok(await eve.get("/users/me"))


async def test_an_ended_session_is_deleted_after_a_day(
    server: TestServer, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_ok(await ada.post("/auth/logout"), 204)
    for later, left in ((timedelta(hours=24), 1), (timedelta(hours=26), 0)):
        monkeypatch.setattr(expiry, "now", lambda later=later: now() + later)
        # Those of other tests go as well.
        await forget(server)
        assert (await rows(server, ada))["sessions"] == left


async def token_count(server: TestServer, *people: Person) -> int:
    return sum([(await rows(server, person))["refresh_tokens"] for person in people])


async def _forget_once(uow: UnitOfWork, what: str, before: datetime) -> bool:
    forget_some: Any = getattr(uow.sessions, what)
    return bool(await forget_some(before, 20))


async def test_a_backlog_is_deleted_in_small_transactions_by_several_processes(
    server: TestServer, ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "ROWS_PER_TRANSACTION", 20)
    past = now() - 2 * HOURS

    async def fill(uow: UnitOfWork) -> None:
        many = [
            {"digest": digest(new_secret()), "session_id": UUID(person.session), "expires_at": at}
            for person in (ada, bob)
            for at in (past, now() + HOURS)
            for _ in range(90)
        ]
        await uow._session.execute(insert(RefreshToken), many)

    await server.context.database.transact(fill)
    await set_session_times(server, ada.session, expires_at=past)
    transact = server.context.database.transact
    for table in ("delete_refresh_tokens", "delete_sessions"):
        before = await token_count(server, ada, bob)
        assert await transact(_forget_once, table, now() - HOURS) is True
        assert await token_count(server, ada, bob) == before - 20
    await asyncio.gather(*(forget(server) for _ in range(4)))
    assert await rows(server, ada) == {"sessions": 0, "refresh_tokens": 0, "ws_tickets": 0}
    assert await rows(server, bob) == {"sessions": 1, "refresh_tokens": 91, "ws_tickets": 0}
    assert_ok(await bob.get("/users/me"))


async def test_one_process_at_a_time_deletes(server: TestServer) -> None:
    database = server.context.database
    await forget(server)
    assert not await expiry.delete_old(database, expiry.create_lease(), 0)
    assert await expiry.delete_old(database, LEASE, 0)


async def log_of(person: Person, after: int = 0) -> tuple[list[int], int]:
    """The seqs of the person's log, and where it begins."""
    page = assert_ok(await person.get("/users/me/events", after=after, limit=100))
    return [event["seq"] for event in page["items"]], page["trimmed"]


async def test_a_log_keeps_its_newest_events(
    server: TestServer, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(8):
        await ada.makes_room()
    monkeypatch.setattr(expiry, "ROWS_PER_TRANSACTION", 2)
    monkeypatch.setattr(expiry, "LOGS_PER_QUERY", 1)
    await forget(server)
    assert await log_of(ada) == ([1, 2, 3, 4, 5, 6, 7, 8], 0)
    monkeypatch.setattr(expiry, "MAX_USER_EVENTS", 3)
    await forget(server)
    assert await log_of(ada) == ([6, 7, 8], 5)
    await ada.makes_room()
    assert await log_of(ada, after=7) == ([8, 9], 5)


async def test_events_of_a_log_are_deleted_after_thirty_days(
    server: TestServer, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await ada.makes_room()
    assert timedelta(days=30) == expiry.MAX_USER_EVENT_AGE
    await forget(server)
    assert await log_of(ada) == ([1, 2, 3], 0)
    monkeypatch.setattr(expiry, "MAX_USER_EVENT_AGE", timedelta(0))
    await forget(server)
    assert await log_of(ada) == ([], 3)
    await ada.makes_room()
    assert await log_of(ada) == ([4], 3)


async def test_a_departure_is_over_once_the_user_is_back(
    server: TestServer, ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("private", bob)

    async def departures(uow: UnitOfWork) -> int:
        of_room = select(func.count()).where(Departure.room_id == UUID(room))
        return await uow._session.scalar(of_room) or 0

    assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
    assert await server.context.database.transact(departures) == 1
    assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
    assert await server.context.database.transact(departures) == 0
