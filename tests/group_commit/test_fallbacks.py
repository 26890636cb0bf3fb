"""Failures under a batch: deadlocks, locked rooms, commits with unknown outcome, and a send that
the database rejects. Each send gets the result that it would have got alone."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError

from app.core import text_filter
from app.core.actor import Actor
from app.core.clock import now
from app.core.ids import new_id
from app.core.message_commands import EditRequest, MessageCommand, ReactionRequest
from app.core.publications import Publication
from app.core.send_request import SendRequest, SendResult
from app.core.text_filter import FilterRule, TextFilter
from app.messages.send import group_commit as module
from app.messages.send.batch import commit_batch
from app.messages.send.group_commit import Committer
from app.persistence import database as database_module
from app.persistence import engine as engine_module
from app.persistence.database import Database
from app.persistence.uow import UnitOfWork
from app.settings import Settings
from app.wire.content import Content
from app.wire.errors import Busy, Filtered, NotFound, UnknownOutcome
from app.wire.filters import FilterAction, FilterKind
from testkit.failure_injection import (
    DEADLOCK,
    SYNTAX_ERROR,
    failing_at,
    failing_on_text,
    losing_commits,
)
from testkit.limits import LIMITS
from testkit.servers.backend import Backend
from testkit.servers.mariadb import MariaDb
from testkit.statements import recorded_statements
from testkit.waiting import eventually
from tests.group_commit.concurrent_sends import (
    checked_texts,
    make_room,
    make_users,
    remove,
    rooms_locked,
    send_concurrently,
    send_request,
)


@pytest.fixture
async def people(database: Database) -> list[Actor]:
    return await database.transact(make_users, *(f"p{n}" for n in range(6)))


@pytest.fixture
async def rooms(database: Database, people: list[Actor]) -> list[UUID]:
    return [await database.transact(make_room, people) for _ in range(3)]


def round_of(people: list[Actor], rooms: list[UUID], name: object) -> list[SendRequest]:
    return [send_request(person, room, f"n{name}") for room in rooms for person in people]


@pytest.mark.parametrize("code", [DEADLOCK, SYNTAX_ERROR])
async def test_a_batch_that_fails_once_is_committed_once(
    database: Database,
    committer: Committer,
    people: list[Actor],
    rooms: list[UUID],
    announced: list[Publication],
    code: int,
) -> None:
    """At each statement in turn and at COMMIT, with errors that are retried and with others."""
    for failure in itertools.count(1):
        announced.clear()
        with failing_at(database, failure, code) as log:
            sent = await send_concurrently(committer, round_of(people, rooms, failure))
        assert all(isinstance(one, SendResult) and not one.duplicate for one in sent), sent
        assert len(announced) == len(sent)
        if not log.triggered:
            break
    assert failure > 6
    for room in rooms:
        assert len(await database.read(checked_texts, room)) == failure * len(people)


def waits(seen: list[str]) -> bool:
    """A unit of work waits for the lock of a room."""
    return any(statement.endswith("FOR UPDATE") for statement in seen)


async def test_a_send_that_the_database_rejects_fails_alone(
    database: Database, committer: Committer, people: list[Actor], rooms: list[UUID]
) -> None:
    sends = round_of(people, rooms, 1)
    sends[4] = sends[4]._replace(content=Content(text="poison"))
    with failing_on_text(database, "poison"):
        *others, poisoned = await send_concurrently(committer, [*sends[:4], *sends[5:], sends[4]])
    assert isinstance(poisoned, DBAPIError)
    assert all(isinstance(one, SendResult) for one in others)
    said = [len(await database.read(checked_texts, room)) for room in rooms]
    assert said == [5, 6, 6]


async def add_pattern(uow: UnitOfWork, room_id: UUID, action: FilterAction) -> None:
    room = await uow.rooms.lock(room_id)
    assert room is not None
    rule = FilterRule(new_id(), FilterKind.PATTERN, "spa+m", action, None, new_id(), now())
    room.filters = TextFilter([rule]).encode()


async def test_filters_without_time_in_a_batch_delay_only_their_rooms_and_lose_nothing(
    database: Database,
    committer: Committer,
    people: list[Actor],
    rooms: list[UUID],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each message then needs a batch of its own; those of a user keep their order."""
    monkeypatch.setattr(text_filter, "MAX_BATCH_S", 0.0)
    for room, action in zip(rooms[:2], FilterAction, strict=True):
        await database.transact(add_pattern, room, action)
    sends = [
        send_request(person, room, f"n{number}", f"{person.user} {number}")
        for number in range(3)
        for room in rooms
        for person in people
    ]
    refused = [send_request(people[0], room, "spam", "spaam") for room in rooms]
    *sent, first, second, third = await send_concurrently(committer, [*sends, *refused])
    assert all(isinstance(one, SendResult) and not one.duplicate for one in sent), sent
    assert isinstance(first, Filtered)
    assert isinstance(second, SendResult)
    assert isinstance(third, SendResult)
    for room in rooms:
        texts = await database.read(checked_texts, room)
        for person in people:
            said = [text for text in texts if text.startswith(str(person.user))]
            assert said == [f"{person.user} {number}" for number in range(3)]


