"""Messages are deleted: what is left of them, and what is gone from every path."""

import asyncio
from itertools import chain
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from app.persistence.tables import Base
from testkit.answers import assert_ok, assert_problem
from testkit.peer import Peers
from testkit.people import Person
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend

LONG_AGO = "2020-01-01T00:00:00Z"


async def test_what_is_left_says_who_sent_and_who_deleted_it(
    ada: Person, bob: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    sent = assert_ok(await bob.sends(room, "hello", reply_to=None, metadata={"a": 1}), 201)
    path = f"/rooms/{room}/messages/{sent['seq']}"
    peer = await peers.join(bob, room)
    left = assert_ok(await ada.delete(path))
    assert left == {
        "text": "",
        "reply_to": None,
        "seq": sent["seq"],
        "sender": bob.id,
        "at": sent["at"],
        "nonce": sent["nonce"],
        "deletion": {"by": ada.id, "at": left["deletion"]["at"]},
    }
    event = await peer.expect("messages.deleted", seq=sent["seq"] + 1)
    assert (event["actor"], event["at"], event["seqs"]) == (
        ada.id,
        left["deletion"]["at"],
        [sent["seq"]],
    )
    assert assert_ok(await bob.get(path)) == left
    assert assert_ok(await bob.get(f"/rooms/{room}/messages"))["items"] == [left]
    assert (await bob.log(room))[sent["seq"] - 1]["message"] == left
    assert (await bob.room(room))["last_message"] is None


async def test_deleting_again_changes_nothing(ada: Person) -> None:
    room = await ada.makes_room()
    [seq] = await ada.says(room, "hello")
    left = assert_ok(await ada.delete(f"/rooms/{room}/messages/{seq}"))
    assert assert_ok(await ada.delete(f"/rooms/{room}/messages/{seq}")) == left
    assert (await ada.room(room))["seq"] == seq + 1


async def test_a_repeated_send_of_a_deleted_message_returns_what_is_left(ada: Person) -> None:
    room = await ada.makes_room()
    seq = assert_ok(await ada.sends(room, "hello", nonce="n"), 201)["seq"]
    left = assert_ok(await ada.delete(f"/rooms/{room}/messages/{seq}"))
    assert assert_ok(await ada.sends(room, "hello", nonce="n"), 200) == left
    assert_problem(await ada.sends(room, "", nonce="n"), "invalid")
    assert_problem(await ada.sends(room, "other", nonce="n"), "nonce_conflict")


async def test_who_may_delete(ada: Person, bob: Person, eve: Person) -> None:
    room = await ada.makes_room("private", bob)
    [hers] = await ada.says(room, "ada's")
    [his] = await bob.says(room, "bob's")
    assert_problem(await bob.delete(f"/rooms/{room}/messages/{hers}"), "forbidden")
    assert_problem(await eve.delete(f"/rooms/{room}/messages/{his}"), "not_found")
    assert_problem(await ada.delete(f"/rooms/{room}/messages/1"), "not_found")
    assert_ok(await ada.delete(f"/rooms/{room}/messages/{his}"))
    direct = await ada.makes_room("direct", bob)
    [hers] = await ada.says(direct, "ada's")
    assert_problem(await bob.delete(f"/rooms/{direct}/messages/{hers}"), "forbidden")
    assert_ok(await ada.delete(f"/rooms/{direct}/messages/{hers}"))


async def test_nothing_is_done_to_a_deleted_message(ada: Person) -> None:
    room = await ada.makes_room()
    [seq] = await ada.says(room, "hello")
    path = f"/rooms/{room}/messages/{seq}"
    assert_ok(await ada.delete(path))
    for answer in (
        await ada.patch(path, text="x", version=1),
        await ada.put(f"{path}/reactions/🎉"),
        await ada.delete(f"{path}/reactions/🎉"),
        await ada.put(f"{path}/pin"),
        await ada.get(f"{path}/versions"),
    ):
        assert_problem(answer, "not_found")
    assert (await ada.room(room))["seq"] == seq + 1


async def test_what_belongs_to_a_deleted_message_is_gone(
    server: TestServer, ada: Person, bob: Person
) -> None:
    """No row of any table, but the fingerprint, tells what was said."""
    room = await ada.makes_room("private", bob)
    secret = "xyzzy"
    [seq] = await ada.says(room, f"{secret} @{bob.username}")
    path = f"/rooms/{room}/messages/{seq}"
    assert_ok(await ada.patch(path, text=f"{secret} again @{bob.username}", version=1))
    assert_ok(await bob.put(f"{path}/reactions/🎉"))
    assert_ok(await ada.put(f"{path}/pin"))
    [reply] = [assert_ok(await bob.sends(room, "yes", reply_to=seq), 201)["seq"]]
    assert_ok(await ada.delete(path))
    shown = await bob.room(room)
    assert (shown["unread"], shown["mentions"]) == (0, 0)
    assert assert_ok(await bob.get(f"/rooms/{room}/pins"))["items"] == []
    page = assert_ok(await bob.get(f"/rooms/{room}/messages", after=reply - 1))
    assert page["quoted"] == [{"seq": seq, "sender": ada.id, "text": "", "deleted": True}]
    for text in (str(await bob.log(room)), str(page), str(await rows(server, room))):
        assert secret not in text
    for table in ("message_versions", "reactions", "pins", "mentions"):
        assert await count(server, table, room) == 0


async def rows(server: TestServer, room: str) -> list[Any]:
    """Every row of every table that belongs to the room."""
    kept: list[Any] = []
    async with server.context.database._engines.read.connect() as connection:
        for table in Base.metadata.sorted_tables:
            if "room_id" in table.c:
                query = select(table).where(table.c.room_id == UUID(room))
                kept += (await connection.execute(query)).all()
    return kept


async def count(server: TestServer, table: str, room: str) -> int:
    columns = Base.metadata.tables[table]
    async with server.context.database._engines.read.connect() as connection:
        query = select(func.count()).select_from(columns).where(columns.c.room_id == UUID(room))
        return int((await connection.scalar(query)) or 0)


async def test_a_list_of_messages_is_deleted_as_a_whole(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    seqs = await bob.says(room, *map(str, range(100)))
    path = f"/rooms/{room}/deletions"
    assert_problem(await ada.post(path, seqs=[seqs[0], 1]), "not_found")
    assert_problem(await bob.post(path, seqs=[*seqs, 4]), "invalid")  # more than 100
    assert assert_ok(await ada.post(path, seqs=seqs)) == {"count": 100, "more": False}
    event = (await bob.log(room))[-1]
    assert (event["type"], event["seqs"]) == ("messages.deleted", seqs)
    assert (await ada.room(room))["unread"] == 0


@pytest.mark.setting("CHAT_LIMITS__MAX_BULK_DELETIONS")
async def test_the_messages_of_a_sender_are_deleted_one_event_for_a_hundred(
    backend: Backend,
) -> None:
    settings = without_limits(backend.override(limits={"max_bulk_deletions": 150}))
    async with run_server(settings) as server, server.client() as http:
        ada, bob = await server.people(http, "ada", "bob")
        room = await ada.makes_room("private", bob)
        first = await bob.says(room, *map(str, range(160)))
        [kept] = await ada.says(room, "kept")
        path = f"/rooms/{room}/deletions"
        assert_problem(await bob.post(path, sender=ada.id, since=LONG_AGO), "forbidden")
        body = {"sender": bob.id, "since": LONG_AGO}
        assert assert_ok(await ada.post(path, **body)) == {"count": 150, "more": True}
        assert assert_ok(await ada.post(path, **body)) == {"count": 10, "more": False}
        assert assert_ok(await ada.post(path, **body)) == {"count": 0, "more": False}
        deleted = [e["seqs"] for e in await ada.log(room) if e["type"] == "messages.deleted"]
        assert [len(seqs) for seqs in deleted] == [100, 50, 10]
        assert sorted(chain.from_iterable(deleted)) == first
        assert (await ada.room(room))["last_message"]["seq"] == kept
        later = assert_ok(await ada.get(f"/rooms/{room}/messages/{kept}"))["at"]
        assert assert_ok(await ada.post(path, sender=bob.id, since=later))["count"] == 0


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"seqs": []},
        {"seqs": [1], "sender": "0193a4d2-7c51-7f04-8a3e-5b1c2d3e4f50", "since": LONG_AGO},
        {"sender": "0193a4d2-7c51-7f04-8a3e-5b1c2d3e4f50"},
        {"since": LONG_AGO},
        {"sender": "0193a4d2-7c51-7f04-8a3e-5b1c2d3e4f50", "since": "2020-01-01T00:00:00"},
    ],
)
async def test_a_bulk_deletion_names_messages_in_one_way(ada: Person, body: dict[str, Any]) -> None:
    room = await ada.makes_room()
    assert_problem(await ada.post(f"/rooms/{room}/deletions", **body), "invalid")


