"""Reads on the driver itself: the bytes are those of pydantic, and failures are handled as in a
session."""

import asyncio
import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import bindparam, event, insert, select
from sqlalchemy import text as sql_text

from app.core.ids import new_id
from app.core.json_encoding import encode_json
from app.core.publications import to_publication
from app.messages import pages
from app.persistence.database import Database
from app.persistence.direct_reads import DirectReads
from app.persistence.repositories.message_columns import MESSAGE_COLUMNS, from_row
from app.persistence.sql.statement import Statement
from app.persistence.tables import MessageRow, RoomEventRow
from app.persistence.uow import UnitOfWork
from app.settings import Settings
from app.wire.errors import Busy, NotFound
from app.wire.events import EVENT_SPECS, Message, RoomEvent, encode
from app.wire.examples import EVENT_EXAMPLES
from app.wire.schemas.messages import EventPage, MessagePage
from testkit.servers.backend import Backend
from testkit.servers.mariadb import MariaDb
from testkit.waiting import eventually
from tests.group_commit.concurrent_sends import make_actor, make_room, make_users
from tests.persistence.test_cancellation import cancelled_at

OpenDatabase = Callable[[Settings], Database]

TEXTS = [
    "plain",
    'a "quote", a \\, a /',
    "".join(map(chr, range(1, 0x20))) + "\x7f\x80\x9f",
    "茶 👋 \u2028\u2029\ufeff\uffff e\u0301 العربية",
    "\\u001B is no escape",
    "x" * 16_000,
]
TIMES = [datetime(2026, 11, 29, 1, 2, 3, us, UTC) for us in (0, 1, 120_000, 999_999)]
REPLIES = [None, 0, 2**53 - 1]
# Bodies that this release writes, and those that a newer one may write.
BODIES = [
    None,
    "{}",
    '{"member": {"user": "0193a4d2-7c51-7f04-8a3e-5b1c2d3e4f50", "role": "owner", "since": 7}}',
    '{"details": {"kind": "public", "name": "A \\"b\\"", "topic": "é", "archived": true}}',
    '{"emoji": "🎉", "count": 3, "ratio": 0.5, "nested": {"a": [1, null]}, "type": "other"}',
    '{"message": "not the one of the row"}',
    "no JSON",
    "[1]",
]
TYPES = [*(spec.type for spec in EVENT_SPECS), "message.starred"]


@pytest.fixture
async def ann(database: Database) -> UUID:
    [actor] = await database.transact(make_users, "ann")
    return actor.user


@pytest.fixture
async def room(database: Database, ann: UUID) -> UUID:
    return await database.transact(make_room, [make_actor(ann)])


async def fill(uow: UnitOfWork, room: UUID, ann: UUID) -> int:
    """Insert a message for each combination of values, and events of all kinds, whether or not
    this release would write them. Returns the last seq."""
    combinations = list(itertools.product(TEXTS, TIMES, REPLIES))
    messages = [
        {
            "room_id": room,
            "seq": seq,
            "sender_id": ann,
            "nonce": f"n.{seq}",
            "text": text,
            "at": at,
            "reply_to": reply,
        }
        for seq, (text, at, reply) in enumerate(combinations, 1)
    ]
    kinds = list(itertools.product(TYPES, BODIES, (None, 1, 2)))
    events = [
        {
            "room_id": room,
            "seq": seq,
            "type": type_,
            "actor_id": new_id(),
            "at": TIMES[seq % len(TIMES)],
            "body": body,
            "message_seq": message,
        }
        for seq, (type_, body, message) in enumerate(kinds, 1)
    ]
    await uow._session.execute(insert(MessageRow), messages)
    await uow._session.execute(insert(RoomEventRow), events)
    return max(len(messages), len(events))


async def test_messages_are_the_bytes_that_pydantic_writes(
    database: Database, room: UUID, ann: UUID
) -> None:
    last = await database.transact(fill, room, ann)

    async def stored(uow: UnitOfWork) -> list[Message]:
        query = select(*MESSAGE_COLUMNS).where(MessageRow.room_id == room)
        return [from_row(row) for row in await uow._session.execute(query.order_by("seq"))]

    messages = await database.transact(stored)
    assert len(messages) == len(TEXTS) * len(TIMES) * len(REPLIES)
    for message in messages:
        fields = await database.read_directly(pages.get, ann, room, message.seq)
        assert encode_json(fields) == encode(message)
    whole = await database.read_directly(pages.page_before, ann, room, None, last)
    expected = MessagePage(items=messages, before=None, after=None)
    assert pages.encode_messages(whole) == encode(expected)
    part = await database.read_directly(pages.page_around, ann, room, 10, 4)
    expected = MessagePage(items=messages[7:11], before=8, after=11)
    assert pages.encode_messages(part) == encode(expected)


async def test_events_are_the_bytes_that_pydantic_writes(
    database: Database, room: UUID, ann: UUID
) -> None:
    last = await database.transact(fill, room, ann)
    events = await database.read(lambda reads: reads.events.list_ranges([(room, 0, last)]))
    events.sort(key=lambda logged: logged.seq)
    assert len(events) == len(TYPES) * len(BODIES) * 3
    window = await database.read_directly(pages.list_events, ann, room, 0, last, last)
    for expected, logged in zip(events, window.events, strict=True):
        assert logged.seq == expected.seq
        assert encode_json(logged.value) == encode(expected)
    page = EventPage(epoch=window.epoch, items=events, next=None)
    assert pages.encode_events(window) == encode(page)


