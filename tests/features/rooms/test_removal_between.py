"""A removal between two statements of a request: the request shows nothing after the removal.

Each request is stopped before each of its statements in turn. Meanwhile its user is removed and the
room gets more events. The request may be refused, or show the room up to the removal.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy.util import await_only

from testkit.answers import assert_ok, assert_problem
from testkit.people import Person
from testkit.server import (
    NO_POLLING,
    TestServer,
)
from testkit.server_fixtures import server_fixtures
from testkit.statements import Statement, intercept_statements

SECRET = "said after the removal"
KEPT = 5  # the head of a room with ada, bob and two messages

# What is asked.
REQUESTS: dict[str, Callable[[Person, str], Coroutine[Any, Any, httpx.Response]]] = {
    "newest": lambda bob, room: bob.get(f"/rooms/{room}/messages"),
    "before": lambda bob, room: bob.get(f"/rooms/{room}/messages", before=2**53 - 1),
    "before the removal": lambda bob, room: bob.get(f"/rooms/{room}/messages", before=KEPT),
    "after": lambda bob, room: bob.get(f"/rooms/{room}/messages", after=0),
    "after the removal": lambda bob, room: bob.get(f"/rooms/{room}/messages", after=KEPT + 1),
    "around": lambda bob, room: bob.get(f"/rooms/{room}/messages", around=KEPT),
    "one": lambda bob, room: bob.get(f"/rooms/{room}/messages/{KEPT + 2}"),
    "log": lambda bob, room: bob.get(f"/rooms/{room}/events"),
    "room": lambda bob, room: bob.get(f"/rooms/{room}"),
    "rooms": lambda bob, room: bob.get("/rooms"),
    "members": lambda bob, room: bob.get(f"/rooms/{room}/members"),
    "marker": lambda bob, room: bob.put(f"/rooms/{room}/read", seq=2**53 - 1),
    "send": lambda bob, room: bob.sends(room, "by bob", nonce="n"),
    "change": lambda bob, room: bob.patch(f"/rooms/{room}", topic="by bob"),
}
# These write under a lock that a removal waits for: bob is out, or was faster.
LOCKING = {"marker", "send", "change"}
# These look at the membership in the statement that reads.
REFUSED = {"newest", "before", "before the removal", "after", "log", "one", "members", *LOCKING}


class Brake:
    """Stops the n-th statement from now on, once."""

    def __init__(self) -> None:
        self._left = 0
        self.reached, self._go = asyncio.Event(), asyncio.Event()

    def arm(self, at: int) -> None:
        self._left = at
        self.reached, self._go = asyncio.Event(), asyncio.Event()

    def release(self) -> None:
        self._left = 0
        self._go.set()

    def on_statement(self, _: Statement) -> None:
        if self._left:
            self._left -= 1
            if not self._left:
                self.reached.set()
                await_only(self._go.wait())


embedded_server, cluster_server, server = server_fixtures("module", **NO_POLLING)


async def remove_and_go_on(ada: Person, bob: Person, eve: Person, room: str) -> None:
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    await ada.says(room, f"{SECRET}, @{bob.username}")
    assert_ok(await ada.post(f"/rooms/{room}/members", users=[eve.id]))


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_request_interrupted_by_a_removal_shows_nothing_after_it(
    server: TestServer, name: str
) -> None:
    answers: list[httpx.Response] = []
    async with server.client() as http:
        people = await server.people(http, "ada", "bob", "eve")
        brake = Brake()
        with intercept_statements(server.context.database, brake.on_statement):
            while answer := await interrupted(people, brake, name, at=len(answers) + 1):
                answers.append(answer)
    assert len(answers) >= 2, "it was hardly ever stopped"
    if name not in REFUSED:
        assert any(answer.is_success for answer in answers), "or after the membership was read"


async def interrupted(
    people: list[Person], brake: Brake, name: str, at: int
) -> httpx.Response | None:
    """The response to a request that was stopped there; None if it has fewer statements."""
    ada, bob, eve = people
    room = await ada.makes_room("group", bob)
    await ada.says(room, "one", "two")
    brake.arm(at)
    asked = asyncio.create_task(REQUESTS[name](bob, room))
    stopped = asyncio.create_task(brake.reached.wait())
    await asyncio.wait({asked, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if asked.done():
        brake.release()
        stopped.cancel()
        return None
    going = asyncio.create_task(remove_and_go_on(ada, bob, eve, room))
    # The removal may have to wait for a request that writes.
    await asyncio.wait({going}, timeout=0.3 if name in LOCKING else None)
    brake.release()
    answer = await asked
    await going
    check(answer, eve)
    return answer


def check(answer: httpx.Response, eve: Person) -> None:
    """The response contains nothing after the head at the removal."""
    assert SECRET not in answer.text
    assert eve.id not in answer.text
    if answer.is_error:
        assert_problem(answer, "not_found")
        return
    for part in parts(answer.json()):
        assert part.get("seq", 0) <= KEPT + 1
        assert part.get("mentions") in (None, 0)
        assert part.get("unread") in (None, 0, 2)
        assert part.get("after") is None or part["items"][-1]["seq"] < KEPT


def parts(found: Any) -> Iterator[dict[str, Any]]:
    """Every object in an answer."""
    if isinstance(found, dict):
        yield found
    for inner in found.values() if isinstance(found, dict) else found:
        if isinstance(inner, dict | list):
            yield from parts(inner)
