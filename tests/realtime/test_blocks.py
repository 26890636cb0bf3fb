"""Blocks on sockets: other devices follow, presence ends, counts change."""

from testkit.answers import assert_ok
from testkit.peer import Peers
from testkit.people import Person
from tests.realtime.items import has_item, loses_item
from tests.realtime.test_presence import told, watched


async def block(person: Person, other: Person) -> None:
    assert_ok(await person.put(f"/users/me/blocks/{other.id}"))


async def unblock(person: Person, other: Person) -> None:
    assert_ok(await person.delete(f"/users/me/blocks/{other.id}"), 204)


async def test_all_devices_of_the_blocker_follow_and_nobody_else(
    ada: Person, bob: Person, peers: Peers
) -> None:
    phone, laptop, other = await peers.join(ada), await peers.join(ada), await peers.join(bob)
    await block(ada, bob)
    for peer in (phone, laptop):
        await has_item(peer, "block", user=bob.id)
        frame = peer.of("item.changed")[-1]
        assert (frame["room"], frame["id"]) == (ada.id, bob.id)
    await unblock(ada, bob)
    for peer in (phone, laptop):
        await loses_item(peer, "block", ada.id)
    await other.settled()
    assert not other.of("item.changed")


async def test_counts_of_mentions_change_with_a_block(
    ada: Person, bob: Person, peers: Peers
) -> None:
    room = await bob.makes_room("private", ada)
    peer = await peers.join(ada)
    await bob.says(room, f"@{ada.username}", "@room")
    await peer.lists(room, unread=2, mentions=2)
    await block(ada, bob)
    await peer.lists(room, unread=2, mentions=0)
    await unblock(ada, bob)
    await peer.lists(room, unread=2, mentions=2)


async def test_a_blocked_user_does_not_see_the_presence_of_the_blocker(
    ada: Person, bob: Person, eve: Person, peers: Peers
) -> None:
    await ada.makes_room("private", bob, eve)
    await peers.join(ada)
    of_bob, of_eve = await peers.join(bob), await peers.join(eve)
    for peer in (of_bob, of_eve):
        await watched(peer, ada)
        await told(peer, ada, "online")
    await block(ada, bob)
    await told(of_bob, ada, "unknown")
    assert await watched(of_bob, ada) == {ada.id: "unknown"}
    assert await watched(of_eve, ada) == {ada.id: "online"}
    await unblock(ada, bob)
    await told(of_bob, ada, "online")
