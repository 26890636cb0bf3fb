"""The transport: one write per loop iteration, valid frames, and no waiting for slow peers."""

import asyncio
import re
from uuid import UUID

import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from app.core.publications import Publication
from app.realtime.hub.connection import Connection
from app.realtime.transport.ws_protocol import text_frame
from app.wire.close_codes import CloseCode
from app.wire.events import PublicationKind
from testkit.answers import assert_ok
from testkit.peer import Peers
from testkit.people import Person
from testkit.server import TestServer, limit_send_buffers
from testkit.waiting import eventually
from tests.realtime.dedicated_server import DedicatedServer, StartServer


def spy(socket: Connection, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Records the writes to this socket's connection from now on."""
    written: list[bytes] = []
    transport = socket._writer.transport
    write = transport.write

    def recording(data: bytes) -> None:
        written.append(bytes(data))
        write(data)

    monkeypatch.setattr(transport, "write", recording)
    return written


def event(room: str, seq: int, sender: str) -> Publication:
    frame = {"type": "message.created", "room": room, "seq": seq, "actor": sender, "message": {}}
    return Publication(PublicationKind.MESSAGE, UUID(room), seq, UUID(sender), orjson.dumps(frame))


async def test_an_idle_connection_has_no_task_and_no_timer(
    start: StartServer, peers: Peers, capsys: pytest.CaptureFixture[str]
) -> None:
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    peer = await peers.join(ada, room)
    (end,) = server.hub.by_user[UUID(ada.id)]
    writer = end._writer
    for number in range(3):  # it says something, and then nothing again
        await eventually(lambda: not server.running.uvicorn.server_state.tasks)
        assert (writer.ping_timer, writer.close_timer, writer._abort_timer) == (None, None, None)
        assert not hasattr(writer, "scope")
        await peer.send("message.send", room=room, nonce=f"n{number}", text="hello")
        await peer.has(room, 3 + number)
    await peer.connection.close()
    await eventually(lambda: end not in server.hub.connections)
    assert writer not in server.running.uvicorn.server_state.connections
    # What its frames made the server say has the id of the request that opened it.
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "connection.closed" in line]
    assert "request_id=" in line


async def test_the_log_says_how_a_connection_was_closed(
    start: StartServer, peers: Peers, capsys: pytest.CaptureFixture[str]
) -> None:
    server = await start()
    ada = await server.person()
    leaving, lost, closed = [await peers.join(ada) for _ in range(3)]
    ends = list(server.hub.by_user[UUID(ada.id)])
    await leaving.connection.close(1001, "bye")
    await eventually(lambda: ends[0] not in server.hub.connections)
    lost.connection.transport.abort()
    await eventually(lambda: ends[1] not in server.hub.connections)
    assert_ok(await ada.post("/auth/logout"), 204)
    assert await closed.closed() == 4403
    await eventually(lambda: not server.running.uvicorn.server_state.tasks)
    lines = [line for line in capsys.readouterr().out.splitlines() if "connection.closed" in line]
    fields = [dict(re.findall(r"(\w+)=('[^']*'|\S*)", line)) for line in lines]
    assert [line["code"] for line in fields] == ["1001", "1006", "4403"]
    assert [line["reason"] for line in fields] == ["bye", "", "'the session was ended'"]
    assert all(line["user"] == ada.id and line["client_address"] == "127.0.0.1" for line in fields)
    assert all(float(line["duration_s"]) > 0 for line in fields)


