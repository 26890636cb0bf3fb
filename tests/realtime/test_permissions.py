"""The permissions of a room reach sockets when they change, and hold for what is under way."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest

from testkit.answers import assert_ok
from testkit.peer import Peers
from testkit.people import Person
from testkit.processes import ServerProcess
from testkit.server import HOUR_MS, TestServer
from tests.realtime.dedicated_server import StartServer

RACES = 15

Change = Callable[[Person, Person, str], Awaitable[httpx.Response]]
PRIVATE = ["read", "send", "send_in_threads", "create_polls", "react", "leave"]
CHANGES: dict[str, tuple[Change, list[str]]] = {
    "a new role": (
        lambda ada, bob, room: ada.patch(f"/rooms/{room}/members/{bob.id}", role="guest"),
        [name for name in PRIVATE if name != "create_polls"],
    ),
    "an override of the role": (
        lambda ada, _, room: ada.put(f"/rooms/{room}/permissions/roles/member", deny=["react"]),
        [name for name in PRIVATE if name != "react"],
    ),
    "an override of the person": (
        lambda ada, bob, room: ada.put(
            f"/rooms/{room}/permissions/users/{bob.id}", deny=["send", "react"]
        ),
        [name for name in PRIVATE if name not in {"send", "react"}],
    ),
    "a room for announcements": (
        lambda ada, _, room: ada.patch(f"/rooms/{room}", settings={"announcement": True}),
        [name for name in PRIVATE if name not in {"send", "create_polls"}],
    ),
    "an archived room": (
        lambda ada, _, room: ada.delete(f"/rooms/{room}"),
        ["read", "leave"],
    ),
}
SIZES = {
    "small": {},
    "large": {
        "limits": {"large_room_members": 2},
        "realtime": {"badge_interval_large_ms": HOUR_MS},
    },
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", CHANGES)
async def test_changed_permissions_reach_all_sockets_also_where_the_room_is_open(
    start: StartServer, peers: Peers, name: str, size: str
) -> None:
    server = await start(**SIZES[size])
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    sockets = [await peers.join(bob), await peers.join(bob, room)]
    for peer in sockets:
        [listed] = peer.of("rooms")[0]["rooms"]
        assert listed["permissions"] == PRIVATE
    change, expected = CHANGES[name]
    answer = await change(ada, bob, room)
    assert answer.status_code in {200, 204}
    for peer in sockets:
        await peer.lists(room, permissions=expected)
    assert (await bob.room(room))["permissions"] == expected


async def test_administrators_of_the_server_see_what_they_may_do_as_owners(
    start: StartServer, peers: Peers
) -> None:
    server = await start()
    ada = await server.person("ada")
    admin = await server.running.administrator(ada.http)
    room = await ada.makes_room("public", admin)
    peer = await peers.join(admin)
    [listed] = peer.of("rooms")[0]["rooms"]
    assert {"archive", "set_role"} <= set(listed["permissions"])
    await ada.says(room, "hello")
    await peer.lists(room, unread=1)
    assert peer.entry(room)["permissions"] == listed["permissions"]


@pytest.mark.cluster
async def test_a_role_that_is_taken_holds_for_actions_in_flight(
    cluster_server: TestServer, process_a: ServerProcess, process_b: ServerProcess
) -> None:
    """In the order of the log nothing is done with a permission after it was taken."""
    ada = process_a.here(await cluster_server.person(process_a._http, "ada"))
    bob = process_b.here(await cluster_server.person(process_b._http, "bob"))
    room = await ada.makes_room("private", bob)
    seqs = await ada.says(room, *map(str, range(RACES)))
    for seq in seqs:
        member = f"/rooms/{room}/members/{bob.id}"
        assert_ok(await ada.patch(member, role="moderator"))
        pin, demotion = await asyncio.gather(
            bob.put(f"/rooms/{room}/messages/{seq}/pin"), ada.patch(member, role="guest")
        )
        assert_ok(demotion)
        assert pin.status_code in {200, 403}
    role = "member"
    for event in await ada.log(room):
        if event["type"] == "member.role_changed":
            role = event["member"]["role"]
        elif event["type"] == "message.pinned":
            assert role == "moderator", event["seq"]


@pytest.mark.cluster
async def test_an_override_holds_for_sends_in_flight(
    cluster_server: TestServer, process_a: ServerProcess, process_b: ServerProcess
) -> None:
    ada = process_a.here(await cluster_server.person(process_a._http, "ada"))
    bob = process_b.here(await cluster_server.person(process_b._http, "bob"))
    room = await ada.makes_room("private", bob)
    path = f"/rooms/{room}/permissions/users/{bob.id}"
    for _ in range(RACES):
        *sends, override = await asyncio.gather(
            *(bob.sends(room) for _ in range(3)), ada.put(path, deny=["send"])
        )
        assert_ok(override)
        assert {answer.status_code for answer in sends} <= {201, 403}
        assert (await bob.sends(room)).status_code == 403
        assert_ok(await ada.delete(path), 204)
    denied = False
    for event in await ada.log(room):
        if event["type"] == "room.permissions_changed":
            denied = bool(event["override"]["deny"])
        elif event["type"] == "message.created":
            assert not denied, event["seq"]


@pytest.mark.cluster
async def test_nobody_joins_while_a_ban_commits(
    cluster_server: TestServer, process_a: ServerProcess, process_b: ServerProcess
) -> None:
    """Whoever comes first: afterwards the banned one is no member. Two bans are one removal."""
    ada = process_a.here(await cluster_server.person(process_a._http, "ada"))
    eve = process_b.here(await cluster_server.person(process_b._http, "eve"))
    bob = process_b.here(await cluster_server.person(process_b._http, "bob"))
    room = await ada.makes_room("public", eve)
    assert_ok(await ada.patch(f"/rooms/{room}/members/{eve.id}", role="moderator"))
    path = f"/rooms/{room}/bans/{bob.id}"
    for _ in range(RACES):
        *bans, join, addition = await asyncio.gather(
            ada.put(path, reason="spam"),
            eve.put(path, reason="spam"),
            bob.post(f"/rooms/{room}/join"),
            eve.post(f"/rooms/{room}/members", users=[bob.id]),
        )
        assert [answer.status_code for answer in bans] == [200, 200]
        assert {join.status_code, addition.status_code} <= {200, 403}
        members = assert_ok(await ada.get(f"/rooms/{room}/members"))["items"]
        assert {member["user"]["id"] for member in members} == {ada.id, eve.id}
        assert_ok(await ada.delete(path), 204)
    is_member = False
    for event in await ada.log(room):
        if event.get("member", {}).get("user") == bob.id:
            assert is_member == (event["type"] == "member.removed")
            is_member = not is_member


@pytest.mark.cluster
async def test_the_slow_mode_holds_over_processes(
    cluster_server: TestServer, process_a: ServerProcess, process_b: ServerProcess
) -> None:
    ada = process_a.here(await cluster_server.person(process_a._http, "ada"))
    bob = await cluster_server.person(process_b._http, "bob")
    room = await ada.makes_room("private", bob)
    assert_ok(await ada.patch(f"/rooms/{room}", settings={"slow_mode_s": 3600}))
    places = [process_a.here(bob), process_b.here(bob)] * 4
    answers = await asyncio.gather(*(place.sends(room) for place in places))
    assert sorted(answer.status_code for answer in answers) == [201] + [429] * 7


@pytest.mark.cluster
async def test_a_last_use_is_used_once_over_processes(
    cluster_server: TestServer, process_a: ServerProcess, process_b: ServerProcess
) -> None:
    ada = process_a.here(await cluster_server.person(process_a._http, "ada"))
    people = await cluster_server.people(process_b._http, *(f"user{n}" for n in range(100)))
    places = [(process_a, process_b)[n % 2].here(person) for n, person in enumerate(people)]
    room = await ada.makes_room("private")
    link = assert_ok(await ada.post(f"/rooms/{room}/invites", max_uses=10), 201)
    answers = await asyncio.gather(*(p.post(f"/invites/{link['code']}/join") for p in places))
    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [404] * 90
    [listed] = assert_ok(await ada.get(f"/rooms/{room}/invites"))["items"]
    assert listed["uses"] == 10
