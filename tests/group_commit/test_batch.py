"""A batch of sends compared with the same sends one by one."""

import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import Select, or_, select
from sqlalchemy.exc import DBAPIError

from app.core.actor import Actor
from app.core.ids import new_id
from app.core.message_commands import (
    CommandResult,
    EditRequest,
    MessageCommand,
    ReactionRequest,
)
from app.core.publications import Publication
from app.core.send_request import SendRequest
from app.messages.send.batch import commit_batch, commit_individually
from app.persistence.database import Database
from app.persistence.message_tables import (
    Mention,
    MessageVersion,
    ReactionRow,
    ThreadFollower,
    ThreadMessage,
    ThreadRow,
)
from app.persistence.tables import Member, MessageRow, Room, RoomEventRow
from app.wire.content import Content
from app.wire.domain import RoomKind
from app.wire.errors import ChatError
from testkit.failure_injection import failing_at
from testkit.limits import LIMITS
from testkit.statements import COMMIT, recorded_statements
from tests.group_commit.concurrent_sends import (
    archive,
    comparable,
    make_room,
    make_users,
    restrict,
    send_request,
)
from tests.persistence.factories import row_counts

NAMES = ["ann", "bob", "cäcilie", "dan"]
TEXTS = ["hi", "@ann and @bob.", "@cäcilie @dan @nobody", "@ann", "'); -- \\ % :x ? \"", "🙂\n\x01"]
Twins = dict[UUID, UUID]  # a room for those together, and one for those one by one


async def twins_of(database: Database, people: list[Actor], chance: random.Random) -> Twins:
    found: Twins = {new_id(): new_id()}  # rooms that nobody has made
    for kind in [*RoomKind, RoomKind.PUBLIC]:
        members = chance.sample(people, 3)
        room, twin = [await database.transact(make_room, members, kind) for _ in range(2)]
        found[room] = twin
        seed = chance.random()
        for each in (room, twin):
            await database.transact(restrict, each, members, random.Random(seed))
    return found


def sends_of(people: list[Actor], rooms: list[UUID], chance: random.Random) -> list[SendRequest]:
    """Sends with few nonces and few rooms, so that there are repeats, conflicts, replies and
    threads."""
    return [
        send_request(
            chance.choice(people),
            chance.choice(rooms),
            nonce=f"n{chance.randrange(20)}",
            text=chance.choice(TEXTS[:2] if chance.random() < 0.6 else TEXTS),
            reply_to=chance.choice([None, None, None, 0, 1, 2, 7, 20]),
            **thread_of(chance),
        )
        for _ in range(chance.randrange(1, 60))
    ]


def commands_in(
    people: list[Actor], rooms: list[UUID], chance: random.Random
) -> list[MessageCommand]:
    """Sends, edits and reactions that often concern the same messages, also those that the same
    batch sends."""

    def command() -> MessageCommand:
        actor, room, seq = chance.choice(people), chance.choice(rooms), chance.randrange(12)
        text = chance.choice(TEXTS)
        match chance.randrange(4):
            case 0:
                return EditRequest(actor, room, seq, text, chance.randrange(1, 4))
            case 1 | 2:
                emoji, present = chance.choice("🎉👍👀"), chance.random() < 0.7
                return ReactionRequest(actor, room, seq, emoji, present)
            case _:
                nonce, thread = f"n{chance.randrange(8)}", thread_of(chance)
                return send_request(actor, room, nonce=nonce, text=text, **thread)

    return [command() for _ in range(chance.randrange(1, 40))]


def without_times(details: str | None) -> object:
    fields = orjson.loads(details or "{}")
    fields.get("edit", {}).pop("at", None)
    fields.get("thread_summary", {}).pop("last_at", None)
    return fields


def thread_of(chance: random.Random) -> dict[str, Any]:
    """Also of roots that do not exist, that are replies, or that are sent in the same batch."""
    if chance.random() < 0.6:
        return {}
    thread = {"thread": chance.choice([1, 1, 1, 2, 3, 4, 30])}
    return thread | ({"also_in_room": True} if chance.random() < 0.3 else {})