async def test_frames_of_one_loop_iteration_leave_in_one_write(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    ada = await server.person()
    rooms = [await ada.makes_room() for _ in range(3)]
    both = [await peers.join(ada, *rooms), await peers.join(ada, *rooms)]
    sockets = server.hub.by_user[UUID(ada.id)]
    written = [spy(socket, monkeypatch) for socket in sockets]
    # In one turn of the loop: events of three rooms, and frames for the one and the other.
    for seq in (3, 4, 5):
        for room in rooms:
            server.hear(event(room, seq, ada.id))
    sockets[0].send_raw(text_frame(b'{"type":"own"}'))
    for peer in both:
        for room in rooms:
            await peer.has(room, 5)
            assert peer.seqs(room) == [3, 4, 5]
    assert [len(writes) for writes in written] == [1, 1]
    # The bytes of a room are the same for everybody.
    assert len(written[0][0]) - len(written[1][0]) == len(text_frame(b'{"type":"own"}'))
    await both[0].expect("own")


@pytest.mark.setting("CHAT_REALTIME__COALESCE_WRITES")
async def test_without_write_coalescing_each_event_is_a_write(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start(realtime={"coalesce_writes": False})
    ada = await server.person()
    rooms = [await ada.makes_room() for _ in range(2)]
    peer = await peers.join(ada, *rooms)
    (socket,) = server.hub.by_user[UUID(ada.id)]
    written = spy(socket, monkeypatch)
    for seq in (3, 4):
        for room in rooms:
            server.hear(event(room, seq, ada.id))
    for room in rooms:
        await peer.has(room, 4)
        assert peer.seqs(room) == [3, 4]
    assert [block.count(b"message.created") for block in written] == [1, 1, 1, 1]


async def test_an_ack_and_its_event_leave_in_one_write(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    peer = await peers.join(ada, room)
    written = spy(server.hub.by_user[UUID(ada.id)][0], monkeypatch)
    await peer.says(room)
    await peer.has(room, 3)
    assert len(written) <= 2


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 65537, 1_000_000])
async def test_frames_of_every_length_are_valid(server: TestServer, ada: Person, size: int) -> None:
    async with connect(
        f"ws{server.url.removeprefix('http')}/ws",
        subprotocols=[Subprotocol("chat.v1")],
        proxy=None,
        max_size=None,
    ) as client:
        assert client.protocol.extensions == []  # offered, and not taken: no compression
        await client.send(orjson.dumps({"type": "hello", "token": ada.access}).decode())
        await client.recv()
        await client.recv()
        (socket,) = server.hub.by_user[UUID(ada.id)]
        payload = b"x" * size
        frames = [text_frame(payload), text_frame(b"the next one")]
        assert len(frames[0]) - size == (2 if size < 126 else 4 if size < 65536 else 10)
        socket.send_raw(b"".join(frames))
        assert await client.recv() == payload.decode()
        assert await client.recv() == "the next one"
        await (await client.ping())  # the library's own frames fit in between


async def test_no_frame_is_written_after_a_close(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    peer = await peers.join(ada, room)
    (socket,) = server.hub.by_user[UUID(ada.id)]
    written = spy(socket, monkeypatch)
    server.hear(event(room, 3, ada.id))
    socket.send_raw(text_frame(b'{"type":"last"}'))
    socket.close(CloseCode.INTERNAL, "a test")
    for seq in (4, 5):
        server.hear(event(room, seq, ada.id))
    socket.send_raw(text_frame(b'{"type":"too late"}'))
    socket.close(CloseCode.REVOKED, "again")
    assert await peer.closed() == 4000
    assert [frame["type"] for frame in peer.frames[-1:]] == ["last"]
    assert written[-1][:1] == b"\x88"  # a close frame
    assert b"too late" not in b"".join(written)


async def test_a_closing_client_gets_no_more_frames(start: StartServer, peers: Peers) -> None:
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    going, stays = await peers.join(ada, room), await peers.join(ada, room)
    sending = asyncio.create_task(ada.says(room, *map(str, range(20))))
    await going.has(room, 5)
    await going.leave()
    assert going.connection.close_code == 1000
    await sending
    await stays.has(room, 22)
    await eventually(lambda: len(server.hub.connections) == 1)


async def test_a_slow_consumer_delays_no_other_connection(start: StartServer, peers: Peers) -> None:
    server = await start()
    limit_send_buffers(server.running)
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("public", bob)
    fast = await peers.join(ada, room)
    slow = await peers.join(bob, room, small_window=True)
    (end,) = server.hub.by_user[UUID(bob.id)]
    slow.stops_reading()
    for seq in range(4, 64):
        await ada.says(room, "🙂" * 3900)
        await fast.has(room, seq)  # or never: the other one does not read before the end
        assert end._writer.buffered_bytes() < 64 * 1024 + 3 * 16_000
    assert end.write_paused


async def test_a_burst_does_not_disconnect_a_consumer_that_reads(
    start: StartServer, peers: Peers
) -> None:
    server: DedicatedServer = await start()
    ada = await server.person()
    room = await ada.makes_room()
    sockets = [await peers.join(ada, room) for _ in range(5)]
    await asyncio.gather(*(sockets[n % 5].says(room, "x" * 3000) for n in range(100)))
    for peer in sockets:
        await peer.has(room, 102)
        assert peer.seqs(room) == list(range(3, 103))
