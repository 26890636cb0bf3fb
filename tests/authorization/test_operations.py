"""The matrix: every operation, by a person of each standing, about an own object and one of
somebody else, in each kind of room. `rules.py` says what is expected."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

import httpx
import pytest

from app.wire.domain import Permission
from testkit.server import TestServer
from tests.authorization.calls import Request, is_possible, send
from tests.authorization.documents import read_operations
from tests.authorization.rules import OPERATIONS, Access, Cell, Rule, find_answers
from tests.authorization.stage import Stage, make_stage
from tests.authorization.standings import (
    COMPLETE_PLACE,
    OF_ACCOUNTS,
    PLACES,
    SERVERS_AND_PLACES,
    WITHOUT_SESSION,
    list_standings,
)

DOCUMENTED = read_operations()
REQUESTS_AT_ONCE = 4  # more connections cost the client more than they save


@pytest.fixture
async def http(server: TestServer) -> AsyncIterator[httpx.AsyncClient]:
    async with server.client() as client:
        yield client


def list_requests(stage: Stage, name: str, rule: Rule) -> list[Request]:
    operation_id, _, case = name.partition(" ")
    operation = DOCUMENTED[operation_id]
    standings = list_standings(stage.place) if rule.is_of_room else OF_ACCOUNTS
    has_owner = operation.takes("seq") or rule.others is not None
    if rule.is_of_room and stage.place != COMPLETE_PLACE:
        standings = tuple(standing for standing in standings if standing not in WITHOUT_SESSION)
        has_owner = has_owner and rule.depends_on_owner
    requests = [
        Request(stage, operation, case, rule, Cell(stage.place, standing, own))
        for standing in standings
        for own in ((True, False) if has_owner else (False,))
    ]
    return [request for request in requests if is_possible(request)]


async def find_deviations(stage: Stage, rules: Iterable[tuple[str, Rule]]) -> list[str]:
    """What the server answers otherwise than the rules say."""
    found = []
    at_once = asyncio.Semaphore(REQUESTS_AT_ONCE)
    for name, rule in rules:
        requests = list_requests(stage, name, rule)
        answers = await asyncio.gather(*(_send(request, at_once) for request in requests))
        for request, answer in zip(requests, answers, strict=True):
            expected = find_answers(rule, request.cell)
            if answer.status_code not in expected:
                _, standing, own = request.cell
                found.append(
                    f"{name} by {standing} about {'an own' if own else 'another'} object: "
                    f"{answer.status_code}, not {sorted(map(int, expected))}: " + answer.text[:300]
                )
        if rule.moves_members:
            await stage.arrange()
    return found


async def _send(request: Request, at_once: asyncio.Semaphore) -> httpx.Response:
    async with at_once:
        return await send(request)


def test_every_operation_has_a_rule() -> None:
    assert DOCUMENTED.keys() == {name.partition(" ")[0] for name in OPERATIONS}


@pytest.mark.parametrize(("server", "place"), SERVERS_AND_PLACES, indirect=["server"])
async def test_every_operation_in_a_room_is_answered_as_its_rule_says(
    server: TestServer, http: httpx.AsyncClient, place: str
) -> None:
    stage = await make_stage(server, http, PLACES[place])
    rules = [(name, rule) for name, rule in OPERATIONS.items() if rule.is_of_room]
    found = await find_deviations(stage, rules)
    assert not found, "\n".join(found)


async def test_every_operation_outside_of_rooms_is_answered_as_its_rule_says(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    stage = await make_stage(server, http, PLACES["public"])
    rules = [(name, rule) for name, rule in OPERATIONS.items() if not rule.is_of_room]
    found = await find_deviations(stage, rules)
    assert not found, "\n".join(found)


async def test_a_rule_that_the_server_does_not_follow_is_found(embedded_server: TestServer) -> None:
    wrong = {
        "list_messages": Rule(Access.USER),
        "pin_message": replace(OPERATIONS["pin_message"], permissions=(Permission.REACT,)),
        "edit_message": replace(OPERATIONS["edit_message"], others=None),
    }
    async with embedded_server.client() as http:
        stage = await make_stage(embedded_server, http, PLACES["private"])
        found = await find_deviations(stage, wrong.items())
    assert {deviation.partition(" ")[0] for deviation in found} == wrong.keys()
