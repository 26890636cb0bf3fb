"""Quotes of a page, data of applications, and messages that notify nobody."""

from typing import Any

import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.peer import Peers
from testkit.people import Person
from testkit.server import run_server, without_limits
from testkit.servers.backend import Backend


async def test_a_page_has_the_messages_that_it_answers_as_they_are_now(
    ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("private", bob)
    [first, second] = await ada.says(room, "first", "second " * 60)
    replies = [
        assert_ok(await bob.sends(room, "yes", reply_to=seq), 201)["seq"]
        for seq in (first, first, second)
    ]
    whole = assert_ok(await bob.get(f"/rooms/{room}/messages"))
    assert "quoted" not in whole  # they are on the page
    page = assert_ok(await bob.get(f"/rooms/{room}/messages", after=second))
    assert page["quoted"] == [
        {"seq": first, "sender": ada.id, "text": "first", "deleted": False},
        {"seq": second, "sender": ada.id, "text": ("second " * 60)[:200], "deleted": False},
    ]
    assert_ok(await ada.patch(f"/rooms/{room}/messages/{first}", text="changed", version=1))
    assert_ok(await ada.delete(f"/rooms/{room}/messages/{second}"))
    page = assert_ok(await bob.get(f"/rooms/{room}/messages", after=second, limit=3))
    assert [item["seq"] for item in page["items"]] == replies
    assert page["quoted"] == [
        {"seq": first, "sender": ada.id, "text": "changed", "deleted": False},
        {"seq": second, "sender": ada.id, "text": "", "deleted": True},
    ]


async def test_a_page_on_a_socket_has_quotes(ada: Person, peers: Peers) -> None:
    room = await ada.makes_room()
    [first] = await ada.says(room, "first")
    assert_ok(await ada.sends(room, "yes", reply_to=first), 201)
    peer = await peers.join(ada)
    frame = await peer.ask("history", room=room, after=first)
    assert frame["page"] == assert_ok(await ada.get(f"/rooms/{room}/messages", after=first))


async def test_metadata_comes_back_as_it_was_sent(ada: Person, peers: Peers) -> None:
    room = await ada.makes_room()
    metadata = {"é": [1, 2.5, None, {"deep": True}], "empty": {}, "text": 'a "b" \\ \n'}
    peer = await peers.join(ada, room)
    message = assert_ok(await ada.sends(room, "hi", metadata=metadata), 201)
    assert message["metadata"] == metadata
    assert (await peer.expect("message.created"))["message"] == message
    assert assert_ok(await ada.get(f"/rooms/{room}/messages"))["items"] == [message]
    await peer.send("message.send", id=1, room=room, nonce="n", text="hi", metadata=metadata)
    await peer.expect("ack", id=1)
    second = assert_ok(await ada.get(f"/rooms/{room}/messages/{message['seq'] + 1}"))
    assert second["metadata"] == metadata


@pytest.mark.parametrize("metadata", [[], "text", 5, {"n": 2**70}, {"x": "y" * 5000}], ids=str)
async def test_metadata_is_a_small_object(ada: Person, metadata: Any) -> None:
    room = await ada.makes_room()
    answer = await ada.sends(room, "hi", metadata=metadata)
    assert answer.status_code == 422
    assert (await ada.room(room))["seq"] == 2


async def test_a_name_twice_in_metadata_is_refused_on_a_socket(ada: Person, peers: Peers) -> None:
    room = await ada.makes_room()
    peer = await peers.join(ada)
    frame = (
        f'{{"type":"message.send","id":1,"room":"{room}","nonce":"n","text":"hi",'
        '"metadata":{"a":1,"a":2}}'
    )
    await peer.connection.send(frame)
    await peer.expect("error")
    assert (await ada.room(room))["seq"] == 2


@pytest.mark.setting("CHAT_LIMITS__METADATA_BYTES")
async def test_metadata_has_as_many_bytes_as_the_setting_says(backend: Backend) -> None:
    settings = without_limits(backend.override(limits={"metadata_bytes": 9}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http, "ada")
        room = await ada.makes_room()
        assert_ok(await ada.sends(room, metadata={"a": "b"}), 201)  # {"a":"b"}
        assert_problem(await ada.sends(room, metadata={"a": "bc"}), "invalid", "metadata")


async def test_a_silent_message_says_so(ada: Person) -> None:
    room = await ada.makes_room()
    silent = assert_ok(await ada.sends(room, "hi", nonce="s", silent=True), 201)
    assert silent["silent"] is True
    plain = assert_ok(await ada.sends(room, "hi", nonce="p", silent=False), 201)
    assert "silent" not in plain
    assert assert_ok(await ada.sends(room, "hi", nonce="p"), 200) == plain
    assert_problem(await ada.sends(room, "hi", nonce="s"), "nonce_conflict")
