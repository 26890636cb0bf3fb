"""Whatever is lost, doubled or swapped on the way in: the log comes out, dense and in order."""

from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.client import room_cursor as module
from app.client.room_cursor import MOST_EARLY, Position
from tests.client.doubles import Log, event, opened, seqs

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
def test_the_log_comes_out(steps: list[tuple[str, int]], since: int, most_early: int) -> None:
    log, position, out = Log(30), Position(since), list[int]()
    with patch.object(module, "MOST_EARLY", most_early):
        for step in [*steps, ("limited", 30)]:
            apply(step, position, log, out)
            assert out == list(range(since + 1, since + 1 + len(out)))
            assert len(position._early) <= most_early
        while position.ready or position.gap():
            apply(("page", 3), position, log, out)
            apply(("take", 4), position, log, out)
    assert out == list(range(since + 1, 31))
    assert position.at == 30


def apply(step: tuple[str, int], position: Position, log: Log, out: list[int]) -> None:
    match step:
        case ("event", seq):
            position.offer([event(seq)])
        case ("take", most):
            out += seqs(position.take(most))
        case ("page", size) if hole := position.gap():
            log.page = size
            position.offer(event(seq) for seq in log.between(*hole))
        case ("limited", resume):
            assert position.at is not None
            position.opened(opened(position.at, 30, "limited", resume), from_start=False)
        case _:
            pass  # a page, and nothing is missing


def test_without_since_it_begins_at_the_head() -> None:
    position = Position(None)
    position.offer([event(7), event(6)])
    assert position.take(9) == []
    assert not position.opened(opened(6, 6), from_start=True)
    assert seqs(position.take(9)) == [7]


@pytest.mark.parametrize(("from_start", "at", "gap"), [(False, 5, None), (True, 0, (0, 5))])
def test_a_reset_starts_anew(from_start: bool, at: int, gap: tuple[int, int] | None) -> None:
    position = Position(900)
    position.offer([event(901), event(903)])
    assert position.opened(opened(900, 5, "reset"), from_start=from_start)
    assert (position.at, position.gap(), position.ready) == (at, gap, False)


def test_a_forgotten_position_starts_anew_at_the_next_answer() -> None:
    position = Position(3)
    position.offer([event(4)])
    position.forget()
    assert position.take(9) == []
    assert position.opened(opened(8, 8), from_start=False)
    assert position.at == 8
    assert not position.opened(opened(8, 9), from_start=False), "only once"


def test_a_page_of_an_earlier_era_can_be_told() -> None:
    position = Position(3)
    before = position.era
    position.opened(opened(3, 9), from_start=False)
    assert position.era == before
    position.opened(opened(3, 1, "reset"), from_start=False)
    assert position.era != before


def test_a_hole_is_known_by_what_comes_behind_it() -> None:
    position = Position(3)
    assert position.gap() is None
    position.offer([event(9), event(7)])
    assert position.gap() == (3, 6)


def test_what_is_limited_is_a_hole_before_anything_comes() -> None:
    position = Position(10)
    position.opened(opened(10, 9001, "limited", 8951), from_start=False)
    assert position.gap() == (10, 8951)


def test_what_cannot_be_kept_is_read_again() -> None:
    position = Position(0)
    position.offer(event(seq) for seq in range(2, MOST_EARLY + 20))
    position.offer([event(1)])
    assert len(position.take(5000)) == MOST_EARLY
    assert position.gap() == (MOST_EARLY, MOST_EARLY + 19)


def test_behind_a_head_only_if_nothing_is_under_way() -> None:
    position = Position(3)
    assert position.behind(4)
    assert not position.behind(3)
    position.offer([event(6)])
    assert not position.behind(6), "the hole is read"
    assert not Position(None).behind(6), "the answer to `open` says where it begins"
