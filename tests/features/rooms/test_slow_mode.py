"""Rooms in slow mode, and locked threads."""

import asyncio
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import update

from app.core.clock import now
from app.persistence.room_tables import SlowModeSend
from testkit.answers import assert_ok, assert_problem
from testkit.people import Person
from testkit.server import TestServer

HOUR_S = 3600


async def slow_down(founder: Person, room: str, slow_mode_s: int = HOUR_S) -> None:
    assert_ok(await founder.patch(f"/rooms/{room}", settings={"slow_mode_s": slow_mode_s}))


async def let_time_pass(server: TestServer, room: str) -> None:
    """An hour, for those who have sent in the room."""
    earlier = now() - timedelta(seconds=HOUR_S)
    async with server.context.database._engines.write.begin() as connection:
        sends = update(SlowModeSend).where(SlowModeSend.room_id == UUID(room))
        await connection.execute(sends.values(at=earlier))


async def test_a_member_waits_between_two_messages(
    server: TestServer, ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("private", bob)
    await slow_down(ada, room)
    assert_ok(await bob.sends(room, nonce="first"), 201)
    refused = assert_problem(await bob.sends(room), "rate_limited")
    assert "one message every 3600 seconds" in refused["detail"]
    assert (HOUR_S - 60) * 1000 < refused["retry_after_ms"] <= HOUR_S * 1000
    assert_ok(await bob.sends(room, nonce="first"))  # it was sent
    await let_time_pass(server, room)
    assert_ok(await bob.sends(room), 201)
    assert_problem(await bob.sends(room), "rate_limited")
    await slow_down(ada, room, 0)
    assert_ok(await bob.sends(room), 201)


async def test_each_member_waits_alone_and_moderators_never(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    ada, bob, eve = await server.people(http, "ada", "bob", "eve")
    room = await ada.makes_room("private", bob, eve)
    await slow_down(ada, room)
    await ada.says(room, "one", "two", "three")
    await bob.says(room, "one")
    await eve.says(room, "one")
    assert_problem(await eve.sends(room), "rate_limited")
    assert_ok(await ada.patch(f"/rooms/{room}/members/{bob.id}", role="moderator"))
    await bob.says(room, "two", "three")


async def test_leaving_and_threads_are_no_way_around_the_slow_mode(
    ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("public", bob)
    await slow_down(ada, room)
    [seq] = await bob.says(room, "one")
    assert_problem(await bob.sends(room, thread=seq), "rate_limited")
    assert_ok(await bob.put(f"/rooms/{room}/messages/{seq}/reactions/🎉"))
    assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
    assert_ok(await bob.post(f"/rooms/{room}/join"))
    assert_problem(await bob.sends(room), "rate_limited")


async def test_of_sends_at_once_one_is_sent(ada: Person, bob: Person) -> None:
    """Those that share a batch, too. A refused one does not count."""
    room = await ada.makes_room("private", bob)
    await slow_down(ada, room)
    answers = await asyncio.gather(*(bob.sends(room) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] + [429] * 11
    sent = [event for event in await ada.log(room) if event["type"] == "message.created"]
    assert len(sent) == 1


@pytest.mark.parametrize("slow_mode_s", [-1, 6 * HOUR_S + 1, 0.5, "1"])
async def test_the_pace_of_a_room_is_bounded(ada: Person, slow_mode_s: object) -> None:
    room = await ada.makes_room()
    answer = await ada.patch(f"/rooms/{room}", settings={"slow_mode_s": slow_mode_s})
    assert_problem(answer, "invalid")


async def test_members_of_a_group_do_not_change_the_pace(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("group", bob)
    answer = await bob.patch(f"/rooms/{room}", settings={"slow_mode_s": 0})
    assert_problem(answer, "forbidden")


async def test_in_a_locked_thread_only_moderators_reply(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    [seq] = await bob.says(room, "a root")
    [reply] = [assert_ok(await bob.sends(room, thread=seq), 201)["seq"]]
    path = f"/rooms/{room}/threads/{seq}/lock"
    assert_problem(await bob.put(path), "forbidden")
    for _ in range(2):
        assert assert_ok(await ada.put(path))["thread_lock"]["by"] == ada.id
    for also in (False, True):
        answer = await bob.sends(room, thread=seq, also_in_room=also)
        refused = assert_problem(answer, "forbidden")
        assert "locked" in refused["detail"]
    assert_ok(await ada.sends(room, thread=seq), 201)
    [page] = [assert_ok(await bob.get(f"/rooms/{room}/messages"))["items"]]
    root = next(message for message in page if message["seq"] == seq)
    assert (root["thread_lock"]["by"], root["thread_summary"]["replies"]) == (ada.id, 2)
    for _ in range(2):
        assert "thread_lock" not in assert_ok(await ada.delete(path))
    assert_ok(await bob.sends(room, thread=seq), 201)
    for wrong in (reply, 10_000):
        assert_problem(await ada.put(f"/rooms/{room}/threads/{wrong}/lock"), "not_found")
    updates = [event for event in await ada.log(room) if event["type"] == "thread.updated"]
    assert [("thread_lock" in event["message"]) for event in updates] == [False] * 5
