"""Other devices of a user hear of notification settings."""

from testkit.answers import assert_ok
from testkit.peer import Peers
from testkit.people import Person
from tests.realtime.items import has_item


async def test_other_devices_hear_of_the_settings_of_a_room(ada: Person, peers: Peers) -> None:
    room = await ada.makes_room()
    peer = await peers.join(ada)
    before = len(peer.of("rooms"))
    assert_ok(await ada.put(f"/rooms/{room}/notifications", muted=True))
    await peer.until(lambda: len(peer.of("rooms")) > before)
    frames = peer.of("rooms")[before:]
    assert [entry["room"] for frame in frames for entry in frame["rooms"]] == [room]
    assert not any(frame.get("gone") for frame in frames)


async def test_other_devices_get_the_settings_for_all_rooms_as_an_item(
    ada: Person, bob: Person, peers: Peers
) -> None:
    peer, others = await peers.join(ada), await peers.join(bob)
    settings = assert_ok(
        await ada.put("/users/me/notifications", level="nothing", keywords=["release"])
    )
    await has_item(peer, "notifications", **settings)
    (frame,) = peer.of("item.changed")
    assert frame == {
        "type": "item.changed",
        "kind": "notifications",
        "room": ada.id,
        "value": settings,
    }
    await others.settled()
    assert others.of("item.changed") == []
