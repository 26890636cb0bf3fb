"""A ping into silence, an answer that counts as life, and the end of who gives none."""

import asyncio

import pytest

from app.realtime import pulse
from tests.realtime.conftest import Start
from tests.realtime.peer import Peers


@pytest.fixture(autouse=True)
def _quick_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "TICK_S", 0.02)


async def test_silence_is_pinged_with_the_heads(start: Start, peers: Peers) -> None:
    server = await start(realtime={"heartbeat_s": 0.1, "dead_after_s": 30})
    ada = await server.person()
    rooms = [await ada.makes_room() for _ in range(3)]
    await ada.says(rooms[1], "x", "y")
    peer = await peers.join(ada, *rooms[:2])
    ping = await peer.expect("ping")
    assert {h["room"]: h["seq"] for h in ping["heads"]} == {rooms[0]: 2, rooms[1]: 4}
    # Once until the client is heard of again.
    await peer.send("pong", n=ping["n"])
    following = await peer.expect("ping")
    assert following["n"] > ping["n"]


async def test_pongs_keep_a_socket_and_silence_ends_it(start: Start, peers: Peers) -> None:
    server = await start(realtime={"heartbeat_s": 0.1, "dead_after_s": 0.5})
    ada, bob = await server.person("ada"), await server.person("bob")
    silent, alive = await peers.join(ada), await peers.join(bob)

    async def answer() -> None:
        while True:
            await alive.send("pong", n=(await alive.expect("ping"))["n"])

    answering = asyncio.create_task(answer())
    assert await silent.closed(within=6) == 4008
    assert len(silent.of("ping")) == 1
    answering.cancel()
    assert alive.is_open
    assert len(alive.of("ping")) >= 1


async def test_any_frame_is_a_sign_of_life(start: Start, peers: Peers) -> None:
    server = await start(realtime={"heartbeat_s": 0.1, "dead_after_s": 0.4})
    peer = await peers.join(await server.person())
    for _ in range(6):
        await peer.expect("ping")
        assert (await peer.ask("something"))["code"] == "unknown_type"
    assert peer.is_open
