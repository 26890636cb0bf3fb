"""Lost, duplicated and reordered events become the log, without gaps and in order."""

from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.client import room_cursor as module
from app.client.room_cursor import MAX_EARLY, RoomCursor
from tests.client.doubles import EPOCH, FakeLog, event, opened, seqs

SEQS = st.integers(1, 30)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("event"), SEQS),
        st.tuples(st.just("take"), st.integers(0, 5)),
        st.tuples(st.just("page"), st.integers(1, 7)),
        st.tuples(st.just("limited"), SEQS),
    ),
    max_size=80,
)


@given(steps=STEPS, since=st.integers(0, 30), most_early=st.integers(1, 6))
def test_events_are_delivered_dense_and_in_order(
    steps: list[tuple[str, int]], since: int, most_early: int
) -> None:
    log, position, out = FakeLog(30), RoomCursor(since), list[int]()
    with patch.object(module, "MAX_EARLY", most_early):
        for step in [*steps, ("limited", 30)]:
            apply(step, position, log, out)
            assert out == list(range(since + 1, since + 1 + len(out)))
            assert len(position._early) <= most_early
        while position.ready or position.gap():
            apply(("page", 3), position, log, out)
            apply(("take", 4), position, log, out)
    assert out == list(range(since + 1, 31))
    assert position.seq == 30


def apply(step: tuple[str, int], position: RoomCursor, log: FakeLog, out: list[int]) -> None:
    match step:
        case ("event", seq):
            position.add([event(seq)])
        case ("take", most):
            out += seqs(position.pop_ready(most))
        case ("page", size) if hole := position.gap():
            log.page = size
            position.add(event(seq) for seq in log.between(*hole))
        case ("limited", resume):
            assert position.seq is not None
            position.opened(opened(position.seq, 30, "limited", resume), EPOCH, from_start=False)
        case _:
            pass  # a page, and nothing is missing


def test_without_since_delivery_starts_at_the_head() -> None:
    position = RoomCursor(None)
    position.add([event(7), event(6)])
    assert position.pop_ready(9) == []
    assert not position.opened(opened(6, 6), EPOCH, from_start=True)
    assert seqs(position.pop_ready(9)) == [7]


@pytest.mark.parametrize(("from_start", "at", "gap"), [(False, 5, None), (True, 0, (0, 5))])
def test_a_reset_restarts_at_the_head_or_the_first_event(
    from_start: bool, at: int, gap: tuple[int, int] | None
) -> None:
    position = RoomCursor(900)
    position.add([event(901), event(903)])
    assert position.opened(opened(900, 5, "reset"), EPOCH, from_start=from_start)
    assert (position.seq, position.gap(), position.ready) == (at, gap, False)


def test_a_reset_starts_a_new_generation() -> None:
    position = RoomCursor(3)
    before = position.generation
    position.opened(opened(3, 9), EPOCH, from_start=False)
    assert position.generation == before
    position.opened(opened(3, 1, "reset"), EPOCH, from_start=False)
    assert position.generation != before


def test_a_later_event_reveals_a_gap() -> None:
    position = RoomCursor(3)
    assert position.gap() is None
    position.add([event(9), event(7)])
    assert position.gap() == (3, 6)


def test_limited_opens_a_gap_at_once() -> None:
    position = RoomCursor(10)
    position.opened(opened(10, 9001, "limited", 8951), EPOCH, from_start=False)
    assert position.gap() == (10, 8951)


def test_events_beyond_max_early_are_read_from_the_log() -> None:
    position = RoomCursor(0)
    position.add(event(seq) for seq in range(2, MAX_EARLY + 20))
    position.add([event(1)])
    assert len(position.pop_ready(5000)) == MAX_EARLY
    assert position.gap() == (MAX_EARLY, MAX_EARLY + 19)


def test_behind_is_false_while_a_gap_is_known() -> None:
    position = RoomCursor(3)
    assert position.behind(4)
    assert not position.behind(3)
    position.add([event(6)])
    assert not position.behind(6), "the hole is read"
    assert not RoomCursor(None).behind(6), "the answer to `open` says where it begins"
