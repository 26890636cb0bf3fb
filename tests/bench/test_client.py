"""How a client of the load handles the frames that it receives."""

import pytest
from websockets.frames import Frame, Opcode

from bench.client import CHAT, SOCKET_IO, LoadClient, WireFormat
from bench.frames import PONG, client_frame

UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
EVENT = b'{"type":"message.created","seq":1}'


class FakeTransport:
    """Records what the client has written."""

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


def connected(wire_format: WireFormat, first_text: bytes = b"") -> tuple[LoadClient, FakeTransport]:
    client, transport = LoadClient(wire_format, first_text), FakeTransport()
    client.connection_made(transport)
    client.data_received(UPGRADED)
    return client, transport


def text_frame(payload: bytes) -> bytes:
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


async def test_a_client_is_ready_once_its_room_is_open() -> None:
    client, transport = connected(CHAT, b"hello")
    assert transport.written[1] == client_frame(b"hello")
    client.data_received(text_frame(b'{"type":"welcome"}'))
    assert not client.ready.done()
    client.data_received(text_frame(b'{"type":"room.opened","seq":1}') + text_frame(EVENT))
    assert client.ready.done()
    assert (client.events, client.event_bytes) == (1, len(text_frame(EVENT)))


async def test_an_error_frame_ends_the_connection() -> None:
    client, transport = connected(CHAT)
    client.data_received(text_frame(b'{"type":"error","code":"busy"}'))
    assert not transport.is_open
    client.connection_lost(None)
    with pytest.raises(ConnectionError, match="busy"):
        await client.ready


async def test_a_counting_client_answers_pings_and_does_not_count_them() -> None:
    client, transport = connected(CHAT)
    client.count_only()
    ping = Frame(Opcode.PING, b"abcd").serialize(mask=False)
    client.data_received(text_frame(EVENT) + ping + text_frame(EVENT))
    client.data_received(ping)
    assert client.counted_bytes == 2 * len(text_frame(EVENT))
    assert transport.written[1:] == [client_frame(b"abcd", PONG)] * 2


async def test_a_client_answers_the_heartbeats_of_the_protocol() -> None:
    client, transport = connected(CHAT)
    client.data_received(text_frame(b'{"type":"ping","n":7,"heads":[]}'))
    assert transport.written[-1] == client_frame(b'{"type":"pong","n":7}')
    client, transport = connected(SOCKET_IO)
    client.data_received(text_frame(b"2"))
    assert transport.written[-1] == client_frame(b"3")
