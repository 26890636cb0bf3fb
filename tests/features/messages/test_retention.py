"""Messages that disappear, and rooms that keep their messages for a time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Select, Update, func, select, update

from app.core.clock import now
from app.persistence.database import Database
from app.persistence.message_tables import (
    ExpiringMessage,
    Mention,
    PinRow,
    PollVote,
    ReactionRow,
    RoomRetention,
)
from app.persistence.tables import Base, MessageRow, Room
from testkit.answers import assert_ok, assert_problem
from testkit.people import Person
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend
from testkit.waiting import eventually

DAY = timedelta(days=1)


@pytest.fixture
def server_database(server: TestServer) -> Database:
    """Of a server whose job runs."""
    return server.context.database


async def whisper(person: Person, room: str, text: str = "psst", **more: Any) -> int:
    message = assert_ok(await person.sends(room, text, expires_in_s=3600, **more), 201)
    seq: int = message["seq"]
    return seq


async def expire(database: Database, room: str, seqs: Sequence[int]) -> None:
    """The time of these messages has come."""
    past = now() - timedelta(seconds=1)
    async with database._engines.write.begin() as connection:
        await connection.execute(
            update(ExpiringMessage)
            .where(ExpiringMessage.room_id == UUID(room), ExpiringMessage.seq.in_(seqs))
            .values(expires_at=past)
        )


async def age(database: Database, room: str, days: dict[int, float]) -> None:
    """Messages are so old, and their room is looked at."""
    async with database._engines.write.begin() as connection:
        await connection.execute(_lock(room))
        for seq, count in days.items():
            await connection.execute(
                update(MessageRow)
                .where(MessageRow.room_id == UUID(room), MessageRow.seq == seq)
                .values(at=now() - count * DAY)
            )
        await connection.execute(_look_at(room, now()))


def _lock(room: str) -> Select[Any]:
    """The job does not look at the room meanwhile."""
    return select(Room.id).where(Room.id == UUID(room)).with_for_update()


async def look_at(database: Database, room: str, due_at: datetime) -> None:
    async with database._engines.write.begin() as connection:
        await connection.execute(_lock(room))
        await connection.execute(_look_at(room, due_at))


def _look_at(room: str, due_at: datetime) -> Update:
    return update(RoomRetention).where(RoomRetention.room_id == UUID(room)).values(due_at=due_at)


async def row_count(database: Database, table: type[Base], room: str) -> int:
    column = table.__table__.c.room_id
    async with database._engines.read.connect() as connection:
        return (
            await connection.execute(select(func.count()).where(column == UUID(room)))
        ).scalar_one()


async def deletions(person: Person, room: str) -> list[tuple[str, list[int]]]:
    """Actor and messages of each event."""
    log = await person.log(room)
    return [(e["actor"], e["seqs"]) for e in log if e["type"] == "messages.deleted"]


async def deleted_count(person: Person, room: str) -> int:
    return sum(len(seqs) for _, seqs in await deletions(person, room))


async def keep(person: Person, room: str, days: int | None) -> httpx.Response:
    return await person.patch(f"/rooms/{room}", settings={"retention_days": days})


async def test_a_message_shows_when_it_disappears(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    message = assert_ok(await ada.sends(room, "psst", nonce="n", expires_in_s=60), 201)
    sent_at, expires_at = (datetime.fromisoformat(message[name]) for name in ("at", "expires_at"))
    assert expires_at == sent_at + timedelta(seconds=60)
    assert assert_ok(await bob.get(f"/rooms/{room}/messages"))["items"] == [message]
    assert assert_ok(await ada.sends(room, "psst", nonce="n", expires_in_s=60), 200) == message
    assert_problem(await ada.sends(room, "psst", nonce="n", expires_in_s=61), "nonce_conflict")
    assert_problem(await ada.sends(room, "psst", nonce="n"), "nonce_conflict")
    for seconds in (9, 366 * 24 * 3600 + 1, "60", 10.5):
        refused = await ada.sends(room, expires_in_s=seconds)
        assert_problem(refused, "invalid", "expires_in_s")


async def test_a_message_disappears_with_all_that_belongs_to_it(
    server_database: Database, ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("private", bob)
    poll = {"options": ["a", "b"]}
    seq = await whisper(ada, room, f"@{bob.username}", poll=poll)
    path = f"/rooms/{room}/messages/{seq}"
    assert_ok(await bob.put(f"{path}/vote", options=[1]))
    assert_ok(await bob.put(f"{path}/reactions/🎉"))
    assert_ok(await ada.put(f"{path}/pin"))
    assert (await bob.room(room))["mentions"] == 1
    await expire(server_database, room, [seq])
    await eventually(lambda: is_deleted(ada, room, seq))
    assert await deletions(bob, room) == [(ada.id, [seq])]
    message = assert_ok(await bob.get(path))
    assert message.keys() == {"text", "reply_to", "seq", "sender", "at", "nonce", "deletion"}
    assert message["deletion"]["by"] == ada.id
    view = await bob.room(room)
    assert (view["unread"], view["mentions"], view["last_message"]) == (0, 0, None)
    for table in (ExpiringMessage, Mention, PinRow, PollVote, ReactionRow):
        assert await row_count(server_database, table, room) == 0, table


async def is_deleted(person: Person, room: str, seq: int) -> bool:
    return "deletion" in assert_ok(await person.get(f"/rooms/{room}/messages/{seq}"))


async def test_messages_disappear_by_sender_in_events_of_a_hundred(
    server_database: Database, ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("private", bob)
    adas = [await whisper(ada, room) for _ in range(101)]
    bobs = [await whisper(bob, room) for _ in range(2)]
    (kept,) = await ada.says(room, "stays")
    await expire(server_database, room, adas + bobs)

    async def are_gone() -> bool:
        return await deleted_count(ada, room) == 103

    await eventually(are_gone)
    events = await deletions(ada, room)
    assert all(len(seqs) <= 100 for _, seqs in events)
    by = {ada.id: adas, bob.id: bobs}
    for actor, seqs in by.items():
        assert sorted(s for a, some in events if a == actor for s in some) == seqs
    assert not await is_deleted(ada, room, kept)


async def test_a_message_that_was_deleted_before_does_not_disappear(
    server_database: Database, ada: Person
) -> None:
    room = await ada.makes_room()
    seq, other = await whisper(ada, room), await whisper(ada, room)
    assert_ok(await ada.delete(f"/rooms/{room}/messages/{seq}"))
    assert await row_count(server_database, ExpiringMessage, room) == 1
    await expire(server_database, room, [seq, other])
    await eventually(lambda: is_deleted(ada, room, other))
    assert await deletions(ada, room) == [(ada.id, [seq]), (ada.id, [other])]


async def test_messages_disappear_from_an_archived_room(
    server_database: Database, ada: Person
) -> None:
    room = await ada.makes_room()
    seq = await whisper(ada, room)
    assert_ok(await ada.delete(f"/rooms/{room}"), 204)
    await expire(server_database, room, [seq])
    await eventually(lambda: is_deleted(ada, room, seq))


async def test_a_room_deletes_what_is_older_than_it_keeps(
    server_database: Database, ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("private", bob)
    first, second, third, fourth = await bob.says(room, "1", "2", "3", "4")
    assert_ok(await ada.delete(f"/rooms/{room}/messages/{second}"))
    view = assert_ok(await keep(ada, room, 7))
    assert view["settings"]["retention_days"] == 7
    assert (await bob.log(room))[-1]["details"]["settings"]["retention_days"] == 7
    await age(server_database, room, {first: 9, second: 9, third: 7.1, fourth: 6.9})
    await eventually(lambda: is_deleted(ada, room, third))
    assert await deletions(bob, room) == [(ada.id, [second]), (ada.id, [first, third])]
    await age(server_database, room, {fourth: 7.1})
    await eventually(lambda: is_deleted(ada, room, fourth))
    assert (await deletions(bob, room))[-1] == (ada.id, [fourth])
    assert (await bob.room(room))["unread"] == 0


async def test_a_room_deletes_a_long_history_bit_by_bit(
    server_database: Database, ada: Person
) -> None:
    room = await ada.makes_room()
    seqs = await ada.says(room, *[str(number) for number in range(205)])
    assert_ok(await keep(ada, room, 1))
    await age(server_database, room, dict.fromkeys(seqs[:-1], 2.0))

    async def are_gone() -> bool:
        return await deleted_count(ada, room) == 204

    await eventually(are_gone)
    assert [seqs for _, seqs in await deletions(ada, room)] == [
        seqs[:100],
        seqs[100:200],
        seqs[200:204],
    ]


async def test_a_room_that_keeps_messages_for_ever_again_deletes_nothing(
    server_database: Database, ada: Person
) -> None:
    room, other = await ada.makes_room(), await ada.makes_room()
    (seq,) = await ada.says(room, "old")
    (witness,) = await ada.says(other, "old")
    assert_ok(await keep(ada, room, 1))
    assert_ok(await ada.patch(f"/rooms/{room}", settings={"version_access": "members"}))
    assert (await ada.room(room))["settings"]["retention_days"] == 1
    assert_ok(await keep(ada, room, None))
    assert (await ada.room(room))["settings"]["retention_days"] is None
    assert_ok(await keep(ada, other, 1))
    for place, old in ((room, seq), (other, witness)):
        await age(server_database, place, {old: 2})
    await eventually(lambda: is_deleted(ada, other, witness))
    assert not await is_deleted(ada, room, seq)
    assert_ok(await keep(ada, room, 1))
    await eventually(lambda: is_deleted(ada, room, seq))


async def test_a_room_whose_time_was_noted_by_a_wrong_clock_is_looked_at(
    server_database: Database, ada: Person
) -> None:
    room = await ada.makes_room()
    (seq,) = await ada.says(room, "old")
    assert_ok(await keep(ada, room, 1))
    await age(server_database, room, {seq: 2})
    await look_at(server_database, room, now() + 365 * DAY)
    await eventually(lambda: is_deleted(ada, room, seq))


async def test_the_last_one_who_has_set_it_deletes(
    server_database: Database, ada: Person, bob: Person
) -> None:
    """Also after they have left, and setting it to what it is changes nothing."""
    room = await ada.makes_room("private", bob)
    (seq,) = await ada.says(room, "old")
    assert_problem(await keep(bob, room, 3), "forbidden")
    assert_ok(await ada.patch(f"/rooms/{room}/members/{bob.id}", role="admin"))
    assert_ok(await keep(ada, room, 3))
    assert_ok(await keep(bob, room, 2))
    log = await ada.log(room)
    assert_ok(await keep(ada, room, 2))
    assert await ada.log(room) == log
    assert_ok(await bob.post(f"/rooms/{room}/leave"), 204)
    await age(server_database, room, {seq: 2.5})
    await eventually(lambda: is_deleted(ada, room, seq))
    assert await deletions(ada, room) == [(bob.id, [seq])]


@pytest.mark.parametrize("days", [0, 3651, "7", 1.5])
async def test_the_days_are_validated(ada: Person, days: Any) -> None:
    room = await ada.makes_room()
    answer = await ada.patch(f"/rooms/{room}", settings={"retention_days": days})
    assert_problem(answer, "invalid", "settings.retention_days")


@pytest.mark.setting("CHAT_DATABASE__RETENTION_INTERVAL_S")
async def test_the_server_looks_as_often_as_it_is_told(embedded: Backend) -> None:
    """A server with a long interval deletes nothing; one with a short interval does."""
    slow, fast = (
        without_limits(embedded.override(database={"retention_interval_s": seconds}))
        for seconds in (86_400, 0.01)
    )
    async with run_server(slow) as server, server.client() as http:
        ada = await server.person(http)
        room = await ada.makes_room()
        seq = await whisper(ada, room)
        await expire(server.context.database, room, [seq])
        assert_ok(await ada.sends(room, "the same server"), 201)
        assert not await is_deleted(ada, room, seq)
        async with run_server(fast):
            await eventually(lambda: is_deleted(ada, room, seq))
