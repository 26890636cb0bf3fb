"""Changed items come to all sockets of their user as they are now."""

import asyncio
from uuid import UUID

import pytest

from app.application import paced_commits
from app.core import sync_tokens
from app.core.clock import now
from app.core.publications import decode_subject, user_event_publication
from app.persistence.repositories.item_values import ITEM_QUERIES
from app.realtime.delivery import user_logs
from app.realtime.items import updates
from app.wire.errors import Busy
from app.wire.events import PublicationKind
from app.wire.items import ItemKey, ItemKind
from app.wire.user_events import UserEvent
from testkit.answers import assert_ok
from testkit.peer import Frame, Peers, dial
from testkit.people import Person
from testkit.processes import ServerProcess
from testkit.server import HOUR_MS, TestServer, new_session
from testkit.waiting import eventually
from tests.realtime.dedicated_server import StartServer
from tests.realtime.hooks import LossyBus, PausedQuery, QueryCounter
from tests.realtime.items import ItemReplica, has_item, key, loses_item, read_items
from tests.realtime.room_lists import greeted
from tests.realtime.user_logs import append, user_log

POLLING = {"change_poll_interval_ms": 100, "change_poll_interval_degraded_ms": 50}


@pytest.fixture(autouse=True)
def _unpaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paced_commits, "INTERVAL_S", 0.0)


async def save(person: Person, room: str, text: str, thread: int = 0) -> None:
    assert_ok(await person.put(f"/rooms/{room}/draft", text=text, thread=thread), 204)


async def answer_to_hello(person: Person, snapshot: str | None = None) -> list[Frame]:
    """All frames up to the snapshot."""
    async with dial(str(person.http.base_url).rstrip("/")) as peer:
        await greeted(peer, person, snapshot)
        last = next(n for n, frame in enumerate(peer.frames) if "snapshot" in frame)
        return peer.frames[: last + 1]


def test_every_kind_of_item_has_a_query() -> None:
    assert set(ITEM_QUERIES) == set(ItemKind)


@pytest.mark.parametrize(
    "item",
    [
        None,
        ItemKey("draft", UUID(int=1), 0),
        ItemKey("x", UUID(int=1), 2**53 - 1, UUID(int=2)),
        ItemKey("x" * 16, UUID(int=1)),
    ],
)
def test_the_subject_of_a_users_event_goes_over_the_bus(item: ItemKey | None) -> None:
    room = UUID(int=1)
    kind, _, seq, id_ = item or (None, room, None, None)
    event = UserEvent(type="x", seq=1, at=now(), room=room, item=kind, item_seq=seq, item_id=id_)
    publication = user_event_publication(UUID(int=3), event)
    assert decode_subject(publication.payload) == (item or room)
    # A process of the release before takes a payload of 16 bytes for a room.
    assert (len(publication.payload) == 16) is (item is None)


@pytest.mark.parametrize("payload", [b"", b"x", b"x" * 17, b"x" * 40])
def test_a_subject_of_a_newer_release_is_ignored(payload: bytes) -> None:
    assert decode_subject(payload) is None


