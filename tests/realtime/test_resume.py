"""Resuming from far behind: pages and live events make one log, each seq once."""

import asyncio
from typing import Any
from uuid import UUID

from app.core.actor import Actor
from app.core.clock import now
from app.core.send_request import SendRequest, SendResult
from app.messages.send.batch import commit_batch
from app.persistence.uow import UnitOfWork
from app.wire.content import Content
from testkit.answers import assert_ok
from testkit.limits import LIMITS
from testkit.peer import Frame, Peer, Peers
from testkit.people import Person
from testkit.server import new_session
from testkit.statements import recorded_statements
from tests.realtime.dedicated_server import DedicatedServer, StartServer
from tests.realtime.room_lists import greeted

FAR = 10_000


async def fill(server: DedicatedServer, person: Person, room: str, count: int) -> None:
    """Append messages, faster than over the API."""
    actor = Actor(UUID(person.id), UUID(person.session), is_admin=False, expires_at=now())

    def some(begin: int, end: int) -> Any:
        async def work(uow: UnitOfWork) -> None:
            drafts = [
                SendRequest(actor, UUID(room), f"f{number}", Content(text=f"message {number}"))
                for number in range(begin, end)
            ]
            for outcome in await commit_batch(uow, drafts, LIMITS, wait=True):
                assert isinstance(outcome, SendResult), outcome

        return work

    for begin in range(0, count, 250):
        await server.running.context.database.transact(some(begin, min(begin + 250, count)))


async def page_hole(person: Person, opened: Frame) -> list[Frame]:
    """Read the range that `limited` skipped."""
    found: list[Frame] = []
    after: int | None = opened["from"]
    while after is not None:
        page = assert_ok(
            await person.get(
                f"/rooms/{opened['room']}/events", after=after, until=opened["resume"], limit=100
            )
        )
        found += page["items"]
        after = page["next"]
    return found


async def test_a_client_10000_events_behind_catches_up_while_the_room_goes_on(
    start: StartServer, peers: Peers
) -> None:
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    await fill(server, ada, room, FAR)
    writer, peer = await peers.join(ada), await peers.join(ada)
    writing = asyncio.create_task(talk(writer, room, 60))
    opened = await peer.opens(room, since=0)
    assert (opened["state"], opened["from"]) == ("limited", 0)
    assert opened["seq"] - opened["resume"] <= 100
    hole = await page_hole(ada, opened)
    await writing
    head = (await ada.room(room))["seq"]
    await peer.has(room, head)
    assert [event["seq"] for event in hole] == list(range(1, opened["resume"] + 1))
    assert peer.seqs(room) == list(range(opened["resume"] + 1, head + 1))
    assert len(hole) + len(peer.seqs(room)) == FAR + 2 + 60


async def talk(peer: Peer, room: str, count: int) -> None:
    for _ in range(count):
        await peer.says(room)


async def test_several_devices_each_have_a_position(ada: Person, peers: Peers) -> None:
    room = await ada.makes_room()
    await ada.says(room, "one", "two", "three")
    phone, laptop = await peers.join(ada, (room, 2)), await peers.join(ada, (room, 4))
    await phone.says(room, "from the phone")
    await laptop.has(room, 6)
    await laptop.says(room, "from the laptop")
    for peer, since in ((phone, 2), (laptop, 4)):
        await peer.has(room, 7)
        assert peer.seqs(room) == list(range(since + 1, 8))
    # One goes and comes back; the other notices nothing.
    await phone.leave()
    await laptop.says(room, "meanwhile")
    back = await peers.join(ada, (room, 7))
    for peer in (back, laptop):
        await peer.has(room, 8)
    assert back.seqs(room) == [8]
    assert laptop.seqs(room) == [5, 6, 7, 8]


async def test_a_new_socket_resumes_before_the_old_one_is_closed(ada: Person, peers: Peers) -> None:
    room = await ada.makes_room()
    old, writer = await peers.join(ada, (room, 0)), await peers.join(ada)
    writing = asyncio.create_task(talk(writer, room, 30))
    await old.has(room, 10)
    new = await peers.join(ada, (room, old.seqs(room)[-1]))
    handed_over = old.seqs(room)[-1]
    await old.leave()
    await writing
    await new.has(room, 32)
    assert old.seqs(room) == list(range(1, len(old.seqs(room)) + 1))
    assert new.seqs(room) == list(range(new.seqs(room)[0], 33))
    assert new.seqs(room)[0] <= handed_over + 1


async def test_resuming_a_room_that_was_left_is_not_found(
    ada: Person, bob: Person, peers: Peers
) -> None:
    """From a position after the end. test_removal_in_catch_up.py has earlier positions."""
    private, public = await ada.makes_room("private", bob), await ada.makes_room("public", bob)
    for room in (private, public):
        await ada.says(room, "x")
        assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
    peer = await peers.join(bob)
    for since in (5, 6, 2**53 - 1, None):
        assert (await peer.opens(private, since=since))["code"] == "not_found"
        assert (await peer.opens(public, since=since))["code"] == "forbidden"
    await ada.says(private, "not for bob")
    await peer.settled()
    assert peer.seqs(private) == []


async def test_a_position_taken_from_another_room_is_accepted(ada: Person, peers: Peers) -> None:
    """Beyond the head it is `reset`, otherwise the log continues after it."""
    long, short = await ada.makes_room(), await ada.makes_room()
    await ada.says(long, *map(str, range(20)))
    peer = await peers.join(ada)
    assert (await peer.opens(short, since=22))["state"] == "reset"
    assert (await peer.opens(long, since=2))["state"] == "ok"
    await peer.has(long, 22)


async def test_resuming_1500_rooms_takes_few_queries(start: StartServer, peers: Peers) -> None:
    """The number of queries is bounded, with one read for each room that is opened."""
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    rooms = await server.rooms(ada, 1500, members=[UUID(bob.id)])
    first = await peers.dial(server.url)
    snapshot = (await greeted(first, bob, None))[-1]["snapshot"]
    await first.leave()
    for room in rooms[:20]:
        await ada.says(room, "meanwhile")
    opened = [{"room": room, "since": 3} for room in rooms[:50]]
    back = await peers.dial(server.url)
    with recorded_statements(server.running.context.database) as seen:
        await back.send("hello", token=bob.access, snapshot=snapshot, rooms=opened)
        for room in rooms[:20]:
            await back.has(room, 4)
        for room in rooms[:50]:
            await back.expect("room.opened", room=room)
    assert sum(sql.startswith("SELECT") for sql in seen) < 10 + 4 * 50
    one = await peers.dial(server.url)
    with recorded_statements(server.running.context.database) as seen:
        await greeted(one, await new_session(server.running, bob), snapshot)
    assert sum(sql.startswith("SELECT") for sql in seen) < 15
