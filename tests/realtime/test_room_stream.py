"""The room stream delivers the log once and in order, whatever the bus does."""

from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.core.publications import Publication
from app.realtime.hub import room_stream
from app.realtime.hub.room_stream import RoomStream
from app.wire.events import PublicationKind

ROOM = UUID(int=1)
EARLY = 4  # instead of a thousand, so that examples reach it
PAGE = 3
FORGED = 10**6


def event(seq: int) -> Publication:
    return Publication(PublicationKind.MESSAGE, ROOM, seq, ROOM, b"%d" % seq)


class Machine(RuleBasedStateMachine):
    """A growing log, a bus that loses, duplicates and reorders, and a concurrent reader of the
    log."""

    @initialize(committed=st.integers(0, 5))
    def start(self, committed: int) -> None:
        self.kept = room_stream.MAX_LOOKAHEAD
        room_stream.MAX_LOOKAHEAD = EARLY
        self.stream = RoomStream()
        self.committed = committed
        self.began: int | None = None
        self.out: list[int] = []
        self.told = 0  # the newest that was truly told of
        self.reading: tuple[int, int, list[int]] | None = None  # after, until, what was found

    def teardown(self) -> None:
        if not hasattr(self, "stream"):
            return
        self.begin()
        self.stream.note_head(self.committed)
        for _ in range(2 * self.committed + 10):
            if self.reading:
                self.answer()
            elif self.stream.gap():
                self.read()
            else:
                break
        room_stream.MAX_LOOKAHEAD = self.kept
        assert self.began is not None
        assert self.out == list(range(self.began + 1, self.committed + 1))
        assert self.stream.gap() is None

    def take(self, events: list[Publication]) -> None:
        for passed in events:
            assert passed.payload == b"%d" % passed.seq
            self.out.append(passed.seq)

    @rule()
    def commit(self) -> None:
        self.committed += 1

    @rule(data=st.data())
    def publication(self, data: st.DataObject) -> None:
        """Any committed event is published, however old, in any order and number."""
        newest = st.integers(max(1, self.committed - 2 * EARLY), max(1, self.committed))
        for seq in data.draw(st.lists(newest, max_size=2 * EARLY)):
            if seq <= self.committed:
                self.told = max(self.told, seq)
                self.take(self.stream.offer([event(seq)]))

    @rule(seq=st.integers(FORGED, 2**53 - 1))
    def forge(self, seq: int) -> None:
        self.take(self.stream.offer([event(seq)]))

    @precondition(lambda self: self.began is None)
    @rule(ago=st.integers(0, 3))
    def begin(self, ago: int = 0) -> None:
        """The stream starts at the head that was read a moment ago."""
        if self.began is None:
            self.began = max(0, self.committed - ago)
        self.take(self.stream.start(self.began))

    @rule(data=st.data())
    def note_head(self, data: st.DataObject) -> None:
        head = data.draw(st.integers(0, self.committed))
        self.told = max(self.told, head)
        self.stream.note_head(head)

    @precondition(lambda self: self.reading is None)
    @rule()
    def read(self) -> None:
        gap = self.stream.begin_repair()
        assert gap == self.stream.gap()
        if gap:
            after, until = gap
            newest = min(until, self.committed)
            self.reading = after, until, list(range(after + 1, newest + 1))[:PAGE]

    @precondition(lambda self: self.reading is not None)
    @rule()
    def answer(self) -> None:
        assert self.reading is not None
        _, until, found = self.reading
        self.reading = None
        self.take(self.stream.offer(map(event, found)))
        if len(found) < PAGE:
            self.stream.end_repair(until)

    @invariant()
    def dense(self) -> None:
        if not hasattr(self, "stream"):
            return
        began = self.began or 0
        assert self.out == list(range(began + 1, began + 1 + len(self.out)))
        if self.began is not None:
            assert self.stream.head == began + len(self.out)
            if self.told > self.stream.head:
                gap = self.stream.gap()
                assert gap is not None
                assert gap[1] >= self.told
        assert len(self.stream._out_of_order) <= 2 * EARLY


TestStream = pytest.mark.filterwarnings("default")(Machine.TestCase)
TestStream.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def test_a_room_stream_delivers_nothing_before_its_start_and_loses_nothing() -> None:
    it = RoomStream()
    assert it.offer([event(7), event(5), event(6)]) == []
    assert it.gap() is None
    assert not it.will_deliver(8)
    assert [e.seq for e in it.start(5)] == [6, 7]
    assert it.head == 7
    assert it.start(3) == []  # begun already
    assert it.head == 7


def test_a_gap_is_filled_by_the_bus_or_the_log() -> None:
    it = RoomStream()
    it.start(0)
    assert it.offer([event(2), event(4)]) == []
    assert it.gap() == (0, 4)
    assert [e.seq for e in it.offer([event(1)])] == [1, 2]
    assert it.gap() == (2, 4)
    assert [e.seq for e in it.offer([event(3), event(3), event(1)])] == [3, 4]
    assert it.gap() is None


def test_more_early_events_than_are_kept_do_not_block_the_next_one() -> None:
    """The log is read page by page then, and no page twice."""
    it = RoomStream()
    it.start(0)
    it.offer(event(seq) for seq in range(2, 3000))
    passed = 0
    while gap := it.begin_repair():
        assert gap == (passed, 2999)
        found = it.offer(event(seq) for seq in range(passed + 1, min(passed + 51, 3000)))
        assert found[0].seq == passed + 1
        passed = found[-1].seq
    assert passed == 2999


def test_forged_early_events_do_not_block_the_next_one() -> None:
    it = RoomStream()
    it.start(0)
    it.offer(event(FORGED + n) for n in range(5000))
    assert [e.seq for e in it.offer([event(1)])] == [1]


def test_an_event_published_during_a_gap_repair_is_not_forgotten() -> None:
    """A publication of an event far ahead is forged. The log shows that it does not exist, but
    event 2 was committed after the log was read."""
    it = RoomStream()
    it.start(0)
    it.offer([event(FORGED)])
    _, until = it.begin_repair() or (0, 0)
    it.offer([event(2)])
    it.end_repair(until)
    assert it.gap() == (0, 2)
    assert it.begin_repair() == (0, 2)
    it.note_head(3)
    assert [e.seq for e in it.offer([event(1), event(2)])] == [1, 2]
    it.end_repair(2)
    assert it.gap() == (2, 3)


def test_an_event_that_was_never_committed_is_forgotten_after_gap_repair() -> None:
    it = RoomStream()
    it.start(4)
    it.offer([event(7)])
    assert it.begin_repair() == (4, 7)
    it.end_repair(7)
    assert it.gap() is None
    assert [e.seq for e in it.offer([event(5), event(6)])] == [5, 6]
    assert [e.seq for e in it.offer([event(7)])] == [7]
