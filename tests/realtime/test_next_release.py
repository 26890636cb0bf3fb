"""This release with data of the next one, as in a rolling deploy."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import insert, text, update

from app.bootstrap import open_database_and_bus
from app.bus.memory import MemoryBus
from app.bus.redis import RedisBus
from app.core.clock import now
from app.core.publications import Publication
from app.persistence.database import Database
from app.persistence.tables import Room, RoomEventRow
from app.persistence.uow import UnitOfWork
from app.wire.domain import Role
from app.wire.events import MemberRef, MemberRemoved, PublicationKind, RoomEvent
from testkit.answers import assert_ok, assert_problem
from testkit.peer import Frame, Peer, Peers
from testkit.people import Person
from testkit.server import limit_send_buffers
from testkit.waiting import eventually
from tests.realtime.dedicated_server import DedicatedServer, StartServer
from tests.realtime.hooks import LossyBus
from tests.realtime.test_slow_consumers import stall

POLL = {"question": "Tea?", "options": [1, 2.5, None, {"deep": ["é", True]}]}


async def word(
    server: DedicatedServer, table: str, column: str, key: str, value: str | None = None
) -> str:
    """Set a column of the room or the member to `value` in plain SQL and return the stored
    value."""
    async with server.running.context.database._engines.write.begin() as connection:
        given = {"value": value, "key": UUID(key).bytes}
        where = "id" if table == "rooms" else "user_id"
        if value:
            change = text(f"UPDATE {table} SET {column} = :value WHERE {where} = :key")  # noqa: S608
            await connection.execute(change, given)
        ask = text(f"SELECT {column} FROM {table} WHERE {where} = :key")  # noqa: S608
        found: str = (await connection.scalars(ask, given)).one()
        return found


async def log(
    server: DedicatedServer, room: str, actor: Person, *rows: tuple[str, Any, int | None]
) -> int:
    """Append rows (type, body, message) to a room's log as if they were committed. Returns the
    head."""
    head: int = (await actor.room(room))["seq"]
    events = [
        {
            "room_id": UUID(room),
            "seq": head + number,
            "type": kind,
            "actor_id": UUID(actor.id),
            "at": now(),
            "message_seq": message,
            "body": body if body is None or isinstance(body, str) else orjson.dumps(body).decode(),
        }
        for number, (kind, body, message) in enumerate(rows, 1)
    ]
    head += len(rows)
    async with server.running.context.database._engines.write.begin() as connection:
        await connection.execute(insert(RoomEventRow), events)
        await connection.execute(update(Room).where(Room.id == UUID(room)).values(seq=head))
    return head


def said(event: Frame) -> dict[str, Any]:
    """An event without its envelope, which has to be complete."""
    assert {"type", "room", "seq", "actor", "at"} <= event.keys()
    return {
        name: value
        for name, value in event.items()
        if name not in {"type", "room", "seq", "actor", "at"}
    }


class Stage:
    """A room with rows of the next release in its log, and users who reconnect."""

    def __init__(self, server: DedicatedServer, ada: Person, bob: Person, room: str) -> None:
        self.server, self.ada, self.bob, self.room = server, ada, bob, room

    async def fill(self) -> int:
        member = {"user": self.bob.id, "role": "supervisor", "until": "2030-01-01"}
        details = {"kind": "stage", "name": "A room", "topic": "", "archived": False, "icon": "🎭"}
        return await log(
            self.server,
            self.room,
            self.ada,
            ("poll.started", {"poll": POLL}, None),
            ("poll.ended", None, None),
            ("message.edited", {"why": "typo"}, 4),
            ("message.created", {"expires": 7}, 4),
            ("message.created", None, 999),
            ("member.role_changed", {"member": member, "note": {"a": 1}}, None),
            ("room.changed", {"details": details}, None),
            ("member.joined", {"guest": True}, None),
            ("room.changed", "{broken", None),
            ("room.changed", "[1]", None),
            ("x" * 32, {"type": "room.created", "seq": 1, "actor": "me", "extra": 1}, None),
        )

    def check(self, events: list[Frame]) -> None:
        """The events from seq 5 on arrived unchanged."""
        events = [event for event in events if event["seq"] > 4]
        assert [event["seq"] for event in events[:11]] == list(range(5, 16))
        poll, ended, edited, extra, lost, role, details, joined, *rest = events[:11]
        assert (poll["type"], said(poll)) == ("poll.started", {"poll": POLL})
        assert (ended["type"], said(ended)) == ("poll.ended", {})
        assert (edited["type"], edited["why"]) == ("message.edited", "typo")
        assert edited["message"] == extra["message"]
        assert edited["message"]["text"] == "first"
        assert (extra["type"], extra["expires"]) == ("message.created", 7)
        assert (lost["type"], said(lost)) == ("message.created", {})
        assert role["member"] == {"user": self.bob.id, "role": "guest", "until": "2030-01-01"}
        assert role["note"] == {"a": 1}
        assert (details["details"]["kind"], details["details"]["icon"]) == ("private", "🎭")
        assert (joined["type"], said(joined)) == ("member.joined", {"guest": True})
        assert [(event["type"], said(event)) for event in rest] == [
            ("room.changed", {}),
            ("room.changed", {}),
            ("x" * 32, {"extra": 1}),
        ]
        assert {event["actor"] for event in events[:11]} == {self.ada.id}


@pytest.fixture
async def stage(start: StartServer) -> Stage:
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    await ada.says(room, "first")
    return Stage(server, ada, bob, room)


async def test_unknown_events_are_read_over_http(stage: Stage) -> None:
    head = await stage.fill()
    await stage.ada.says(stage.room, "after")
    events = await stage.bob.log(stage.room)
    stage.check(events)
    assert [event["seq"] for event in events] == list(range(1, head + 2))


async def test_unknown_events_are_delivered_in_a_catch_up(stage: Stage, peers: Peers) -> None:
    """By a hello with positions, by an open, and in one batch with requests of others."""
    head = await stage.fill()
    others = [await stage.server.person(f"other{n}") for n in range(3)]
    rooms = [await person.makes_room() for person in others]
    bob, *rest = await asyncio.gather(
        peers.join(stage.bob, (stage.room, 4)),
        *(peers.join(who, (room, 0)) for who, room in zip(others, rooms, strict=True)),
    )
    await bob.has(stage.room, head)
    stage.check(bob.events(stage.room))
    for peer, room in zip(rest, rooms, strict=True):
        await peer.has(room, 2)
    again = await peers.join(stage.bob)
    assert (await again.opens(stage.room, since=4))["state"] == "ok"
    await again.has(stage.room, head)
    stage.check(again.events(stage.room))


async def test_unknown_events_are_delivered_by_gap_repair(stage: Stage, peers: Peers) -> None:
    peer = await peers.join(stage.bob, (stage.room, 4))
    head = await stage.fill()
    await stage.ada.says(stage.room, "shows the hole")
    await peer.has(stage.room, head + 1)
    stage.check(peer.events(stage.room))


async def test_unknown_events_are_delivered_by_a_backfill(start: StartServer, peers: Peers) -> None:
    server = await start(realtime={"send_stall_timeout_s": 600.0, "max_send_delay_s": 600.0})
    limit_send_buffers(server.running)
    ada, bob = await server.person("ada"), await server.person("bob")
    stage = Stage(server, ada, bob, await ada.makes_room("private", bob))
    await ada.says(stage.room, "first")
    fast = await peers.join(ada, stage.room)
    slow = await peers.join(bob, stage.room, small_window=True)
    await stall(server, slow, stage.room, ada)
    at = (await ada.room(stage.room))["seq"]
    head = await stage.fill()
    await ada.says(stage.room, "shows the hole")
    await fast.has(stage.room, head + 1)
    slow.connection.transport.resume_reading()
    await slow.has(stage.room, head + 1)
    assert slow.seqs(stage.room) == list(range(5, head + 2))
    shifted = [e | {"seq": e["seq"] - at + 4} for e in slow.events(stage.room) if e["seq"] > at]
    stage.check(shifted)


@asynccontextmanager
async def another_process(server: DedicatedServer) -> AsyncIterator[Database]:
    """Its publications come over the bus if there is one between processes."""
    if server.running.settings.redis.url:
        async with open_database_and_bus(server.running.settings) as (database, _):
            yield database
    else:
        yield server.running.context.database


async def record(uow: UnitOfWork, /, room_id: UUID, actor: UUID, event: str, **more: Any) -> None:
    room = await uow.rooms.lock(room_id)
    assert room is not None
    uow.append_event(
        room,
        lambda seq: RoomEvent(type=event, room=room_id, seq=seq, actor=actor, at=now(), **more),
    )


async def test_an_unknown_event_published_by_another_process_is_delivered(
    stage: Stage, peers: Peers
) -> None:
    here = await peers.join(stage.bob, stage.room)
    room, ada = UUID(stage.room), UUID(stage.ada.id)
    async with another_process(stage.server) as database:
        await database.transact(record, room, ada, "poll.started", poll=POLL)
    event = await here.expect("poll.started")
    assert said(event) == {"poll": POLL}
    await stage.ada.says(stage.room, "after")
    await here.has(stage.room, 6)
    assert here.seqs(stage.room) == [5, 6]
    assert [e for e in await stage.bob.log(stage.room) if e["seq"] == 5] == [event]


async def test_a_publication_of_an_unknown_kind_is_read_from_the_log(
    stage: Stage, peers: Peers
) -> None:
    peer = await peers.join(stage.bob, stage.room)
    server, room = stage.server, UUID(stage.room)
    loss = LossyBus(server, drops_all=True)
    await stage.ada.says(stage.room, "not told")
    loss.drops_all = False
    newer: Any = 77
    publication = Publication(newer, room, 5, UUID(int=0), b'{"a": "signal"}')
    async with open_database_and_bus(server.running.settings) as (_, bus):
        if isinstance(bus, RedisBus):
            bus.publish([publication])
        else:
            assert isinstance(bus, MemoryBus)
            server.hear(Publication(PublicationKind.NEWER, room, 5, UUID(int=0), b""))
        await peer.has(stage.room, 5)
    # One that names no event of any log, and one of no room, change nothing.
    for topic in (room, UUID(int=5)):
        server.hear(Publication(PublicationKind.NEWER, topic, 2**40, UUID(int=0), b""))
    await stage.ada.says(stage.room, "after")
    await peer.has(stage.room, 6)
    assert peer.seqs(stage.room) == [5, 6]


async def test_an_unknown_role_has_the_least_permissions(stage: Stage, peers: Peers) -> None:
    """In permissions, lists, frames and counts, for a user who was an admin before."""
    ada, bob, room = stage.ada, stage.bob, stage.room
    eve = await stage.server.person("eve")
    assert_ok(await ada.patch(f"/rooms/{room}/members/{bob.id}", role="admin"))
    await word(stage.server, "members", "role", bob.id, "supervisor")
    assert (await bob.room(room))["role"] == "guest"
    assert [r["role"] for r in assert_ok(await bob.get("/rooms"))["items"]] == ["guest"]
    members = assert_ok(await ada.get(f"/rooms/{room}/members"))["items"]
    assert {m["user"]["id"]: m["role"] for m in members} == {ada.id: "owner", bob.id: "guest"}
    assert_problem(await bob.patch(f"/rooms/{room}", name="Mine"), "forbidden")
    assert_problem(await bob.post(f"/rooms/{room}/members", users=[eve.id]), "forbidden")
    assert_problem(await bob.delete(f"/rooms/{room}/members/{ada.id}"), "forbidden")
    peer = await peers.join(bob, room)
    (listed,) = peer.of("rooms")[0]["rooms"]
    assert (listed["role"], listed["unread"]) == ("guest", 1)
    await peer.says(room, "as ever")
    await ada.says(room, f"@{bob.username}")
    await peer.has(room, 7)
    assert await word(stage.server, "members", "role", bob.id) == "supervisor"
    assert_ok(await ada.patch(f"/rooms/{room}/members/{bob.id}", role="admin"))
    assert_ok(await bob.post(f"/rooms/{room}/members", users=[eve.id]))
    await word(stage.server, "members", "role", bob.id, "supervisor")
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)
    assert (await peer.expect("room.closed"))["reason"] == "removed"


async def test_an_unknown_kind_of_room_is_private(stage: Stage, peers: Peers) -> None:
    ada, bob = stage.ada, stage.bob
    eve = await stage.server.person("eve")
    room = await ada.makes_room("public", bob)
    await word(stage.server, "rooms", "kind", room, "stage")
    assert (await bob.room(room))["kind"] == "private"
    assert {r["kind"] for r in assert_ok(await bob.get("/rooms"))["items"]} == {"private"}
    peer = await peers.join(bob, room)
    assert {r["kind"] for r in peer.of("rooms")[0]["rooms"]} == {"private"}
    await peer.says(room, "as ever")
    for answer in (
        await eve.get(f"/rooms/{room}"),
        await eve.post(f"/rooms/{room}/join"),
        await eve.get(f"/rooms/{room}/events"),
        await eve.sends(room),
    ):
        assert_problem(answer, "not_found")
    stranger = await peers.join(eve)
    assert (await stranger.opens(room))["code"] == "not_found"
    assert room not in [r["id"] for r in assert_ok(await eve.get("/rooms/public"))["items"]]
    assert_ok(await ada.patch(f"/rooms/{room}", topic="as ever"))
    assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
    assert await word(stage.server, "rooms", "kind", room) == "stage"


async def test_a_removal_published_by_the_next_release_evicts(stage: Stage, peers: Peers) -> None:
    """The types that end a membership do not change; new fields are passed on."""
    peer = await peers.join(stage.bob, stage.room)

    async def remove(uow: UnitOfWork) -> None:
        room = await uow.rooms.lock(UUID(stage.room))
        member = await uow.members.get(UUID(stage.room), UUID(stage.bob.id))
        assert room is not None
        assert member is not None
        await uow.members.remove(member, room.seq + 1)
        gone = MemberRef(user=member.user_id, role=Role.MEMBER, until="2030")  # type: ignore[call-arg]
        uow.append_event(
            room,
            lambda seq: MemberRemoved(
                room=room.id, seq=seq, actor=UUID(stage.ada.id), at=now(), member=gone
            ),
        )

    async with another_process(stage.server) as database:
        await database.transact(remove)
    event = await peer.expect("member.removed")
    assert event["member"]["until"] == "2030"
    await peer.expect("room.closed", seq=5, reason="removed")


async def test_one_failing_request_in_a_batch_fails_alone(
    stage: Stage, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error in the rooms of one client does not affect others in its batch."""
    hub = stage.server.hub
    loader = stage.server.realtime.connection_services.room_lists.room_lists
    query = loader._query

    async def with_a_defect(asked: Any) -> Any:
        if any(one.user == UUID(stage.bob.id) for one in asked):
            raise ValueError("a row that nobody foresaw")
        return await query(asked)

    monkeypatch.setattr(loader, "_query", with_a_defect)
    others = [await stage.server.person(f"other{n}") for n in range(5)]

    async def comes_back(person: Person) -> Peer:
        peer = await peers.dial(stage.server.url)
        await peer.send("hello", token=person.access)
        return peer

    bob, *rest = await asyncio.gather(*map(comes_back, [stage.bob, *others]))
    for peer in rest:
        await peer.expect("rooms")
    assert await bob.closed() == 4000
    await eventually(lambda: len(hub.connections) == len(rest))
