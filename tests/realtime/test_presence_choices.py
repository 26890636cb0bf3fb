"""What users choose others to see of their presence."""

from datetime import timedelta

import pytest

from app.core.clock import now
from app.realtime.presence import choices
from testkit.answers import assert_ok
from testkit.peer import Peer, Peers
from testkit.people import Person
from tests.realtime.items import has_item
from tests.realtime.test_presence import changes, told, watched
from tests.realtime.test_typing import shows, types


async def choose(person: Person, choice: str = "automatic", **more: str) -> None:
    assert_ok(await person.put("/users/me/presence", choice=choice, **more))


async def watch(peers: Peers, watcher: Person, person: Person) -> Peer:
    """They share a room from now on."""
    await watcher.makes_room("private", person)
    peer = await peers.join(watcher)
    await watched(peer, person)
    return peer


@pytest.fixture
def quick_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choices, "CLOCK_CHECK_S", 0.1)


async def test_others_see_what_a_connected_user_chooses(
    ada: Person, bob: Person, peers: Peers
) -> None:
    peer = await watch(peers, bob, ada)
    await peers.join(ada)
    for choice, state in (("away", "away"), ("invisible", "offline"), ("automatic", "online")):
        await choose(ada, choice)
        await told(peer, ada, state)
        assert await watched(peer, ada) == {ada.id: state}


async def test_an_invisible_user_who_connects_never_shows(
    ada: Person, bob: Person, peers: Peers
) -> None:
    await choose(ada, "invisible")
    peer = await watch(peers, bob, ada)
    device = await peers.join(ada)
    await device.settled()
    await choose(ada, "away")
    await told(peer, ada, "away")
    assert changes(peer) == [{ada.id: "away"}]


async def test_a_user_is_away_on_each_new_connection(
    ada: Person, bob: Person, peers: Peers
) -> None:
    await choose(ada, "away")
    peer = await watch(peers, bob, ada)
    await peers.join(ada)
    await told(peer, ada, "away")
    assert changes(peer) == [{ada.id: "away"}]


async def test_all_devices_follow_a_choice(ada: Person, peers: Peers) -> None:
    phone, laptop = await peers.join(ada), await peers.join(ada)
    await choose(ada, "away", visible_to="nobody")
    for device in (phone, laptop):
        await has_item(device, "presence", choice="away", visible_to="nobody")


async def test_do_not_disturb_is_shown_until_its_time(
    quick_clock: None, ada: Person, bob: Person, peers: Peers
) -> None:
    """By hand, in the notification settings; it is more than being away, and less than hiding."""
    peer = await watch(peers, bob, ada)
    await peers.join(ada)
    await choose(ada, "away")
    await told(peer, ada, "away")
    until = (now() + timedelta(seconds=3)).isoformat()
    assert_ok(await ada.put("/users/me/notifications", quiet_until=until))
    await told(peer, ada, "do_not_disturb")
    await told(peer, ada, "away")
    assert_ok(await ada.put("/users/me/notifications", quiet_until="2100-01-01T00:00:00Z"))
    await told(peer, ada, "do_not_disturb")
    await choose(ada, "invisible")
    await told(peer, ada, "offline")


async def test_do_not_disturb_follows_the_schedule(ada: Person, bob: Person, peers: Peers) -> None:
    peer = await watch(peers, bob, ada)
    await peers.join(ada)
    await told(peer, ada, "online")
    days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    always = {"days": days, "start": "00:00", "end": "00:00", "time_zone": "Asia/Tokyo"}
    assert_ok(await ada.put("/users/me/notifications", schedule=always))
    await told(peer, ada, "do_not_disturb")
    assert_ok(await ada.put("/users/me/notifications"))
    await told(peer, ada, "online")


async def test_a_presence_that_nobody_may_see_is_unknown(
    ada: Person, bob: Person, peers: Peers
) -> None:
    peer = await watch(peers, bob, ada)
    own = await peers.join(ada)
    await told(peer, ada, "online")
    await choose(ada, visible_to="nobody")
    await told(peer, ada, "unknown")
    assert await watched(peer, ada) == {ada.id: "unknown"}
    assert await watched(own, ada) == {ada.id: "online"}
    await choose(ada)
    await told(peer, ada, "online")


async def test_the_typing_of_an_invisible_user_is_not_sent(
    ada: Person, bob: Person, eve: Person, peers: Peers
) -> None:
    room = await bob.makes_room("private", ada, eve)
    watcher = await peers.join(bob, room)
    await choose(ada, "invisible")
    hidden, seen = await peers.join(ada, room), await peers.join(eve, room)
    await types(hidden, room)
    await hidden.settled()
    await types(seen, room)
    await shows(watcher, room, eve)
    assert all(ada.id not in frame["users"] for frame in watcher.of("typing"))
