"""What a socket of the load makes of what it gets."""

import pytest
from websockets.frames import Frame, Opcode

from bench.client import CHAT, SOCKET_IO, Dialect, Peer
from bench.frames import PONG, client_frame

UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
EVENT = b'{"type":"message.created","seq":1}'


class FakeTransport:
    """What the socket has written; the far end is the test."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_open = True

    def get_extra_info(self, _: str) -> tuple[str, int]:
        return "127.0.0.1", 80

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def abort(self) -> None:
        self.is_open = False

    close = abort


def connected(dialect: Dialect, first: bytes = b"") -> tuple[Peer, FakeTransport]:
    peer, wire = Peer(dialect, first), FakeTransport()
    peer.connection_made(wire)
    peer.data_received(UPGRADED)
    return peer, wire


def text(payload: bytes) -> bytes:
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


async def test_it_arrives_once_its_room_is_open() -> None:
    peer, wire = connected(CHAT, b"hello")
    assert wire.written[1] == client_frame(b"hello")
    peer.data_received(text(b'{"type":"welcome"}'))
    assert not peer.arrived.done()
    peer.data_received(text(b'{"type":"room.opened","seq":1}') + text(EVENT))
    assert peer.arrived.done()
    assert (peer.events, peer.event_bytes) == (1, len(text(EVENT)))


async def test_a_refusal_ends_it() -> None:
    peer, wire = connected(CHAT)
    peer.data_received(text(b'{"type":"error","code":"busy"}'))
    assert not wire.is_open
    peer.connection_lost(None)
    with pytest.raises(ConnectionError, match="busy"):
        await peer.arrived


async def test_one_that_counts_leaves_pings_out_and_answers_them() -> None:
    peer, wire = connected(CHAT)
    peer.count_only()
    ping = Frame(Opcode.PING, b"abcd").serialize(mask=False)
    peer.data_received(text(EVENT) + ping + text(EVENT))
    peer.data_received(ping)
    assert peer.counted == 2 * len(text(EVENT))
    assert wire.written[1:] == [client_frame(b"abcd", PONG)] * 2


async def test_a_chat_that_is_pinged_says_that_it_lives() -> None:
    peer, wire = connected(CHAT)
    peer.data_received(text(b'{"type":"ping","n":7,"heads":[]}'))
    assert wire.written[-1] == client_frame(b'{"type":"pong","n":7}')
    peer, wire = connected(SOCKET_IO)
    peer.data_received(text(b"2"))
    assert wire.written[-1] == client_frame(b"3")