async def test_a_batch_goes_on_without_the_filtered_rooms_when_their_time_is_over(
    database: Database, people: list[Actor], rooms: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also an edit, and a reaction behind it, wait."""
    monkeypatch.setattr(text_filter, "MAX_BATCH_S", 0.0)
    [sender, *_], [filtered, plain, _] = people, rooms
    await database.transact(add_pattern, filtered, FilterAction.REFUSE)
    commands: list[MessageCommand] = [
        send_request(sender, filtered, "n1"),
        EditRequest(sender, filtered, 1, "changed", 1),
        ReactionRequest(sender, filtered, 1, "👍", present=True),
        send_request(sender, filtered, "n2"),
        send_request(sender, plain, "n1"),
    ]
    outcomes = await database.transact_batch(commit_batch, commands, LIMITS, wait=False)
    assert [outcome is not None for outcome in outcomes] == [True, False, False, False, True]
    assert await database.read(checked_texts, filtered) == ["hi"]
    assert await database.read(checked_texts, plain) == ["hi"]


@pytest.fixture
async def here(cluster: Backend, open_database: Callable[[Settings], Database]) -> Database:
    """A database on MariaDB: SQLite has no connections that can break and no row locks."""
    return open_database(cluster.settings)


@pytest.fixture
async def ours(here: Database) -> tuple[Committer, list[Actor], list[UUID]]:
    people = await here.transact(make_users, *(f"p{n}" for n in range(6)))
    rooms = [await here.transact(make_room, people) for _ in range(3)]
    return Committer(here, LIMITS, max_concurrent=2), people, rooms


Ours = tuple[Committer, list[Actor], list[UUID]]


@pytest.mark.parametrize("happened", [True, False])
async def test_a_commit_with_unknown_outcome_is_resolved_for_each_send(
    here: Database, ours: Ours, monkeypatch: pytest.MonkeyPatch, *, happened: bool
) -> None:
    committer, people, rooms = ours
    sends = round_of(people, rooms, 1)
    refused = send_request(people[0], rooms[0], "n", reply_to=77)
    with losing_commits(here, happened=happened):
        *sent, invalid = await send_concurrently(committer, [*sends, refused])
    assert all(isinstance(one, SendResult) and one.duplicate is happened for one in sent), sent
    assert "reply_to" in str(invalid)
    for room in rooms:
        assert len(await here.read(checked_texts, room)) == len(people)


@pytest.mark.parametrize("happened", [True, False])
async def test_a_lasting_unknown_outcome_is_returned_for_each_send(
    here: Database, ours: Ours, monkeypatch: pytest.MonkeyPatch, *, happened: bool
) -> None:
    """No send is answered with `busy`, and the same nonces resolve it later."""
    monkeypatch.setattr(database_module, "RETRY_UNKNOWN_FOR_S", 0.2)
    committer, people, rooms = ours
    sends = round_of(people, rooms, 1)
    with losing_commits(here, happened=happened, times=1000):
        answers = await send_concurrently(committer, sends)
    assert {type(answer) for answer in answers} == {UnknownOutcome}
    sent = await send_concurrently(committer, sends)
    assert all(isinstance(one, SendResult) and one.duplicate is happened for one in sent)


async def test_an_unknown_outcome_is_resolved_despite_a_database_error(
    here: Database, ours: Ours, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The COMMIT happened; the query for it fails with an error that is not retried."""
    committer, people, rooms = ours
    refusal = here._engines.write.sync_engine.dialect.loaded_dbapi.ProgrammingError(1064, "no")
    doubted = asyncio.Event()

    async def ask(uow: Any, *args: Any, **how: Any) -> Any:
        if doubted.is_set():
            doubted.clear()
            raise DBAPIError("", {}, refusal)
        doubted.set()
        return await commit_batch(uow, *args, **how)

    monkeypatch.setattr("app.messages.send.group_commit.commit_batch", ask)
    with losing_commits(here, happened=True):
        sent = await send_concurrently(committer, round_of(people, rooms, 1))
    assert all(isinstance(one, SendResult) and one.duplicate for one in sent), sent


async def test_a_locked_room_delays_only_its_own_sends(here: Database, ours: Ours) -> None:
    committer, people, rooms = ours
    ann = people[0]
    taken, *free = rooms
    async with rooms_locked(here, taken) as release:
        waiting = [
            asyncio.create_task(committer.send(send_request(ann, taken, f"{n}", f"{n}")))
            for n in range(3)
        ]
        sent = await send_concurrently(committer, round_of(people, free, 1))
        assert all(isinstance(one, SendResult) for one in sent)
        later = asyncio.create_task(committer.send(send_request(ann, taken, "3", "3")))
        await send_concurrently(committer, round_of(people, free, 2))
        assert not any(task.done() for task in [*waiting, later])
        release.set()
        await asyncio.gather(*waiting, later)
    assert await here.read(checked_texts, taken) == ["0", "1", "2", "3"]


async def test_two_locked_rooms_do_not_wait_for_each_other(
    cluster: Backend,
    open_database: Callable[[Settings], Database],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_module, "LOCK_WAIT_S", 1)
    database = open_database(cluster.settings)
    committer = Committer(database, LIMITS, max_concurrent=2)
    people = await database.transact(make_users, "ann", "bob")
    stuck, slow = [await database.transact(make_room, people) for _ in range(2)]
    async with rooms_locked(database, stuck) as release:
        async with rooms_locked(database, slow):
            sends = [
                asyncio.create_task(committer.send(send_request(person, room, "n")))
                for room in (stuck, slow)
                for person in people
            ]
            with recorded_statements(database) as seen:
                await eventually(lambda: waits(seen))
        await asyncio.gather(*sends[2:])
        assert not any(send.done() for send in sends[:2])
        release.set()
        await asyncio.gather(*sends)


async def test_a_send_of_a_member_removed_meanwhile_is_refused(here: Database, ours: Ours) -> None:
    """The removal locks the room before the send does."""
    committer, people, rooms = ours
    ann, bob = people[:2]
    removed, release = asyncio.Event(), asyncio.Event()

    async def slowly(uow: Any) -> None:
        await remove(uow, rooms[0], ann.user)
        await uow.flush()
        removed.set()
        await release.wait()

    removal = asyncio.create_task(here.transact(slowly))
    await removed.wait()
    sends = [
        asyncio.create_task(committer.send(send_request(person, rooms[0], "n")))
        for person in (ann, bob)
    ]
    await committer.send(send_request(bob, rooms[1], "n"))
    release.set()
    await removal
    first, second = await asyncio.gather(*sends, return_exceptions=True)
    assert isinstance(first, NotFound)
    assert isinstance(second, SendResult)


async def test_a_send_that_waits_too_long_in_the_queue_is_busy(
    here: Database, ours: Ours, monkeypatch: pytest.MonkeyPatch
) -> None:
    committer, people, rooms = ours
    async with rooms_locked(here, rooms[0]):
        with recorded_statements(here) as seen:
            first = asyncio.create_task(committer.send(send_request(people[0], rooms[0], "1")))
            await eventually(lambda: waits(seen))
        monkeypatch.setattr(module, "QUEUE_TIMEOUT_S", 0.1)
        with pytest.raises(Busy):  # behind the first, which has the room's turn
            await committer.send(send_request(people[0], rooms[0], "2"))
    await first
    assert await here.read(checked_texts, rooms[0]) == ["hi"]


async def test_a_send_that_is_late_for_a_locked_room_is_busy(
    here: Database, ours: Ours, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The send does not wait for the lock of the room, and is not stored."""
    committer, people, rooms = ours
    monkeypatch.setattr(module, "QUEUE_TIMEOUT_S", 0)
    async with rooms_locked(here, rooms[0]):
        with recorded_statements(here) as seen, pytest.raises(Busy):
            await committer.send(send_request(people[0], rooms[0], "1"))
        assert not waits(seen)
    assert await here.read(checked_texts, rooms[0]) == []


async def test_closing_does_not_wait_for_a_room_that_stays_locked(
    here: Database, ours: Ours, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outcome of the send in a transaction is unknown; the one behind it was not stored."""
    committer, people, rooms = ours
    monkeypatch.setattr(module, "CLOSE_TIMEOUT_S", 0.1)
    async with rooms_locked(here, rooms[0]):
        with recorded_statements(here) as seen:
            first = asyncio.create_task(committer.send(send_request(people[0], rooms[0], "1")))
            await eventually(lambda: waits(seen))
        second = asyncio.create_task(committer.send(send_request(people[0], rooms[0], "2")))
        await asyncio.sleep(0)  # it is in the queue
        await committer.close()
        assert not committer._tasks
        with pytest.raises(UnknownOutcome):
            await first
        with pytest.raises(Busy):
            await second
    assert await here.read(checked_texts, rooms[0]) == []


async def test_an_unavailable_database_is_busy_for_all_sends(
    here: Database, ours: Ours, mariadb: MariaDb
) -> None:
    committer, people, rooms = ours
    with mariadb.server.killed():
        answers = await send_concurrently(committer, round_of(people, rooms, 1))
        assert {type(answer) for answer in answers} == {Busy}
    sent = await send_concurrently(committer, round_of(people, rooms, 1))
    assert all(isinstance(one, SendResult) and not one.duplicate for one in sent)


async def test_equal_sends_of_two_processes_are_one_message(
    here: Database,
    ours: Ours,
    cluster: Backend,
    open_database: Callable[[Settings], Database],
) -> None:
    """Both processes answer with the same message."""
    committer, people, rooms = ours
    elsewhere = Committer(open_database(cluster.settings), LIMITS, max_concurrent=2)
    for step in range(5):
        sends = round_of(people, rooms, step)
        both = await asyncio.gather(
            send_concurrently(committer, sends), send_concurrently(elsewhere, sends)
        )
        for one, other in zip(*both, strict=True):
            assert isinstance(one, SendResult)
            assert isinstance(other, SendResult)
            assert one.message == other.message
            assert one.duplicate is not other.duplicate
    for room in rooms:
        assert len(await here.read(checked_texts, room)) == 5 * len(people)
