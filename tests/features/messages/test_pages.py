"""GET /rooms/{id}/messages and /events: pages in both directions."""

from itertools import product
from typing import Any

import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.people import Person


@pytest.fixture
async def room(ada: Person, bob: Person) -> str:
    """A room whose messages are 3, 5, 6, 7, 9, 10, 11; other events are between them."""
    room = await ada.makes_room()
    await ada.says(room, "3")
    assert_ok(await bob.post(f"/rooms/{room}/join"))
    await ada.says(room, "5", "6", "7")
    assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
    await ada.says(room, "9", "10", "11")
    return room


MESSAGES = [3, 5, 6, 7, 9, 10, 11]


async def page(person: Person, room: str, **query: Any) -> tuple[list[int], Any, Any]:
    found = assert_ok(await person.get(f"/rooms/{room}/messages", **query))
    assert [message["text"] for message in found["items"]] == [
        str(message["seq"]) for message in found["items"]
    ]
    return [message["seq"] for message in found["items"]], found["before"], found["after"]


async def test_the_first_page_has_the_newest_messages_in_order(ada: Person, room: str) -> None:
    assert await page(ada, room) == (MESSAGES, None, None)
    assert await page(ada, room, limit=3) == ([9, 10, 11], 9, None)


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8])
async def test_pages_lead_to_the_beginning_and_back(ada: Person, room: str, limit: int) -> None:
    back: list[int] = []
    query: dict[str, int] = {}
    while True:
        seqs, before, _ = await page(ada, room, limit=limit, **query)
        back = seqs + back
        if before is None:
            break
        query = {"before": before}
    assert back == MESSAGES
    forth: list[int] = []
    after: int | None = 0
    while after is not None:
        seqs, _, after = await page(ada, room, limit=limit, after=after)
        forth += seqs
    assert forth == MESSAGES


async def test_pages_before_and_after_every_position(ada: Person, room: str) -> None:
    for seq, limit in product(range(14), (1, 2, 100)):
        older = [m for m in MESSAGES if m < seq]
        newer = [m for m in MESSAGES if m > seq]
        expected = older[-limit:]
        assert await page(ada, room, before=seq, limit=limit) == (
            expected,
            expected[0] if len(older) > limit else None,
            expected[-1] if expected and len(older) < len(MESSAGES) else None,
        )
        expected = newer[:limit]
        assert await page(ada, room, after=seq, limit=limit) == (
            expected,
            expected[0] if expected and len(newer) < len(MESSAGES) else None,
            expected[-1] if len(newer) > limit else None,
        )


async def test_pages_around_every_position(ada: Person, room: str) -> None:
    """Half of the page is before the position, the other half begins with it or with the next
    message. If one side has fewer messages, the other has more."""
    for seq, limit in product(range(14), (1, 2, 3, 4, 100)):
        older = [m for m in MESSAGES if m < seq]
        newer = [m for m in MESSAGES if m >= seq]
        before = min(len(older), max(limit // 2, limit - len(newer)))
        after = min(len(newer), limit - before)
        expected = older[len(older) - before :] + newer[:after]
        assert len(expected) == min(limit, len(MESSAGES))
        assert await page(ada, room, around=seq, limit=limit) == (
            expected,
            expected[0] if len(older) > before else None,
            expected[-1] if len(newer) > after else None,
        )


@pytest.mark.parametrize(
    "query",
    [
        *[
            {name: value}
            for name in ("before", "after", "around")
            for value in (-1, "x", "", 2**53)
        ],
        *[{"limit": value} for value in (0, 101, "x", "1_0", "+5", " 5", "5.0", "٥")],
    ],
    ids=ascii,
)
async def test_invalid_page_positions_are_refused(
    ada: Person, room: str, query: dict[str, Any]
) -> None:
    (name,) = query
    assert_problem(await ada.get(f"/rooms/{room}/messages", **query), "invalid", f"query.{name}")


async def test_a_page_has_only_one_direction(ada: Person, room: str) -> None:
    assert_problem(await ada.get(f"/rooms/{room}/messages", before=9, after=3), "invalid")
    assert_problem(await ada.get(f"/rooms/{room}/messages", before=9, after=3, around=5), "invalid")
    await page(ada, room, before=2**53 - 1)


async def test_an_empty_room_has_an_empty_page(ada: Person) -> None:
    room = await ada.makes_room()
    for query in ({}, {"before": 5}, {"after": 0}, {"around": 1}):
        assert await page(ada, room, **query) == ([], None, None)


async def test_a_message_is_read_by_its_seq(ada: Person, room: str) -> None:
    for seq in range(14):
        answer = await ada.get(f"/rooms/{room}/messages/{seq}")
        if seq in MESSAGES:
            assert assert_ok(answer)["text"] == str(seq)
        else:
            assert_problem(answer, "not_found")
    for name in ("x", "-1", str(2**53), "3.0", "٣", "+3", "9" * 1500):
        assert_problem(await ada.get(f"/rooms/{room}/messages/{name}"), "invalid", "path.seq")


async def test_the_log_is_paged_without_gaps(ada: Person, room: str) -> None:
    for limit in (1, 4, 10, 11, 100):
        seqs: list[int] = []
        after: int | None = 0
        while after is not None:
            found = assert_ok(await ada.get(f"/rooms/{room}/events", after=after, limit=limit))
            seqs += [event["seq"] for event in found["items"]]
            after = found["next"]
        assert seqs == list(range(1, 12))


async def test_a_range_of_the_log_is_read(ada: Person, room: str) -> None:
    async def piece(**query: int) -> tuple[list[int], int | None]:
        found = assert_ok(await ada.get(f"/rooms/{room}/events", **query))
        return [event["seq"] for event in found["items"]], found["next"]

    assert await piece(after=4, until=7) == ([5, 6, 7], None)
    assert await piece(after=4, until=7, limit=2) == ([5, 6], 6)
    assert await piece(after=11) == ([], None)
    assert await piece(after=7, until=4) == ([], None)
    assert await piece(after=0, until=0) == ([], None)
    assert await piece(after=2**53 - 1) == ([], None)


async def test_a_late_member_reads_the_log_from_the_beginning(
    ada: Person, room: str, eve: Person
) -> None:
    """Members may read the whole log of a room."""
    assert_ok(await eve.post(f"/rooms/{room}/join"))
    assert await page(eve, room) == (MESSAGES, None, None)
    assert [event["seq"] for event in await eve.log(room)] == list(range(1, 13))
