"""Pinned messages of a room."""

import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.peer import Peers
from testkit.people import Person, all_pages
from testkit.server import run_server, without_limits
from testkit.servers.backend import Backend


async def test_a_message_is_pinned_once_and_unpinned(
    ada: Person, bob: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    [first, second] = await bob.says(room, "first", "second")
    peer = await peers.join(bob, room)
    pinned = assert_ok(await ada.put(f"/rooms/{room}/messages/{first}/pin"))
    assert pinned["pin"]["by"] == ada.id
    assert assert_ok(await ada.put(f"/rooms/{room}/messages/{first}/pin")) == pinned
    assert (await peer.expect("message.pinned", seq=second + 1))["message"] == pinned
    later = assert_ok(await ada.put(f"/rooms/{room}/messages/{second}/pin"))
    assert assert_ok(await bob.get(f"/rooms/{room}/pins"))["items"] == [later, pinned]
    unpinned = assert_ok(await ada.delete(f"/rooms/{room}/messages/{first}/pin"))
    assert "pin" not in unpinned
    assert assert_ok(await ada.delete(f"/rooms/{room}/messages/{first}/pin")) == unpinned
    assert (await peer.expect("message.unpinned", seq=second + 3))["message"] == unpinned
    assert assert_ok(await bob.get(f"/rooms/{room}/pins"))["items"] == [later]
    assert (await bob.room(room))["seq"] == second + 3


async def test_who_may_pin(ada: Person, bob: Person, eve: Person) -> None:
    room, group = await ada.makes_room("private", bob), await ada.makes_room("group", bob)
    for kind, code in ((room, 403), (group, 200)):
        [seq] = await ada.says(kind, "hello")
        answer = await bob.put(f"/rooms/{kind}/messages/{seq}/pin")
        assert answer.status_code == code
        assert_problem(await eve.put(f"/rooms/{kind}/messages/{seq}/pin"), "not_found")
        assert_problem(await eve.get(f"/rooms/{kind}/pins"), "not_found")


@pytest.mark.setting("CHAT_LIMITS__MAX_PINS")
async def test_a_room_has_as_many_pins_as_the_setting_says(backend: Backend) -> None:
    settings = without_limits(backend.override(limits={"max_pins": 3}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http, "ada")
        room = await ada.makes_room()
        seqs = await ada.says(room, "1", "2", "3", "4")
        for seq in seqs[:3]:
            assert_ok(await ada.put(f"/rooms/{room}/messages/{seq}/pin"))
        assert_problem(await ada.put(f"/rooms/{room}/messages/{seqs[3]}/pin"), "too_many")
        pages = await all_pages(ada, f"/rooms/{room}/pins", limit=2)
        assert [message["seq"] for page in pages for message in page] == seqs[2::-1]
        assert_ok(await ada.delete(f"/rooms/{room}/messages/{seqs[0]}"))  # takes its pin with it
        assert_ok(await ada.put(f"/rooms/{room}/messages/{seqs[3]}/pin"))