async def test_publications_of_rows_are_those_of_their_events(
    database: Database, room: UUID, ann: UUID
) -> None:
    last = await database.transact(fill, room, ann)
    ranges = [(room, 0, 50), (room, 50, last)]
    events = await database.read(lambda reads: reads.events.list_ranges(ranges))
    events.sort(key=lambda logged: logged.seq)
    expected = list(map(to_publication, events))
    assert len(expected) == len(TYPES) * len(BODIES) * 3
    publications = await database.read_directly(
        lambda reads: reads.events.publications(room, 0, last, last)
    )
    assert publications == expected
    publications = await database.read_directly(lambda reads: reads.events.publications_in(ranges))
    assert sorted(publications, key=lambda publication: publication.seq) == expected


@pytest.mark.parametrize(
    "example", EVENT_EXAMPLES, ids=lambda example: f"{example.type}.{example.seq}"
)
def test_plain_values_of_an_event_are_the_bytes_that_pydantic_writes(example: RoomEvent) -> None:
    assert encode_json(example.model_dump()) == encode(example)


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.setting("CHAT_DATABASE__MULTI_STATEMENTS")
async def test_statements_share_a_request_unless_multi_statements_are_off(
    cluster: Backend,
    open_database: OpenDatabase,
    record_requests: Callable[[], list[list[str]]],
    *,
    enabled: bool,
) -> None:
    database = open_database(cluster.override(database={"multi_statements": enabled}))
    [ann] = await database.transact(make_users, "ann")
    room = await database.transact(make_room, [ann])
    last = await database.transact(fill, room, ann.user)
    requests = record_requests()
    window = await database.read_directly(pages.page_around, ann.user, room, 10, 4)
    assert [message["seq"] for message in window.messages] == [8, 9, 10, 11]
    assert list(map(len, requests)) == ([2] if enabled else [1, 1])
    assert last > 11


async def test_a_connection_is_used_again(database: Database) -> None:
    made: list[object] = []
    event.listen(database._engines.read.sync_engine, "connect", lambda *found: made.append(found))
    for _ in range(5):
        await database.read_directly(lambda reads: reads.access.find(new_id(), new_id()))
        database._engines.kept_reads.end_all()
        await database.read(lambda reads: reads.rooms.get(new_id()))
    assert len(made) == 1


async def test_a_lost_connection_is_replaced(
    cluster: Backend, mariadb: MariaDb, open_database: OpenDatabase
) -> None:
    database = open_database(cluster.override(database={"max_attempts": 3}))
    connection_id = Statement(sql_text("SELECT CONNECTION_ID()"))
    numbers = []

    async def cut_once(reads: DirectReads) -> bool:
        reader = reads.access._reader
        [[[number]]] = await reader.read(connection_id.bind())
        numbers.append(number)
        if len(numbers) == 1:
            async with mariadb.connect() as other:
                await other.execute(sql_text(f"KILL {number}"))
        return (await reads.access.find(new_id(), new_id())).is_member

    assert await database.read_directly(cut_once) is False
    assert len(set(numbers)) == len(numbers) == 2


async def test_a_statement_that_takes_too_long_is_busy(
    cluster: Backend, open_database: OpenDatabase
) -> None:
    database = open_database(cluster.override(database={"statement_timeout_s": 0.3}))
    endless = Statement(sql_text("SELECT SLEEP(100) FROM information_schema.collations"))

    async def wait(reads: DirectReads) -> None:
        await reads.access._reader.read(endless.bind())

    with pytest.raises(Busy):
        await database.read_directly(wait)
    with pytest.raises(NotFound):
        await database.read_directly(pages.get, new_id(), new_id(), 1)


async def test_a_broken_statement_raises_and_leaves_the_connection(database: Database) -> None:
    broken = Statement(sql_text("SELECT FROM nothing"))

    async def ask(reads: DirectReads) -> None:
        await reads.access._reader.read(broken.bind())

    for _ in range(3):
        with pytest.raises(Exception, match=r"near|syntax"):
            await database.read_directly(ask)
    assert database.connections()["read"][0] == 0


async def test_a_cancelled_read_leaves_nothing_to_the_next_one(
    database: Database, room: UUID
) -> None:
    """The next read on the connection must not get the answer to this one."""
    echo = Statement(select(bindparam("n", type_=MESSAGE_COLUMNS[2].type)))

    async def ask(reads: DirectReads, number: int) -> int:
        [[[answer]]] = await reads.access._reader.read(echo.bind(n=number))
        return int(answer)

    for at in itertools.count(1):
        work = asyncio.ensure_future(_cancelled(database.read_directly(ask, -at), at))
        await asyncio.wait([work])
        if not work.cancelled() and not work.result():
            break
        assert await database.read_directly(ask, at) == at
        await eventually(lambda: database.connections()["read"][0] == 0)
    assert at > 1, "it waits for its request"


async def _cancelled(work: Any, at: int) -> bool:
    return await cancelled_at(work, at)


async def test_a_page_is_an_object_of_json(database: Database, room: UUID, ann: UUID) -> None:
    window = await database.read_directly(pages.page_before, ann, room, None, 5)
    page = orjson.loads(pages.encode_messages(window))
    assert page == {"items": [], "before": None, "after": None}
