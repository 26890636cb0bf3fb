"""Sends that wait at the same time share one COMMIT, and each gets its result."""

import asyncio

import pytest

from app.core.actor import Actor
from app.core.ids import new_id
from app.core.publications import Publication
from app.core.send_request import SendResult
from app.messages.send import group_commit as module
from app.messages.send.group_commit import Committer
from app.persistence.database import Database
from app.wire.domain import RoomKind
from app.wire.errors import Busy, Forbidden, Invalid, NonceConflict, NotFound, RoomArchived
from testkit.server import run_server, without_limits
from testkit.servers.backend import Backend
from testkit.statements import COMMIT, recorded_statements
from tests.group_commit.concurrent_sends import (
    archive,
    checked_texts,
    make_room,
    make_users,
    send_concurrently,
    send_request,
)


@pytest.fixture
async def people(database: Database) -> list[Actor]:
    return await database.transact(make_users, *(f"p{n}" for n in range(20)))


async def test_waiting_sends_share_a_commit(
    database: Database,
    committer: Committer,
    people: list[Actor],
    announced: list[Publication],
) -> None:
    rooms = [await database.transact(make_room, people) for _ in range(5)]
    sends = [
        send_request(person, room, f"n{n}") for room in rooms for person in people for n in range(2)
    ]
    with recorded_statements(database) as seen:
        sent = await send_concurrently(committer, sends)
    assert seen.count(COMMIT) == 1
    assert all(isinstance(one, SendResult) and not one.duplicate for one in sent)
    assert len(announced) == 200
    for room in rooms:
        assert len(await database.read(checked_texts, room)) == 40


async def test_a_single_send_commits_at_once(
    database: Database, committer: Committer, people: list[Actor]
) -> None:
    room = await database.transact(make_room, people)
    for number in range(3):
        with recorded_statements(database) as seen:
            await committer.send(send_request(people[0], room, f"n{number}"))
        assert seen.count(COMMIT) == 1


async def test_a_refused_send_does_not_affect_its_batch(
    database: Database, committer: Committer, people: list[Actor]
) -> None:
    ann, bob, *_ = people
    room, dusty = [await database.transact(make_room, [ann]) for _ in range(2)]
    public = await database.transact(make_room, [ann], RoomKind.PUBLIC)
    await database.transact(archive, dusty)
    answers = await send_concurrently(
        committer,
        [
            send_request(ann, room, "1"),
            send_request(bob, room, "2"),
            send_request(bob, public, "3"),
            send_request(ann, dusty, "4"),
            send_request(ann, new_id(), "5"),
            send_request(ann, room, "1", "another text"),
            send_request(ann, room, "6", reply_to=99),
            send_request(ann, room, "7"),
            send_request(ann, room, "1"),
            send_request(ann, public, "8"),
        ],
    )
    first, *refusals, last, again, elsewhere = answers
    assert [type(refusal) for refusal in refusals] == [
        NotFound,
        Forbidden,
        RoomArchived,
        NotFound,
        NonceConflict,
        Invalid,
    ]
    assert isinstance(first, SendResult)
    assert isinstance(last, SendResult)
    assert isinstance(elsewhere, SendResult)
    assert (first.message.seq, last.message.seq, elsewhere.message.seq) == (1, 2, 1)
    assert again == SendResult(first.message, duplicate=True)
    assert len(await database.read(checked_texts, room)) == 2
    assert await database.read(checked_texts, dusty) == []