async def test_a_changed_item_comes_to_all_sockets_of_its_user(
    ada: Person, bob: Person, server: TestServer, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    sockets = [
        await peers.join(ada),
        await peers.join(ada, room),
        await peers.join(await new_session(server, ada)),
    ]
    other = await peers.join(bob, room)
    await save(ada, room, "Hel")
    for peer in sockets:
        await has_item(peer, "draft", text="Hel", room=room, thread=0, reply_to=None)
    await save(ada, room, "Hello")
    for peer in sockets:
        await has_item(peer, "draft", text="Hello")
    await save(ada, room, "")
    for peer in sockets:
        await loses_item(peer, "draft", room)
        assert not peer.updates(room), "the entry of the room has not changed"
    await other.settled()
    assert other.of("item.changed") == []


@pytest.mark.cluster
async def test_a_changed_item_comes_to_sockets_of_other_processes(
    cluster_server: TestServer, process_a: ServerProcess, process_b: ServerProcess, peers: Peers
) -> None:
    ada = process_a.here(await cluster_server.person(process_a._http, "ada"))
    room = await ada.makes_room()
    here, there = await peers.join(ada), await peers.join(process_b.here(ada))
    await save(ada, room, "from one process")
    for peer in (here, there):
        await has_item(peer, "draft", text="from one process")
    assert_ok(await process_b.here(ada).delete(f"/rooms/{room}/draft"), 204)
    for peer in (here, there):
        await loses_item(peer, "draft", room)


@pytest.mark.parametrize("finder", ["poll", "position check"])
async def test_a_lost_change_of_an_item_is_found(
    start: StartServer, peers: Peers, finder: str
) -> None:
    server = await start(realtime=POLLING if finder == "poll" else {})
    ada = await server.person("ada")
    room = await ada.makes_room()
    peer = await peers.join(ada)
    loss = LossyBus(server, drops_all=True)
    await save(ada, room, "lost")
    assert [p.kind for p in loss.dropped] == [PublicationKind.USER_EVENT]
    if finder != "poll":
        server.realtime.delivery.position_check_needed.set()
    await has_item(peer, "draft", text="lost")


async def test_more_missed_events_than_are_read_bring_each_item(
    start: StartServer, peers: Peers
) -> None:
    server = await start()
    ada = await server.person("ada")
    room = await ada.makes_room()
    peer = await peers.join(ada)
    loss = LossyBus(server, drops_all=True)
    for thread in (0, 1):
        await save(ada, room, f"text {thread}", thread)
    await append(server.running.context.database, ada, [room] * (user_logs.MAX_MISSED + 1))
    loss.drops_all = False
    server.realtime.delivery.position_check_needed.set()
    for thread in (0, 1):
        await has_item(peer, "draft", thread=thread, text=f"text {thread}")


async def test_events_of_an_item_may_come_in_any_order_and_more_than_once(
    start: StartServer, peers: Peers
) -> None:
    server = await start()
    ada = await server.person("ada")
    room = await ada.makes_room()
    peer = await peers.join(ada)
    loss = LossyBus(server, drops_all=True)
    for text in ("old", "", "new"):
        await save(ada, room, text)
    for publication in [*reversed(loss.dropped), *loss.dropped]:
        server.hear(publication)
    await has_item(peer, "draft", text="new")
    await peer.settled()
    assert [f["value"]["text"] for f in peer.of("item.changed")] == ["new"]


async def test_many_changed_items_come_in_several_updates(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The snapshot comes when all of them have come."""
    monkeypatch.setattr(updates, "MAX_ITEMS", 3)
    server = await start(realtime={"change_poll_interval_ms": 100})
    ada = await server.person("ada")
    room = await ada.makes_room()
    peer = await peers.join(ada)
    loss = LossyBus(server, drops_all=True)
    for thread in range(10):
        await save(ada, room, "x", thread)
    assert_ok(await ada.post(f"/rooms/{room}/unread", seq=2))
    loss.drops_all = False
    for publication in loss.dropped:
        server.hear(publication)
    await peer.until(lambda: len({key(frame) for frame in peer.of("item.changed")}) == 10)
    await peer.lists(room, read_seq=1)
    first = next(n for n, f in enumerate(peer.frames) if f["type"] == "item.changed")
    counts, seen = [], set()
    for frame in peer.frames[first:]:
        if frame["type"] == "item.changed":
            seen.add(key(frame))
        elif frame["type"] == "rooms" and "snapshot" in frame:
            counts.append(len(seen))
    assert set(counts) <= {10}


async def test_a_failed_read_of_items_is_repeated(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    ada = await server.person("ada")
    room = await ada.makes_room()
    peer = await peers.join(ada)
    reads = QueryCounter(server, monkeypatch)
    reads.failures["_values"] = [Busy("not now"), Busy("not now")]
    await save(ada, room, "patience")
    assert_ok(await ada.post(f"/rooms/{room}/unread", seq=1))
    await has_item(peer, "draft", text="patience")
    await peer.lists(room, read_seq=0)


async def test_a_hello_with_a_snapshot_gets_the_changed_items_before_the_next_snapshot(
    no_overlap: None, ada: Person, bob: Person
) -> None:
    room, left = await ada.makes_room("private", bob), await ada.makes_room("private", bob)
    await save(bob, room, "same")
    await save(bob, room, "changed", 1)
    await save(bob, room, "deleted", 2)
    await save(bob, left, "left")
    first = await answer_to_hello(bob)
    assert [f["type"] for f in first] == ["welcome", "rooms"]
    assert first[-1]["full"], "the client reads its items over HTTP"
    replica = ItemReplica()
    replica.items = await read_items(bob)
    await save(bob, room, "new", 1)
    await save(bob, room, "newer", 1)
    await save(bob, room, "", 2)
    await save(bob, room, "new", 3)
    assert_ok(await bob.post(f"/rooms/{left}/leave"), 204)
    frames = await answer_to_hello(bob, first[-1]["snapshot"])
    types = [frame["type"] for frame in frames]
    assert types == ["welcome", "rooms", *["item.changed"] * 4, "rooms"]
    assert frames[1]["gone"] == [left]
    assert not frames[1]["full"]
    assert (frames[-1]["full"], frames[-1]["rooms"], frames[-1]["gone"]) == (False, [], [])
    replica.apply(frames)
    assert replica.items == await read_items(bob)
    assert len(replica.items) == 5  # with the settings for all rooms and the presence
    again = await answer_to_hello(bob, frames[-1]["snapshot"])
    assert [frame["type"] for frame in again] == ["welcome", "rooms"]


async def test_an_item_that_changes_during_a_hello_is_sent_after_it(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch, no_overlap: None
) -> None:
    server = await start()
    ada = await server.person("ada")
    room = await ada.makes_room()
    snapshot = (await answer_to_hello(ada))[-1]["snapshot"]
    await save(ada, room, "before")
    pause = PausedQuery(server, monkeypatch, "load_room_list")
    peer = await peers.dial(server.running.url)
    await peer.send("hello", token=ada.access, snapshot=snapshot)
    go = await pause.next()
    await save(ada, room, "during")
    go.set()
    await has_item(peer, "draft", text="during")
    assert next(f["value"]["text"] for f in peer.of("item.changed")) == "before"


async def test_a_snapshot_of_a_release_with_other_items_is_void(
    ada: Person, server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process has skipped changes of items that it does not know."""
    await ada.makes_room()
    frames = await answer_to_hello(ada)
    monkeypatch.setattr(sync_tokens, "_ITEM_KINDS", "others")
    older = (await answer_to_hello(ada, frames[-1]["snapshot"]))[-1]
    assert older["full"]
    monkeypatch.undo()
    assert (await answer_to_hello(ada, older["snapshot"]))[-1]["full"]


async def test_drafts_that_change_fast_are_few_events(
    start: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last one is saved, and another room does not wait."""
    monkeypatch.setattr(paced_commits, "INTERVAL_S", HOUR_MS / 1000)
    server = await start()
    ada = await server.person("ada")
    room, other = await ada.makes_room(), await ada.makes_room()
    await save(ada, room, "first")
    waiting = [
        asyncio.create_task(ada.put(f"/rooms/{room}/draft", text=f"text {n}")) for n in range(9)
    ]
    queue = server.running.context.save_draft.__self__  # type: ignore[attr-defined]
    await eventually(lambda: waiting_text(queue) is not None)
    await save(ada, other, "at once")
    last = asyncio.create_task(ada.put(f"/rooms/{room}/draft", text="last"))
    await eventually(lambda: waiting_text(queue) == "last")
    await queue.close()
    for request in (*waiting, last):
        assert_ok(await request, 204)
    texts = {item["text"] for item in assert_ok(await ada.get("/users/me/drafts"))["items"]}
    assert texts == {"last", "at once"}
    events = await user_log(server.running.context.database, ada)
    assert sum(event.item == "draft" for event in events) == 3


def waiting_text(queue: object) -> str | None:
    queued = queue._changes._queued  # type: ignore[attr-defined]
    return next((waiting.value.text for waiting in queued.values()), None)
