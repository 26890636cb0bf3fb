"""Limits of frames that no other test varies are announced and applied."""

import pytest
from websockets.exceptions import InvalidStatus

from testkit.peer import Peer, Peers
from tests.realtime.dedicated_server import StartServer


def announced(peer: Peer, limit: str) -> int:
    (welcome,) = peer.of("welcome")
    return int(welcome["limits"][limit])


async def answered(peer: Peer, frame: str, code: str) -> None:
    await peer.connection.send(frame)
    await peer.expect("error", code=code)


@pytest.mark.setting("CHAT_LIMITS__HELLO_BYTES")
async def test_the_hello_size_limit_is_applied(start: StartServer, peers: Peers) -> None:
    server = await start(limits={"hello_bytes": 20_000})
    ada = await server.person()
    hello = f'{{"type": "hello", "token": "{ada.access}"}}'
    fits, too_large = [await peers.dial(server.url) for _ in range(2)]
    await fits.connection.send(hello.ljust(20_000))
    await fits.expect("rooms")
    assert announced(fits, "hello_bytes") == 20_000
    await too_large.connection.send(hello.ljust(20_001))
    assert await too_large.closed() == 1009


@pytest.mark.setting("CHAT_LIMITS__FRAME_BYTES")
async def test_the_frame_size_limit_is_applied(start: StartServer, peers: Peers) -> None:
    server = await start(limits={"frame_bytes": 1100})
    peer = await peers.join(await server.person())
    assert announced(peer, "frame_bytes") == 1100
    await answered(peer, '{"type": "nonsense"}'.ljust(1100), "unknown_type")
    await answered(peer, '{"type": "nonsense"}'.ljust(1101), "too_large")


@pytest.mark.setting("CHAT_LIMITS__JSON_DEPTH")
async def test_the_json_depth_limit_is_applied(start: StartServer, peers: Peers) -> None:
    server = await start(limits={"json_depth": 5})
    peer = await peers.join(await server.person())
    assert announced(peer, "json_depth") == 5
    await answered(peer, '{"type": "nonsense", "x": [[[[]]]]}', "unknown_type")
    await answered(peer, '{"type": "nonsense", "x": [[[[[]]]]]}', "bad_frame")


@pytest.mark.setting("CHAT_LIMITS__PRESENCE_SUBSCRIPTIONS")
async def test_the_limit_of_presence_subscriptions_is_applied(
    start: StartServer, peers: Peers
) -> None:
    server = await start(limits={"presence_subscriptions": 1})
    ada, bob = await server.person("ada"), await server.person("bob")
    peer = await peers.join(ada)
    assert announced(peer, "presence_subscriptions") == 1
    assert (await peer.ask("presence.subscribe", users=[bob.id]))["type"] != "error"
    assert (await peer.ask("presence.subscribe", users=[bob.id, ada.id]))["code"] == "invalid"


@pytest.mark.setting("CHAT_LIMITS__SOCKETS_UNAUTHENTICATED")
async def test_the_limit_of_connections_without_a_hello_is_applied(
    start: StartServer, peers: Peers
) -> None:
    server = await start(limits={"sockets_unauthenticated": 2})
    waiting = [await peers.dial(server.url) for _ in range(2)]
    with pytest.raises(InvalidStatus):
        await peers.dial(server.url)
    await waiting[0].send("hello", token=(await server.person()).access)
    await waiting[0].expect("rooms")
    await peers.dial(server.url)
