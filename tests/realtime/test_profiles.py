"""Changed profiles reach those who share a room with the user."""

from testkit.answers import assert_ok
from testkit.peer import Frame, Peer, Peers
from testkit.people import Person
from tests.realtime.dedicated_server import StartServer


def names(peer: Peer) -> list[str]:
    return [frame["user"]["display_name"] for frame in peer.of("user.changed")]


async def renamed(peer: Peer, person: Person, name: str) -> Frame:
    """The frame that says so."""
    await peer.until(lambda: name in names(peer), f"user.changed to {name}")
    user: Frame = peer.of("user.changed")[-1]["user"]
    assert user["id"] == person.id
    return user


async def test_a_new_name_reaches_all_who_share_a_room_open_or_closed(
    start: StartServer, peers: Peers
) -> None:
    server = await start()
    ada, bob, eve, dan = [await server.person(name) for name in ("ada", "bob", "eve", "dan")]
    room = await ada.makes_room("private", bob, eve)
    await dan.makes_room("public", eve)
    own, opened, closed = await peers.join(ada), await peers.join(bob, room), await peers.join(eve)
    stranger = await peers.join(dan)
    changed = assert_ok(await ada.patch("/users/me", display_name="Ada Lovelace"))
    for peer in (own, opened, closed):
        user = await renamed(peer, ada, "Ada Lovelace")
        assert user == {key: changed[key] for key in user}
    assert_ok(await eve.patch("/users/me", display_name="Eve"))
    for peer in (stranger, own, opened, closed):
        await renamed(peer, eve, "Eve")
    assert names(stranger) == ["Eve"]


async def test_a_status_reaches_those_who_share_a_room_with_its_end(
    start: StartServer, peers: Peers
) -> None:
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    await ada.makes_room("private", bob)
    peer = await peers.join(bob)
    status = {"emoji": "🌴", "text": "On holiday", "until": "2100-01-01T00:00:00Z"}
    for shown in (status, None):
        assert_ok(await ada.patch("/users/me", status=shown))
        await peer.until(
            lambda shown=shown: (  # type: ignore[misc]
                (frames := peer.of("user.changed")) and frames[-1]["user"].get("status") == shown
            ),
            f"status {shown}",
        )
    assert_ok(await ada.patch("/users/me", status=status))
    assert (await peers.join(ada)).of("welcome")[0]["user"]["status"] == status


async def test_somebody_who_has_left_is_not_told(start: StartServer, peers: Peers) -> None:
    server = await start()
    ada, bob, eve = [await server.person(name) for name in ("ada", "bob", "eve")]
    room = await ada.makes_room("private", bob, eve)
    there, gone = await peers.join(bob, room), await peers.join(eve, room)
    assert_ok(await eve.post(f"/rooms/{room}/leave"), 204)
    await gone.expect("room.closed")
    assert_ok(await ada.patch("/users/me", display_name="Countess"))
    await renamed(there, ada, "Countess")
    await gone.settled()
    assert names(gone) == []


async def test_of_several_changes_the_newest_is_sent_last(start: StartServer, peers: Peers) -> None:
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    await ada.makes_room("private", bob)
    peer = await peers.join(bob)
    for n in range(10):
        assert_ok(await ada.patch("/users/me", display_name=f"Ada {n}"))
    await renamed(peer, ada, "Ada 9")
    assert names(peer)[-1] == "Ada 9"


async def test_a_name_that_is_set_again_is_not_sent(start: StartServer, peers: Peers) -> None:
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    await ada.makes_room("private", bob)
    peer = await peers.join(bob)
    current = assert_ok(await ada.get("/users/me"))["display_name"]
    assert_ok(await ada.patch("/users/me", display_name=current))
    assert_ok(await ada.patch("/users/me", display_name="Ada Lovelace"))
    await renamed(peer, ada, "Ada Lovelace")
    assert names(peer) == ["Ada Lovelace"]
