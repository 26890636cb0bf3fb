"""The order of pending sends: rooms take turns, and within a room its senders."""

import asyncio
from itertools import count
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.core.actor import Actor
from app.core.clock import now
from app.core.message_commands import CommandResult
from app.core.send_request import SendRequest
from app.messages.send.fair_queue import FairQueue, PendingCommand
from app.wire.content import Content

ANN, BOB, CAT = (UUID(int=n) for n in range(3))
HALL, PIER, YARD = (UUID(int=n) for n in range(10, 13))
_numbers = count()


def pending_send(sender: UUID, room: UUID, text: str = "x") -> PendingCommand:
    loop = asyncio.new_event_loop()
    future: asyncio.Future[CommandResult] = loop.create_future()
    loop.close()
    actor = Actor(sender, sender, is_admin=False, expires_at=now())
    return PendingCommand(
        SendRequest(actor, room, f"n{next(_numbers)}", Content(text=text)), future, 0.0
    )


def names(taken: list[PendingCommand]) -> list[tuple[UUID, UUID]]:
    return [(pending.command.room, pending.command.actor.user) for pending in taken]


def test_rooms_and_senders_take_turns() -> None:
    queue = FairQueue()
    for _ in range(3):
        queue.put(pending_send(ANN, HALL))
    queue.put(pending_send(BOB, HALL))
    queue.put(pending_send(CAT, PIER))
    assert names(queue.pop_batch(3, 100)) == [(HALL, ANN), (PIER, CAT), (HALL, BOB)]
    assert queue.pop_batch(3, 100) == []  # the room is held
    queue.put(pending_send(CAT, YARD))
    queue.unlock_rooms([HALL, PIER])
    assert names(queue.pop_batch(9, 100)) == [(YARD, CAT), (HALL, ANN), (HALL, ANN)]


def test_a_batch_ends_at_its_maximum_text_length() -> None:
    queue = FairQueue()
    for room in (HALL, PIER, YARD):
        queue.put(pending_send(ANN, room, "x" * 60))
    assert len(queue.pop_batch(9, 100)) == 2
    assert len(queue.pop_batch(9, 1)) == 1


def test_a_removed_send_is_not_taken() -> None:
    queue = FairQueue()
    first, second, other = pending_send(ANN, HALL), pending_send(ANN, HALL), pending_send(BOB, PIER)
    for pending in (first, second, other):
        queue.put(pending)
    queue.remove([first, other])
    assert list(queue) == [second]
    assert queue.pop_batch(9, 100) == [second]
    late = pending_send(BOB, HALL)
    queue.put(late)  # behind one that is on its way
    queue.remove([late])
    queue.unlock_rooms([HALL])
    assert queue.pop_batch(9, 100) == []


@given(
    st.lists(st.tuples(st.sampled_from([ANN, BOB, CAT]), st.sampled_from([HALL, PIER, YARD]))),
    st.integers(1, 5),
)
def test_every_send_is_taken_once_and_in_order(sent: list[tuple[UUID, UUID]], most: int) -> None:
    queue = FairQueue()
    put = [pending_send(*where) for where in sent]
    for pending in put:
        queue.put(pending)
    taken: list[PendingCommand] = []
    while batch := queue.pop_batch(most, 1000):
        assert len(batch) <= most
        queue.unlock_rooms({pending.command.room for pending in batch})
        taken += batch
    assert not list(queue)
    for sender, room in set(sent):
        theirs = (room, sender)
        assert [w for w in taken if names([w]) == [theirs]] == [
            w for w in put if names([w]) == [theirs]
        ]
    assert len(taken) == len(put)
