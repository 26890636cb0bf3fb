"""Building and cutting of WebSocket frames, with little CPU.

This is no WebSocket library: it trusts the servers under test, and understands only the frames
that they send (not masked, not fragmented).
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
MASK = b"\x51\xa3\x7c\x0e"


class Frame(NamedTuple):
    opcode: int
    start: int  # of the payload, in the buffer
    end: int


def client_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """One masked frame. The mask is constant, but not zero: some servers skip unmasking then."""
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, 0x80 | size))
    elif size < 65536:
        head = bytes((0x80 | opcode, 0xFE)) + size.to_bytes(2)
    else:
        head = bytes((0x80 | opcode, 0xFF)) + size.to_bytes(8)
    repeated = (MASK * (size // 4 + 1))[:size]
    masked = (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(size)
    return head + MASK + masked


def whole_frames(data: bytes, offset: int = 0) -> Iterator[Frame]:
    """The complete frames; an incomplete one begins at the `end` of the last of these."""
    size = len(data)
    while offset + 2 <= size:
        length, start = data[offset + 1], offset + 2
        if length == 126:
            start += 2
            if start > size:
                return
            length = int.from_bytes(data[start - 2 : start])
        elif length == 127:
            start += 8
            if start > size:
                return
            length = int.from_bytes(data[start - 8 : start])
        end = start + length
        if end > size:
            return
        yield Frame(data[offset] & 0x0F, start, end)
        offset = end


class FrameReader:
    """Cuts a byte stream into frames; calls `on_frame(opcode, data, start, end)` for each."""

    __slots__ = ("_on_frame", "_rest")

    def __init__(self, on_frame: Callable[[int, bytes, int, int], None]) -> None:
        self._on_frame = on_frame
        self._rest = b""

    def feed(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        done = 0
        for opcode, start, end in whole_frames(data):
            done = end
            self._on_frame(opcode, data, start, end)
        self._rest = data[done:]

    @property
    def at_boundary(self) -> bool:
        return not self._rest
