"""The frames of the load, checked against the websockets library."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from bench.frames import PING, TEXT, FrameReader, client_frame, whole_frames

SIZES = [0, 1, 5, 125, 126, 127, 65535, 65536]


def server_frame(payload: bytes, opcode: Opcode = Opcode.TEXT) -> bytes:
    return Frame(opcode, payload).serialize(mask=False)


@pytest.mark.parametrize("size", SIZES)
def test_the_websockets_library_reads_client_frames(size: int) -> None:
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
def test_frames_are_found_however_the_stream_is_cut(payloads: list[int], cuts: list[int]) -> None:
    sent = [bytes([size % 256]) * size for size in payloads]
    stream = b"".join(map(server_frame, sent))
    received: list[bytes] = []
    reader = FrameReader(lambda _, data, start, end: received.append(data[start:end]))
    done = turn = 0
    while done < len(stream):
        cut = cuts[turn % len(cuts)]
        reader.feed(stream[done : done + cut])
        done, turn = done + cut, turn + 1
    assert received == sent
    assert reader.at_boundary


def test_an_incomplete_frame_is_kept_for_later() -> None:
    data = server_frame(b"first") + server_frame(b"second")[:-1]
    assert [data[frame.start : frame.end] for frame in whole_frames(data)] == [b"first"]
    reader = FrameReader(lambda *_: None)
    reader.feed(data)
    assert not reader.at_boundary


def test_frames_have_their_opcode() -> None:
    data = server_frame(b"text") + server_frame(b"ping", Opcode.PING)
    assert [frame.opcode for frame in whole_frames(data)] == [TEXT, PING]
