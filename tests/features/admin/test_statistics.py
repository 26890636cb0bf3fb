"""GET /admin/statistics/messages."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.core.clock import now
from app.core.paging import encode_cursor
from app.persistence.repositories.statistics import DayCount
from app.persistence.uow import UnitOfWork
from testkit.answers import assert_ok, assert_problem
from testkit.people import UNKNOWN_ID, Person, all_pages
from testkit.server import TestServer
from testkit.waiting import eventually

PATH = "/admin/statistics/messages"


@pytest.fixture
async def admin(server: TestServer, http: httpx.AsyncClient) -> Person:
    return await server.administrator(http)


async def test_message_statistics_count_per_room_and_day(admin: Person, ada: Person) -> None:
    rooms = [await ada.makes_room() for _ in range(2)]
    day = now().date().isoformat()
    await ada.says(rooms[0], "one", "two", "three")
    await ada.says(rooms[1], "one")

    async def counts() -> dict[str, int]:
        pages = await all_pages(admin, PATH, **{"from": day}, limit=100)
        return {
            item["room"]: item["messages"]
            for page in pages
            for item in page
            if item["room"] in rooms
        }

    expected = {rooms[0]: 3, rooms[1]: 1}

    async def are_there() -> bool:
        return await counts() == expected

    await eventually(are_there)


FIRST_DAY = date(2001, 2, 3)  # nothing else is as old
ROOMS = [UUID(int=n) for n in range(1, 4)]
OLD = [DayCount(FIRST_DAY + timedelta(n), room, 10 + n) for n in range(3) for room in ROOMS]


@pytest.fixture
async def old(server: TestServer) -> list[dict[str, Any]]:
    async def add(uow: UnitOfWork) -> None:
        stored = await uow.statistics.page(FIRST_DAY, FIRST_DAY, None, 1)
        if not stored:
            await uow.statistics.add(OLD)

    await server.context.database.transact(add)
    return [
        {"day": count.day.isoformat(), "room": str(count.room), "messages": count.messages}
        for count in OLD
    ]


async def test_message_statistics_are_paged_by_day_and_room(
    admin: Person, old: list[dict[str, Any]]
) -> None:
    pages = await all_pages(admin, PATH, to="2001-12-31", limit=2)
    assert [len(page) for page in pages] == [2, 2, 2, 2, 1]
    assert [item for page in pages for item in page] == old
    (page,) = await all_pages(admin, PATH, **{"from": "2001-02-04"}, to="2001-02-04")
    assert page == old[3:6]
    assert assert_ok(await admin.get(PATH, to="2001-01-01")) == {"items": [], "next": None}


async def test_only_administrators_read_statistics(ada: Person) -> None:
    assert_problem(await ada.get(PATH), "forbidden")


@pytest.mark.parametrize("cursor", ["x", "2001-02-03", f"2001-02-33{UNKNOWN_ID}", "2001-02-03x"])
async def test_a_forged_statistics_cursor_is_invalid(admin: Person, cursor: str) -> None:
    assert_problem(await admin.get(PATH, cursor=encode_cursor(cursor)), "invalid")


async def test_statistics_days_must_be_dates(admin: Person) -> None:
    problem = assert_problem(await admin.get(PATH, to="yesterday"), "invalid")
    assert problem["errors"][0]["path"] == "query.to"
