"""Whose turn it is: rooms take turns, and in a room its senders."""

import asyncio
from itertools import count
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.core.actor import Actor
from app.core.clock import now
from app.core.send_request import Send
from app.messages.send.fair_queue import Turns
from app.messages.send.pending_send import Waiting

ANN, BOB, CAT = (UUID(int=n) for n in range(3))
HALL, PIER, YARD = (UUID(int=n) for n in range(10, 13))
_numbers = count()


def one(sender: UUID, room: UUID, text: str = "x") -> Waiting:
    loop = asyncio.new_event_loop()
    answer: asyncio.Future[object] = loop.create_future()
    loop.close()
    actor = Actor(sender, sender, is_admin=False, expires_at=now())
    return Waiting(Send(actor, room, f"n{next(_numbers)}", text, None), answer, 0.0)  # type: ignore[arg-type]


def names(taken: list[Waiting]) -> list[tuple[UUID, UUID]]:
    return [(waiting.send.room, waiting.send.actor.user) for waiting in taken]


def test_rooms_and_senders_take_turns() -> None:
    turns = Turns()
    for _ in range(3):
        turns.put(one(ANN, HALL))
    turns.put(one(BOB, HALL))
    turns.put(one(CAT, PIER))
    assert names(turns.take(3, 100)) == [(HALL, ANN), (PIER, CAT), (HALL, BOB)]
    assert turns.take(3, 100) == []  # the room is held
    turns.put(one(CAT, YARD))
    turns.release([HALL, PIER])
    assert names(turns.take(9, 100)) == [(YARD, CAT), (HALL, ANN), (HALL, ANN)]


def test_a_batch_ends_with_the_text_that_fills_it() -> None:
    turns = Turns()
    for room in (HALL, PIER, YARD):
        turns.put(one(ANN, room, "x" * 60))
    assert len(turns.take(9, 100)) == 2
    assert len(turns.take(9, 1)) == 1


def test_who_is_dropped_is_not_taken() -> None:
    turns = Turns()
    first, second, other = one(ANN, HALL), one(ANN, HALL), one(BOB, PIER)
    for waiting in (first, second, other):
        turns.put(waiting)
    turns.drop([first, other])
    assert list(turns) == [second]
    assert turns.take(9, 100) == [second]
    late = one(BOB, HALL)
    turns.put(late)  # behind one that is on its way
    turns.drop([late])
    turns.release([HALL])
    assert turns.take(9, 100) == []


@given(
    st.lists(st.tuples(st.sampled_from([ANN, BOB, CAT]), st.sampled_from([HALL, PIER, YARD]))),
    st.integers(1, 5),
)
def test_everybody_is_taken_once_and_in_order(sent: list[tuple[UUID, UUID]], most: int) -> None:
    turns = Turns()
    put = [one(*where) for where in sent]
    for waiting in put:
        turns.put(waiting)
    taken: list[Waiting] = []
    while batch := turns.take(most, 1000):
        assert len(batch) <= most
        turns.release({waiting.send.room for waiting in batch})
        taken += batch
    assert not list(turns)
    for sender, room in set(sent):
        theirs = (room, sender)
        assert [w for w in taken if names([w]) == [theirs]] == [
            w for w in put if names([w]) == [theirs]
        ]
    assert len(taken) == len(put)