async def test_an_edit_and_a_deletion_at_once_are_one_after_the_other(ada: Person) -> None:
    room = await ada.makes_room()
    for seq in await ada.says(room, *map(str, range(10))):
        path = f"/rooms/{room}/messages/{seq}"
        edited, deleted = await asyncio.gather(
            ada.patch(path, text="changed", version=1), ada.delete(path)
        )
        assert deleted.status_code == 200
        assert edited.status_code in (200, 404)
        left = assert_ok(await ada.get(path))
        assert (left["text"], left["deletion"]["by"]) == ("", ada.id)
        assert "edit" not in left


async def test_the_list_of_rooms_shows_the_message_before_a_deleted_one(
    ada: Person, bob: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    peer = await peers.join(bob)
    [first, second, third] = await ada.says(room, "first", "second", "third")
    assert_ok(await ada.delete(f"/rooms/{room}/messages/{second}"))
    assert_ok(await ada.delete(f"/rooms/{room}/messages/{third}"))
    await peer.lists(room, unread=1, seq=third + 2)
    assert peer.entry(room)["last_message"]["seq"] == first
    [later] = await ada.says(room, "later")
    await peer.lists(room, unread=2, seq=later)
    assert peer.entry(room)["last_message"]["text"] == "later"


@pytest.mark.parametrize("has_written", [False, True])
async def test_a_deleted_message_does_not_count_as_unread(
    ada: Person, bob: Person, has_written: bool
) -> None:
    """The messages of who has written are subtracted, those of others counted."""
    room = await ada.makes_room("private", bob)
    if has_written:
        await bob.says(room, "hello")
    [first, _, third] = await ada.says(room, "first", f"second @{bob.username}", "third")
    assert (await bob.room(room))["unread"] == 3
    assert_ok(await ada.delete(f"/rooms/{room}/messages/{first}"))
    assert_ok(await ada.delete(f"/rooms/{room}/messages/{third}"))
    shown = await bob.room(room)
    assert (shown["unread"], shown["mentions"]) == (1, 1)
