"""POST /ws-tickets. tests/realtime tests the sockets that they open."""

import asyncio
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from app.core.actor import Actor
from app.core.clock import now
from app.persistence.tables import Ticket
from app.persistence.uow import UnitOfWork
from app.users import sessions
from app.wire.errors import SessionEnded
from testkit.answers import assert_ok, assert_problem
from testkit.people import Person
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend


async def test_tickets_are_unique_and_short_lived(server: TestServer, ada: Person) -> None:
    tickets = [assert_ok(await ada.post("/ws-tickets"), 201) for _ in range(2)]
    assert all(t.keys() == {"ticket", "expires_in"} and t["expires_in"] == 45 for t in tickets)
    assert len({t["ticket"] for t in tickets}) == 2
    assert all(len(t["ticket"]) == 64 for t in tickets)


async def test_a_ticket_is_redeemed_once(server: TestServer, ada: Person) -> None:
    transact = server.context.database.transact
    ticket = assert_ok(await ada.post("/ws-tickets"), 201)["ticket"]
    taken = await transact(sessions.redeem_ticket, ticket)
    assert taken
    assert (str(taken[0].user), str(taken[0].session)) == (ada.id, ada.session)
    assert await transact(sessions.redeem_ticket, ticket) is None


async def test_a_ticket_of_an_ended_session_is_void(server: TestServer, ada: Person) -> None:
    ticket = assert_ok(await ada.post("/ws-tickets"), 201)["ticket"]
    assert_ok(await ada.post("/auth/logout"), 204)
    with pytest.raises(SessionEnded):
        await server.context.database.transact(sessions.redeem_ticket, ticket)


@pytest.mark.setting("CHAT_LIMITS__TICKETS_PER_SESSION")
async def test_a_session_keeps_its_newest_20_tickets(backend: Backend) -> None:
    settings = without_limits(backend.override(limits={"tickets_per_session": 3}))
    async with run_server(settings) as server, server.client() as http:
        ada, bob = await server.people(http, "ada", "bob")
        others = assert_ok(await bob.post("/ws-tickets"), 201)["ticket"]
        tickets = [assert_ok(await ada.post("/ws-tickets"), 201)["ticket"] for _ in range(5)]
        transact = server.context.database.transact
        taken = [await transact(sessions.redeem_ticket, ticket) for ticket in (*tickets, others)]
        assert [bool(found) for found in taken] == [False, False, True, True, True, True]


async def test_concurrent_tickets_are_limited(server: TestServer, ada: Person) -> None:
    answers = await asyncio.gather(*(ada.post("/ws-tickets") for _ in range(60)))
    for answer in answers:
        assert_ok(answer, 201)

    async def count(uow: UnitOfWork) -> int | None:
        mine = Ticket.session_id == UUID(ada.session)
        return await uow._session.scalar(select(func.count()).where(mine))

    most = server.settings.limits.tickets_per_session
    assert await server.context.database.transact(count) == most


async def test_an_ended_session_gets_no_ticket(server: TestServer, ada: Person) -> None:
    """The session was deleted after the token was checked."""
    actor = Actor(UUID(ada.id), uuid4(), is_admin=False, expires_at=now())
    with pytest.raises(SessionEnded):
        await server.context.database.transact(sessions.issue_ticket, actor, 45, 20)


async def test_a_ticket_needs_a_session(server: TestServer) -> None:
    async with server.client() as http:
        assert_problem(await http.post("/api/v1/ws-tickets"), "unauthenticated")
