"""POST /ws-tickets. What they open is shown in tests/realtime."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.core.clock import now
from app.core.errors import SessionEnded
from app.core.tokens import digest
from app.persistence.tables import Ticket
from app.persistence.uow import UnitOfWork
from app.users import logins
from tests.features.answers import ok, refused
from tests.features.people import Person
from tests.features.serving import Running


async def test_each_ticket_is_new_and_short_lived(server: Running, ada: Person) -> None:
    tickets = [ok(await ada.post("/ws-tickets"), 201) for _ in range(2)]
    assert all(t.keys() == {"ticket", "expires_in"} and t["expires_in"] == 45 for t in tickets)
    assert len({t["ticket"] for t in tickets}) == 2
    assert all(len(t["ticket"]) == 64 for t in tickets)


async def test_a_ticket_is_taken_once(server: Running, ada: Person) -> None:
    transact = server.context.database.transact
    ticket = ok(await ada.post("/ws-tickets"), 201)["ticket"]
    taken = await transact(logins.redeem_ticket, ticket)
    assert taken
    assert (str(taken[0].user), str(taken[0].session)) == (ada.id, ada.session)
    assert await transact(logins.redeem_ticket, ticket) is None


async def test_a_ticket_ends_with_its_session(server: Running, ada: Person) -> None:
    ticket = ok(await ada.post("/ws-tickets"), 201)["ticket"]
    ok(await ada.post("/auth/logout"), 204)
    with pytest.raises(SessionEnded):
        await server.context.database.transact(logins.redeem_ticket, ticket)


async def test_unused_tickets_are_forgotten(server: Running, ada: Person) -> None:
    old = ok(await ada.post("/ws-tickets"), 201)["ticket"]

    async def age(uow: UnitOfWork) -> None:
        past = now() - timedelta(seconds=1)
        row = Ticket.digest == digest(old)
        await uow._session.execute(update(Ticket).where(row).values(expires_at=past))

    async def is_there(uow: UnitOfWork) -> Any:
        return await uow._session.scalar(select(Ticket).where(Ticket.digest == digest(old)))

    transact = server.context.database.transact
    await transact(age)
    assert await transact(logins.redeem_ticket, old) is None
    ok(await ada.post("/ws-tickets"), 201)
    assert await transact(is_there) is None


async def test_nobody_gets_one_without_a_session(server: Running) -> None:
    async with server.client() as http:
        refused(await http.post("/api/v1/ws-tickets"), "unauthenticated")