async def said(database: Database, room: UUID) -> list[tuple[object, ...]]:
    """Everything that the tables have of a room, except its id and times."""
    queries: list[Select[*tuple[object, ...]]] = [
        select(
            MessageRow.seq,
            MessageRow.sender_id,
            MessageRow.nonce,
            MessageRow.text,
            MessageRow.reply_to,
            MessageRow.in_timeline,
        ).where(MessageRow.room_id == room),
        select(
            RoomEventRow.seq,
            RoomEventRow.type,
            RoomEventRow.actor_id,
            RoomEventRow.message_seq,
            RoomEventRow.message_count,
            RoomEventRow.last_message_seq,
            RoomEventRow.body,
            or_(RoomEventRow.type != "message.created", RoomEventRow.at == MessageRow.at),
        )
        .join(
            MessageRow, (MessageRow.room_id == room) & (MessageRow.seq == RoomEventRow.message_seq)
        )
        .where(RoomEventRow.room_id == room),
        select(
            RoomEventRow.seq,
            RoomEventRow.type,
            RoomEventRow.message_count,
            RoomEventRow.last_message_seq,
            RoomEventRow.body,
        ).where(RoomEventRow.room_id == room),
        select(ReactionRow.seq, ReactionRow.emoji, ReactionRow.user_id).where(
            ReactionRow.room_id == room
        ),
        select(MessageVersion.seq, MessageVersion.version, MessageVersion.text).where(
            MessageVersion.room_id == room
        ),
        select(Mention.user_id, Mention.seq, Mention.in_timeline).where(Mention.room_id == room),
        select(ThreadRow.root_seq, ThreadRow.last_seq).where(ThreadRow.room_id == room),
        select(ThreadMessage.root_seq, ThreadMessage.seq, ThreadMessage.is_deleted).where(
            ThreadMessage.room_id == room
        ),
        select(
            ThreadFollower.root_seq,
            ThreadFollower.user_id,
            ThreadFollower.read_seq,
            ThreadFollower.is_following,
        ).where(ThreadFollower.room_id == room),
        select(Room.seq).where(Room.id == room),
        select(
            Member.user_id,
            Member.read_seq,
            Member.sent_seq,
            Member.mentioned_seq,
            Member.follows_threads,
        ).where(Member.room_id == room),
    ]
    details = select(MessageRow.seq, MessageRow.details).where(MessageRow.room_id == room)
    async with database._engines.read.connect() as connection:
        rows = [
            tuple(row)
            for query in queries
            for row in sorted(await connection.execute(query), key=str)
        ]
        shown = await connection.execute(details.order_by(MessageRow.seq))
        return rows + [(seq, without_times(document)) for seq, document in shown]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("make_commands", [sends_of, commands_in], ids=["sends", "commands"])
async def test_a_batch_has_the_results_of_single_commands(
    database: Database,
    announced: list[Publication],
    make_commands: Callable[..., Sequence[MessageCommand]],
    seed: int,
) -> None:
    chance = random.Random(seed)
    people = await database.transact(make_users, *NAMES)
    twins = await twins_of(database, people, chance)
    kinds = set()
    for step in range(6):
        if step == 3:
            for room in list(twins.items())[-1]:
                await database.transact(archive, room)
        sends = list(make_commands(people, list(twins), chance))
        if step == 0:
            sends[:0] = [send_request(who, room, "first") for room in twins for who in people]
        announced.clear()
        together = await database.transact(commit_batch, sends, LIMITS, wait=True)
        told = [
            (twins[publication.channel], publication.kind, publication.seq, publication.user)
            for publication in announced
        ]
        announced.clear()
        for send, outcome in zip(sends, together, strict=True):
            alone: CommandResult | ChatError
            try:
                alone = await commit_individually(
                    database, LIMITS, send._replace(room=twins[send.room])
                )
            except ChatError as refusal:
                alone = refusal
            assert comparable(outcome) == comparable(alone), send
            kinds.add(type(alone).__name__)
        assert told == [
            (publication.channel, publication.kind, publication.seq, publication.user)
            for publication in announced
        ]
    for room, twin in twins.items():
        assert await said(database, room) == await said(database, twin)
    if make_commands is sends_of:
        refusals = {"NotFound", "Forbidden", "NonceConflict", "Invalid", "RoomArchived"}
        assert kinds == {"SendResult"} | refusals
    else:
        assert kinds >= {"SendResult", "ChangeResult", "NotFound", "Forbidden"}
    _, broken = await database.read(lambda reads: reads.events.find_broken_logs())
    async with database._engines.read.connect() as connection:
        empty = await connection.scalars(select(Room.id).where(Room.seq == 0))
        assert set(broken) <= set(empty)  # these rooms were made without an event


