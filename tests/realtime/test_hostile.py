"""Peers that violate the WebSocket protocol get the right close code."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from app.realtime.transport import ws_protocol
from testkit.peer import Peers
from testkit.people import Person
from testkit.raw_connection import (
    BINARY,
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    UPGRADE,
    RawConnection,
    connect_raw,
    frame,
)
from testkit.server import TestServer, limit_send_buffers
from testkit.waiting import eventually
from tests.realtime.dedicated_server import StartServer

ERROR = b'{"type":"nothing"}'


@pytest.fixture
async def guest(server: TestServer, ada: Person) -> AsyncIterator[RawConnection]:
    """A connection after its hello."""
    async with connect_raw(server.url) as connection:
        await connection.upgrade()
        await connection.hello(ada)
        yield connection


BROKEN = {
    "not masked": (frame(TEXT, ERROR, masked=False), 1002),
    "a reserved bit": (b"\xc1" + frame(TEXT, ERROR)[1:], 1002),
    "a reserved opcode": (frame(0x3, ERROR), 1002),
    "a reserved control opcode": (frame(0xB), 1002),
    "a control frame in fragments": (frame(PING, b"x", fin=False), 1002),
    "a large control frame": (frame(PING, b"x" * 126), 1002),
    "a continuation of nothing": (frame(CONT, b"x"), 1002),
    "a message within a message": (frame(TEXT, b"{", fin=False) + frame(TEXT, b"}"), 1002),
    "a close code of one byte": (frame(CLOSE, b"\x03"), 1002),
    "a close code that cannot be": (frame(CLOSE, (1005).to_bytes(2)), 1002),
    "no UTF-8": (frame(TEXT, b'{"type":"\xff"}'), 1007),
    "a surrogate in UTF-8": (frame(TEXT, b'"\xed\xa0\x80"'), 1007),
    "too large": (frame(TEXT, b"x" * 65537), 1009),
    "too large in fragments": (
        frame(TEXT, b"x" * 40000, fin=False) + frame(CONT, b"x" * 40000),
        1009,
    ),
    "a size of 2^62": (b"\x81\xff" + (1 << 62).to_bytes(8) + bytes(4), 1009),
    "a size of 2^63": (b"\x81\xff" + (1 << 63).to_bytes(8) + bytes(4), 1002),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_websocket_frame_closes_the_socket(guest: RawConnection, name: str) -> None:
    broken, code = BROKEN[name]
    await guest.send(broken)
    assert await guest.close_code() in ({code, 1009} if name == "a size of 2^63" else {code})


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_websocket_frame_before_the_hello_closes_the_socket(
    server: TestServer, name: str
) -> None:
    broken, code = BROKEN[name]
    async with connect_raw(server.url) as connection:
        await connection.upgrade()
        await connection.send(broken)
        assert await connection.close_code() in {code, 1009}
    await eventually(
        lambda: not server.uvicorn.lifespan.state["connection_services"].pending._by_address
    )


@pytest.mark.parametrize(
    "message",
    [
        "[" * 16_000,
        '{"type":"pong","n":' + "[" * 500 + "]" * 500 + "}",
        '{"type":"pong","n":' + '{"a":' * 33 + "1" + "}" * 34,
        '{"type":"pong","n":' + "9" * 5000 + "}",
        '{"type":"pong","n":-' + "9" * 5000 + "}",
        '{"type":"pong","n":1e400}',
        '{"type":"pong","n":-1e400}',
        '{"type":"pong","n":1' + "0" * 400 + ".0}",
        '{"type":"pong","n":NaN}',
        '{"type":"pong","n":Infinity}',
        '{"type":"pong","n":1,"n":2}',
        '{"type":"pong","n":1,"\\u006e":1}',
        '{"type":"open","rooms":[{"room":"0190e6b0-0000-7000-8000-000000000000","since":1,"since":1}]}',
        '{"type":"message.send","room":"0190e6b0-0000-7000-8000-000000000000","nonce":"n","text":"\\ud800"}',
        '{"type":"message.send","room":"0190e6b0-0000-7000-8000-000000000000","nonce":"n","text":"\\udc00\\ud800"}',
        '{"\\ud800":1}',
        '{"type":"\\ud800"}',
        '{"type":"pong","n":1,"id":"\\ud800"}',
        '{"type":"pong","n":1,' + ",".join(f'"{n}":{n}' for n in range(1500)) + "}",
        '{"type":"pong","n":"' + "\\u0000" * 2000 + '"}',
        "\0",
    ],
    ids=lambda message: f"{ascii(message)[:40]} {len(message)}",
)
async def test_absurd_json_is_refused_and_the_socket_stays_open(
    guest: RawConnection, message: str
) -> None:
    await guest.send(frame(TEXT, message.encode()))
    error = await guest.next()
    assert (error["type"], error["retry"]) == ("error", "never")
    assert error["code"] in {"bad_frame", "invalid", "unknown_type"}
    assert len(json.dumps(error)) < 10_000
    await guest.say(type="nothing", id="after")
    assert (await guest.next())["id"] == "after"


async def test_a_json_name_repeated_as_a_value_is_accepted(
    ada: Person, guest: RawConnection
) -> None:
    room = await ada.makes_room()
    for n, text in enumerate(("text", '"text"', "a\nb", 'say "room": "nonce"')):
        await guest.say(type="message.send", id=n, room=room, nonce=f"n{n}", text=text)
        while (answer := await guest.next()).get("id") != n:
            pass
        assert answer["type"] == "ack"


async def test_binary_messages_are_refused(guest: RawConnection) -> None:
    await guest.send(frame(BINARY, ERROR) + frame(BINARY, b"\xff" * 100) + frame(BINARY))
    for _ in range(3):
        assert (await guest.next())["code"] == "bad_frame"


async def test_fragmented_messages_are_assembled(guest: RawConnection) -> None:
    pieces = [ERROR[n : n + 1] for n in range(len(ERROR))]
    await guest.send(frame(TEXT, fin=False))
    for piece in pieces:
        await guest.send(frame(CONT, piece, fin=False) + frame(PING, b"between"))
    await guest.send(frame(CONT))
    pings = 0
    while (found := await guest.next_frame())[0] == PONG:
        assert found[1] == b"between"
        pings += 1
    assert pings == len(pieces)
    assert json.loads(found[1])["code"] == "unknown_type"


@pytest.mark.parametrize(
    "extra",
    [frame(CONT, fin=False), frame(PING, b"x" * 125), frame(PONG)],
    ids=["fragments", "pings", "pongs"],
)
async def test_control_frames_and_fragments_are_rate_limited(
    server: TestServer, guest: RawConnection, extra: bytes
) -> None:
    await guest.send(frame(TEXT, fin=False))
    begun = asyncio.get_running_loop().time()
    sent = await guest.flood(extra * 100, most=10_000)
    took = asyncio.get_running_loop().time() - begun
    kernel = 10_000_000 // len(extra)  # taken by the kernel, and never looked at
    assert (
        sent * 100
        < ws_protocol.CONTROL_FRAMES_BURST + ws_protocol.CONTROL_FRAMES_PER_S * took + kernel
    )
    assert await guest.close_code() in {4029, 1006}
    await eventually(lambda: len(server.uvicorn.server_state.connections) < 5)


async def test_pings_of_a_peer_that_does_not_read_fill_no_buffer(start: StartServer) -> None:
    server = await start()
    limit_send_buffers(server.running)
    async with connect_raw(server.url, small_window=True) as connection:
        await connection.upgrade()
        await connection.hello(await server.person())
        (end,) = server.hub.connections
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(9):
            await connection.send(frame(PING, b"x" * 125) * 100)
        await eventually(
            lambda: end._writer._control_frame_limit and end._writer._control_frame_limit._arrival
        )
        assert end._writer.buffered_bytes() < 128 * 1024


async def test_a_flood_in_one_packet_is_read_only_as_fast_as_it_is_answered(
    start: StartServer, peers: Peers
) -> None:
    """Ten thousand messages in the kernel are not ten thousand in the server."""
    server = await start(limits={"frames_burst": 20, "frames_per_minute": 60})
    ada = await server.person()
    async with connect_raw(server.url) as connection:
        await connection.upgrade()
        await connection.hello(ada)
        (end,) = server.hub.connections
        most = 0

        async def flood() -> None:
            await connection.flood(frame(TEXT, b"{}") * 1000, most=10_000)

        pouring = asyncio.create_task(flood())
        while end in server.hub.connections:
            most = max(most, end._writer.queue.qsize())
            await asyncio.sleep(0)
        assert await connection.close_code() in {4029, 1006}
        await pouring
    assert most <= ws_protocol.PARSE_CHUNK_BYTES // len(frame(TEXT, b"{}")) + 1
    await (await peers.join(ada)).settled()


# Before the handshake is over.


async def test_a_peer_that_sends_before_the_handshake_is_answered_is_cut(
    start: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    answering = asyncio.Event()
    monkeypatch.setattr(
        "app.realtime.connection.handshake.Handshake.run", lambda *_: answering.wait()
    )
    async with connect_raw(server.url) as connection:
        await connection.send(UPGRADE + b"\r\n")
        await eventually(lambda: server.running.uvicorn.server_state.tasks)
        await connection.send(frame(TEXT, ERROR))
        assert await connection.rest() == b""
    answering.set()


@pytest.mark.parametrize(
    "more",
    [
        b"".join(b"X-%d: x\r\n" % n for n in range(200)),
        b"X-Long: " + b"x" * 20_000 + b"\r\n",
        b"Sec-WebSocket-Key: again\r\n",
        b"Sec-WebSocket-Version: 12\r\n",
        b"Sec-WebSocket-Extensions: \xff\r\n",
        b"Connection: close\r\n",
    ],
    ids=lambda more: ascii(more[:20]),
)
async def test_an_unusual_handshake_is_answered(server: TestServer, more: bytes) -> None:
    async with connect_raw(server.url) as connection:
        status = await connection.ask_for_upgrade(more)
        assert status in {101, 400, 413, 426}
        if status != 101:
            await connection.rest()


@pytest.mark.parametrize(
    "last",
    [frame(CLOSE, (1000).to_bytes(2)), frame(0x3), frame(TEXT, b"\xff")],
    ids=["close", "broken", "no UTF-8"],
)
async def test_closing_a_peer_that_does_not_read_has_a_timeout(
    start: StartServer, last: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    limit_send_buffers(server.running)
    ada = await server.person()
    room = await ada.makes_room()
    async with connect_raw(server.url, small_window=True) as connection:
        await connection.upgrade()
        await connection.hello(ada)
        await connection.say(type="open", rooms=[{"room": room}])
        await connection.next()
        (end,) = server.hub.connections
        end._writer.close_timeout = 0.2
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
        while end._writer.buffered_bytes() < 30_000:
            await ada.says(room, "🙂" * 3900)
        await connection.send(last)
        await eventually(lambda: end not in server.hub.connections)
        await eventually(lambda: end._writer not in server.running.uvicorn.server_state.connections)
