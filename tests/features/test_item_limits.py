"""Limits of the number of items are exact, also when many requests come at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest

from app.core.clock import now
from testkit.answers import assert_ok, assert_problem
from testkit.people import Person, all_pages
from testkit.server import run_server, without_limits
from testkit.servers.backend import Backend

MAX, TOGETHER = 3, 12
LIMITS = dict.fromkeys(("max_drafts", "max_saved", "max_scheduled", "max_reminders"), MAX)
Add = Callable[[Person, str, int], Awaitable[httpx.Response]]
LATER = (now() + timedelta(hours=1)).isoformat()


async def schedule(person: Person, room: str, number: int) -> httpx.Response:
    body = {"text": "x", "nonce": f"n{number}", "due_at": LATER}
    return await person.post(f"/rooms/{room}/scheduled", **body)


ADD: dict[str, Add] = {
    "drafts": lambda person, room, _: person.put(f"/rooms/{room}/draft", text="x"),
    "saved": lambda person, room, _: person.put(f"/rooms/{room}/messages/3/saved"),
    "scheduled": schedule,
    "reminders": lambda person, room, _: person.post(
        "/users/me/reminders", room=room, due_at=LATER
    ),
}


@pytest.mark.parametrize("kind", ADD)
async def test_concurrent_requests_do_not_exceed_a_limit(backend: Backend, kind: str) -> None:
    """Each in a room of its own, so that no other lock orders them."""
    settings = without_limits(backend.override(limits=LIMITS))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        rooms = [await ada.makes_room("group") for _ in range(TOGETHER)]
        for room in rooms:
            assert await ada.says(room, "x") == [3]
        answers = await asyncio.gather(
            *(ADD[kind](ada, room, number) for number, room in enumerate(rooms))
        )
        refused = [answer for answer in answers if not answer.is_success]
        assert len(refused) == TOGETHER - MAX
        for answer in refused:
            assert_problem(answer, "too_many")
        (items,) = await all_pages(ada, f"/users/me/{kind}", limit=50)
        assert len(items) == MAX


async def test_a_repeated_nonce_finds_the_first_at_the_limit(backend: Backend) -> None:
    settings = without_limits(backend.override(limits=LIMITS | {"max_scheduled": 1}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        room = await ada.makes_room("group")
        answers = await asyncio.gather(*(schedule(ada, room, 0) for _ in range(TOGETHER)))
        assert sorted(answer.status_code for answer in answers) == [200] * (TOGETHER - 1) + [201]
        assert len({assert_ok(a, a.status_code)["id"] for a in answers}) == 1
