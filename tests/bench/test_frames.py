"""The frames of the load, checked against a library that speaks WebSocket."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from bench.frames import PING, TEXT, FrameReader, client_frame, whole_frames

SIZES = [0, 1, 5, 125, 126, 127, 65535, 65536]


def served(payload: bytes, opcode: Opcode = Opcode.TEXT) -> bytes:
    """As a server sends it."""
    return Frame(opcode, payload).serialize(mask=False)


@pytest.mark.parametrize("size", SIZES)
def test_a_library_reads_what_the_load_sends(size: int) -> None:
    payload = bytes(n % 251 for n in range(size))
    reader = StreamReader()
    reader.feed_data(client_frame(payload))
    parsing = Frame.parse(reader.read_exact, mask=True, max_size=None)
    with pytest.raises(StopIteration) as done:
        next(parsing)
    frame = done.value.value
    assert (frame.opcode, frame.data, frame.fin) == (Opcode.TEXT, payload, True)
    assert not reader.buffer


@settings(deadline=None)
@given(
    payloads=st.lists(st.integers(0, 300) | st.sampled_from(SIZES), max_size=12),
    cuts=st.lists(st.integers(1, 5000), min_size=1, max_size=20),
)
def test_frames_are_found_wherever_the_stream_is_cut(payloads: list[int], cuts: list[int]) -> None:
    sent = [bytes([size % 256]) * size for size in payloads]
    stream = b"".join(map(served, sent))
    found: list[bytes] = []
    reader = FrameReader(lambda _, data, start, end: found.append(data[start:end]))
    done = turn = 0
    while done < len(stream):
        cut = cuts[turn % len(cuts)]
        reader.feed(stream[done : done + cut])
        done, turn = done + cut, turn + 1
    assert found == sent
    assert reader.at_boundary


def test_what_is_not_complete_waits() -> None:
    data = served(b"first") + served(b"second")[:-1]
    assert [data[frame.start : frame.end] for frame in whole_frames(data)] == [b"first"]
    reader = FrameReader(lambda *_: None)
    reader.feed(data)
    assert not reader.at_boundary


def test_the_kind_of_a_frame_is_told() -> None:
    data = served(b"text") + served(b"ping", Opcode.PING)
    assert [frame.opcode for frame in whole_frames(data)] == [TEXT, PING]
