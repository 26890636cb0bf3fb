"""A message is edited: versions, who may and for how long, and what readers see."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from app.core.clock import now
from app.persistence.tables import MessageRow
from testkit.answers import assert_ok, assert_problem
from testkit.peer import Peers
from testkit.people import Person
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend


async def edit(
    person: Person, room: str, seq: int, text: str = "changed", version: int = 1
) -> httpx.Response:
    return await person.patch(f"/rooms/{room}/messages/{seq}", text=text, version=version)


async def versions(person: Person, room: str, seq: int) -> list[tuple[int, str]]:
    items = assert_ok(await person.get(f"/rooms/{room}/messages/{seq}/versions"))["items"]
    return [(item["version"], item["text"]) for item in items]


async def test_an_edit_changes_the_text_and_keeps_the_rest(
    ada: Person, bob: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    first = assert_ok(await ada.sends(room, "hello", nonce="n", metadata={"a": [1, None]}), 201)
    peer = await peers.join(bob, room)
    edited = assert_ok(await edit(ada, room, first["seq"], "hullo"))
    assert edited == first | {"text": "hullo", "edit": edited["edit"]}
    assert edited["edit"] == {"version": 2, "at": edited["edit"]["at"]}
    event = await peer.expect("message.edited", seq=5)
    assert (event["actor"], event["message"]) == (ada.id, edited)
    log = await bob.log(room)
    assert log[-1] == event
    assert log[-2]["message"] == edited  # a replay shows the message as it is now
    assert assert_ok(await bob.get(f"/rooms/{room}/messages"))["items"] == [edited]
    assert assert_ok(await bob.get(f"/rooms/{room}/messages/4")) == edited
    assert (await bob.room(room))["last_message"]["text"] == "hullo"


async def test_a_repeated_send_of_an_edited_message_returns_it(ada: Person) -> None:
    room = await ada.makes_room()
    seq = assert_ok(await ada.sends(room, "hello", nonce="n"), 201)["seq"]
    edited = assert_ok(await edit(ada, room, seq))
    assert assert_ok(await ada.sends(room, "hello", nonce="n"), 200) == edited
    assert_problem(await ada.sends(room, "changed", nonce="n"), "nonce_conflict")


async def test_of_two_edits_of_one_version_the_second_is_a_conflict(ada: Person) -> None:
    room = await ada.makes_room()
    [seq] = await ada.says(room, "hello")
    answers = await asyncio.gather(*(edit(ada, room, seq, f"text {n}") for n in range(5)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200, 409, 409, 409, 409]
    for answer in answers:
        if answer.status_code == 409:
            problem = assert_problem(answer, "version_conflict")
            assert "version 2 now, not 1" in problem["detail"]
    assert (await ada.room(room))["seq"] == seq + 1


async def test_a_repeated_edit_changes_nothing(ada: Person) -> None:
    """A client repeats one whose answer it did not get."""
    room = await ada.makes_room()
    [seq] = await ada.says(room, "hello")
    edited = assert_ok(await edit(ada, room, seq))
    assert assert_ok(await edit(ada, room, seq)) == edited
    assert assert_ok(await edit(ada, room, seq, version=2)) == edited
    assert (await ada.room(room))["seq"] == seq + 1


async def test_versions_are_read_by_whom_the_room_lets(
    ada: Person, bob: Person, eve: Person
) -> None:
    room = await ada.makes_room("private", bob, eve)
    [seq] = await bob.says(room, "one")
    assert_ok(await edit(bob, room, seq, "two"))
    assert_ok(await edit(bob, room, seq, "three", version=2))
    path = f"/rooms/{room}/messages/{seq}/versions"
    everything = [(1, "one"), (2, "two"), (3, "three")]
    for access, answers in (
        (None, {ada: 200, bob: 200, eve: 403}),  # the default
        ("nobody", {ada: 403, bob: 200, eve: 403}),
        ("members", {ada: 200, bob: 200, eve: 200}),
        ("admins", {ada: 200, bob: 200, eve: 403}),
    ):
        if access:
            settings = {"version_access": access}
            assert_ok(await ada.patch(f"/rooms/{room}", settings=settings))
        for person, status in answers.items():
            if status == 200:
                assert await versions(person, room, seq) == everything
            else:
                assert_problem(await person.get(path), "forbidden")


async def test_only_the_sender_edits(ada: Person, bob: Person, eve: Person) -> None:
    room = await ada.makes_room("private", bob)
    [seq] = await bob.says(room, "hello")
    assert_problem(await edit(ada, room, seq), "forbidden")  # an owner neither
    assert_problem(await edit(eve, room, seq), "not_found")
    assert_problem(await edit(bob, room, 1), "not_found")  # an event that is no message
    assert_problem(await edit(bob, room, seq + 1), "not_found")
    assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
    assert_problem(await edit(bob, room, seq), "not_found")
    assert (await ada.room(room))["seq"] == seq + 1


async def test_an_archived_room_keeps_its_messages_as_they_are(ada: Person) -> None:
    room = await ada.makes_room()
    [seq] = await ada.says(room, "hello")
    assert_ok(await ada.delete(f"/rooms/{room}"), 204)
    path = f"/rooms/{room}/messages/{seq}"
    assert_problem(await edit(ada, room, seq), "room_archived")
    assert_problem(await ada.delete(path), "room_archived")
    assert_problem(await ada.put(f"{path}/reactions/🎉"), "room_archived")
    assert_problem(await ada.put(f"{path}/pin"), "room_archived")


@pytest.mark.parametrize(
    "body",
    [
        {"text": "", "version": 1},
        {"text": " \n", "version": 1},
        {"text": "x" * 4001, "version": 1},
        {"text": "x", "version": 0},
        {"text": "x"},
        {"version": 1},
        {"text": "x", "version": 1, "reply_to": 4},
    ],
)
async def test_an_edit_is_validated_like_a_send(ada: Person, body: dict[str, Any]) -> None:
    room = await ada.makes_room()
    [seq] = await ada.says(room, "hello")
    assert_problem(await ada.patch(f"/rooms/{room}/messages/{seq}", **body), "invalid")
    assert (await ada.room(room))["seq"] == seq


async def test_an_edit_mentions_those_whom_it_names_now(
    ada: Person, bob: Person, eve: Person
) -> None:
    room = await ada.makes_room("private", bob, eve)
    [seq] = await ada.says(room, f"hi @{bob.username}")
    assert ((await bob.room(room))["mentions"], (await eve.room(room))["mentions"]) == (1, 0)
    both = f"hi @{bob.username} @{eve.username}"
    assert assert_ok(await edit(ada, room, seq, both))["mentions"] == sorted([bob.id, eve.id])
    assert ((await bob.room(room))["mentions"], (await eve.room(room))["mentions"]) == (1, 1)
    edited = assert_ok(await edit(ada, room, seq, f"hi @{eve.username}", version=2))
    assert edited["mentions"] == [eve.id]
    assert ((await bob.room(room))["mentions"], (await eve.room(room))["mentions"]) == (0, 1)
    assert "mentions" not in assert_ok(await edit(ada, room, seq, "hi", version=3))
    assert ((await bob.room(room))["mentions"], (await eve.room(room))["mentions"]) == (0, 0)


async def test_an_edit_that_names_a_reader_is_read_already(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    [seq, _] = await ada.says(room, "hi", "later")
    assert_ok(await bob.put(f"/rooms/{room}/read", seq=seq))
    assert_ok(await edit(ada, room, seq, f"hi @{bob.username}"))
    shown = await bob.room(room)
    assert (shown["unread"], shown["mentions"]) == (1, 0)


async def test_many_edits_and_reactions_at_once_are_one_after_the_other(
    ada: Person, bob: Person
) -> None:
    """They share batches: the log has an event of each, and the message is what the last one made
    of it."""
    room = await ada.makes_room("private", bob)
    [seq] = await ada.says(room, "hello")
    path = f"/rooms/{room}/messages/{seq}"
    edits = [edit(ada, room, seq, f"text {version}", version) for version in range(1, 6)]
    reactions = [bob.put(f"{path}/reactions/{emoji}") for emoji in "🎉👍👀"]
    removals = [bob.delete(f"{path}/reactions/🎉")]
    answers = await asyncio.gather(*edits, *reactions, *removals)
    done = sum(answer.status_code == 200 for answer in answers[:5])
    assert all(answer.status_code == 200 for answer in answers[5:])
    message = assert_ok(await bob.get(path))
    assert message["text"] == f"text {done}"
    assert message["edit"]["version"] == done + 1
    log = await bob.log(room)
    assert [event["seq"] for event in log] == list(range(1, len(log) + 1))
    assert log[-1]["message"] == message
    counts = dict.fromkeys("🎉👍👀", 0)
    for event in log[seq:]:
        if "emoji" in event:
            counts[event["emoji"]] += 1 if event["type"] == "reaction.added" else -1
    shown = {one["emoji"]: one["count"] for one in message.get("reactions", [])}
    assert shown == {emoji: count for emoji, count in counts.items() if count}


@pytest.mark.setting("CHAT_LIMITS__EDIT_WINDOW_S")
async def test_a_message_is_edited_for_as_long_as_the_setting_says(backend: Backend) -> None:
    settings = without_limits(backend.override(limits={"edit_window_s": 3600}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http, "ada")
        room = await ada.makes_room()
        [old, new] = await ada.says(room, "old", "new")
        await make_older(server, old)
        problem = assert_problem(await edit(ada, room, old), "forbidden")
        assert "3600 seconds" in problem["detail"]
        assert_ok(await edit(ada, room, new))


async def make_older(server: TestServer, seq: int) -> None:
    """By two hours."""
    older = update(MessageRow).where(MessageRow.seq == seq).values(at=now() - timedelta(hours=2))
    async with server.context.database._engines.write.begin() as connection:
        await connection.execute(older)


@pytest.mark.setting("CHAT_LIMITS__MAX_VERSIONS")
async def test_a_message_has_as_many_versions_as_the_setting_says(backend: Backend) -> None:
    settings = without_limits(backend.override(limits={"max_versions": 3}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http, "ada")
        room = await ada.makes_room()
        [seq] = await ada.says(room, "1")
        assert_ok(await edit(ada, room, seq, "2"))
        assert_ok(await edit(ada, room, seq, "3", version=2))
        assert_problem(await edit(ada, room, seq, "4", version=3), "too_many")
        assert await versions(ada, room, seq) == [(1, "1"), (2, "2"), (3, "3")]
