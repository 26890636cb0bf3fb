"""No socket leaves anything behind in the hub, however it ends."""

import pytest

from testkit.peer import Peers
from testkit.waiting import eventually
from tests.realtime.dedicated_server import DedicatedServer, StartServer
from tests.realtime.hooks import PausedQuery, QueryCounter


async def until_idle(server: DedicatedServer) -> None:
    """Return once all sockets have ended and nothing is left of them."""
    await eventually(lambda: not server.running.uvicorn.server_state.tasks)
    hub = server.hub
    assert (hub.connections, hub.by_user, hub._members, hub.rooms) == (set(), {}, {}, {})


@pytest.mark.parametrize("how", ["client", "server"])
async def test_a_connection_lost_while_it_opens_rooms_leaves_nothing_behind(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    server = await start()
    ada = await server.person()
    rooms = [await ada.makes_room() for _ in range(4)]
    peer = await peers.join(ada)
    held = PausedQuery(server, monkeypatch, "load_catch_up")
    await peer.send("open", rooms=[{"room": room, "since": 0} for room in rooms])
    reading = await held.next()
    if how == "client":
        peer.connection.transport.abort()
    else:
        await ada.post("/auth/logout")
        assert await peer.closed() == 4403
    reading.set()
    await until_idle(server)


async def test_a_connection_replaced_during_its_hello_leaves_nothing_behind(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start(limits={"sockets_per_user": 1})
    ada = await server.person()
    rooms = [await ada.makes_room() for _ in range(3)]
    held = PausedQuery(server, monkeypatch, "load_hello_state")
    first = await peers.dial(server.url)
    await first.send("hello", token=ada.access, rooms=[{"room": room} for room in rooms])
    reading = await held.next()
    second = await peers.join(ada, rooms[0])
    assert await first.closed() == 4409
    reading.set()
    await second.leave()
    await until_idle(server)


async def test_an_open_that_fails_leaves_nothing_behind(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    ada = await server.person()
    room = await ada.makes_room()
    peer = await peers.join(ada)
    QueryCounter(server, monkeypatch).failures["load_catch_up"] = [RuntimeError("a defect")]
    error = await peer.opens(room)
    assert (error["code"], error["retry"]) == ("internal", "after")
    assert not server.hub.rooms
    assert (await peer.opens(room))["type"] == "room.opened"
    await ada.says(room, "hi")
    await peer.has(room, 3)


async def test_a_defect_during_the_hello_closes_the_socket_with_4000(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start()
    ada = await server.person()
    QueryCounter(server, monkeypatch).failures["load_room_list"] = [RuntimeError("a defect")]
    peer = await peers.dial(server.url)
    await peer.send("hello", token=ada.access)
    assert await peer.closed() == 4000
    await until_idle(server)