@pytest.fixture
async def some(database: Database) -> list[SendRequest]:
    """Sends to two rooms, with a mention and a reply."""
    ann, bob = await database.transact(make_users, "ann", "bob")
    rooms = [await database.transact(make_room, [ann, bob]) for _ in range(2)]
    return [
        send_request(person, room, f"n{n}", "@ann @bob", reply_to=1 if n % 6 > 2 else None)
        for n, (room, person) in enumerate(itertools.product(rooms, [ann, bob] * 3))
    ]


async def test_a_batch_that_fails_at_any_statement_changes_nothing(
    database: Database, some: list[SendRequest], announced: list[Publication]
) -> None:
    before = await row_counts(database)
    for failure in itertools.count(1):
        with failing_at(database, failure) as log:
            try:
                await database.transact(commit_batch, some, LIMITS, wait=False)
            except DBAPIError:
                assert log.triggered
                assert await row_counts(database) == before, log.statements[-1]
                assert announced == []
            else:
                assert not log.triggered
                break
    after = await row_counts(database)
    added = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert added == {"messages": 12, "room_events": 12, "mentions": 12}
    assert len(announced) == 12


async def test_a_batch_of_any_size_takes_as_many_statements(
    database: Database, some: list[SendRequest]
) -> None:
    """One query reads the facts of all sends, and each table is written once. For a single send,
    MariaDB writes the room and its sender in one statement."""
    plain = [send._replace(content=Content(text="hi")) for send in some]
    with recorded_statements(database) as one:
        await database.transact(commit_batch, plain[:1], LIMITS, wait=False)
    with recorded_statements(database) as two:
        await database.transact(commit_batch, plain[1:3], LIMITS, wait=False)
    with recorded_statements(database) as many:
        await database.transact(commit_batch, plain[3:], LIMITS, wait=False)
    is_sqlite = database._engines.write.dialect.name == "sqlite"
    assert len(one) == (7 if is_sqlite else 6)
    assert len(two) == len(many) == 7
    assert many[-1] == COMMIT


async def test_replies_in_threads_of_any_number_take_as_many_statements(
    database: Database, some: list[SendRequest]
) -> None:
    """Also if some of the batch are none. Sends without replies ask for nothing more."""
    plain = [send._replace(content=Content(text="hi")) for send in some]
    await database.transact(commit_batch, plain, LIMITS, wait=False)
    replies = [
        send._replace(content=Content(text="hi", thread=n % 2 + 1), nonce=f"reply {n}")
        for n, send in enumerate(some)
    ]
    with recorded_statements(database) as one:
        await database.transact(commit_batch, replies[:1], LIMITS, wait=False)
    mixed = [*replies[1:], *(send._replace(nonce=f"plain {send.nonce}") for send in plain)]
    with recorded_statements(database) as many:
        await database.transact(commit_batch, mixed, LIMITS, wait=False)
    assert len(many) == len(one) + 1  # the read markers of the members who sent to the rooms