async def test_sends_of_a_sender_keep_their_order_in_a_room(
    database: Database,
    committer: Committer,
    people: list[Actor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also across batches, which are small here, and whatever others send."""
    monkeypatch.setattr(committer, "_max_batch", 7)
    rooms = [await database.transact(make_room, people) for _ in range(3)]
    await send_concurrently(
        committer,
        [
            send_request(person, room, f"{n}", f"{people.index(person)}:{n}")
            for n in range(10)
            for room in rooms
            for person in people[:4]
        ],
    )
    for room in rooms:
        said = await database.read(checked_texts, room)
        for who in range(4):
            theirs = [text for text in said if text.startswith(f"{who}:")]
            assert theirs == [f"{who}:{n}" for n in range(10)]


@pytest.mark.parametrize("same", ["room", "nothing"])
async def test_a_flood_of_one_sender_does_not_delay_others(
    database: Database,
    committer: Committer,
    people: list[Actor],
    monkeypatch: pytest.MonkeyPatch,
    same: str,
) -> None:
    """Neither senders in other rooms nor other senders in the same room."""
    monkeypatch.setattr(committer, "_max_batch", 8)
    ann, bob, *_ = people
    rooms = [await database.transact(make_room, people) for _ in range(2)]
    flood = [
        asyncio.create_task(committer.send(send_request(ann, rooms[0], f"n{n}")))
        for n in range(200)
    ]
    await asyncio.sleep(0)  # they are all there before
    await committer.send(send_request(bob, rooms[0] if same == "room" else rooms[1], "n"))
    assert sum(task.done() for task in flood) <= 4 * committer._max_batch
    await asyncio.gather(*flood)


async def test_a_cancelled_send_does_not_affect_its_batch(
    database: Database, committer: Committer, people: list[Actor]
) -> None:
    """At each stage of its batch."""
    room = await database.transact(make_room, people)
    for steps in range(12):
        sends = [
            asyncio.create_task(committer.send(send_request(person, room, f"{steps}")))
            for person in people[:6]
        ]
        for _ in range(steps * 4):
            await asyncio.sleep(0)
        sends[2].cancel()
        *others, _ = await asyncio.gather(*sends, return_exceptions=True)
        assert sum(isinstance(one, SendResult) for one in others) >= 4
    assert len(await database.read(checked_texts, room)) in range(12 * 5, 12 * 6 + 1)


async def test_sends_whose_callers_have_gone_before_their_turn_are_not_stored(
    database: Database, committer: Committer, people: list[Actor]
) -> None:
    room = await database.transact(make_room, people)
    sends = [
        asyncio.create_task(committer.send(send_request(person, room, "n"))) for person in people
    ]
    await asyncio.sleep(0)  # they are all there, and no batch has begun
    with recorded_statements(database) as seen:
        for send in sends:
            send.cancel()
        await asyncio.gather(*sends, return_exceptions=True)
        await committer.close()
    assert seen == []
    assert await database.read(checked_texts, room) == []


async def test_a_full_queue_is_busy(
    database: Database,
    committer: Committer,
    people: list[Actor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_PENDING", 10)
    room = await database.transact(make_room, people)
    answers = await send_concurrently(
        committer, [send_request(people[0], room, f"n{n}") for n in range(15)]
    )
    assert [type(one) for one in answers] == [SendResult] * 10 + [Busy] * 5
    assert all(one.retry_after_ms for one in answers if isinstance(one, Busy))
    await committer.send(send_request(people[0], room, "n14"))
    assert len(await database.read(checked_texts, room)) == 11


async def test_closing_finishes_waiting_sends_and_refuses_new_ones(
    database: Database,
    committer: Committer,
    people: list[Actor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(committer, "_max_batch", 4)
    room = await database.transact(make_room, people)
    sends = [
        asyncio.create_task(committer.send(send_request(person, room, "n"))) for person in people
    ]
    await asyncio.sleep(0)
    await committer.close()
    with pytest.raises(Busy):
        await committer.send(send_request(people[0], room, "late"))
    assert all(isinstance(sent, SendResult) for sent in await asyncio.gather(*sends))
    assert len(await database.read(checked_texts, room)) == 20


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.setting("CHAT_DATABASE__GROUP_COMMIT")
async def test_the_group_commit_setting_is_applied(backend: Backend, *, together: bool) -> None:
    """Without it each message is one transaction. Over HTTP."""
    settings = without_limits(backend.override(database={"group_commit": together}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        room = await ada.makes_room()
        with recorded_statements(server.context.database) as seen:
            answers = await asyncio.gather(*(ada.sends(room) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {201}
        # One in each transaction; the consumers of the log commit, too.
        inserts = sum(statement.startswith("INSERT INTO messages") for statement in seen)
        assert inserts < 20 if together else inserts == 20
        assert [event["seq"] for event in await ada.log(room)] == list(range(1, 23))
