"""The heartbeat: pings after silence, pongs, and the end of silent connections."""

import asyncio

import pytest

from app.realtime.connection import heartbeat
from testkit.peer import Peers
from tests.realtime.dedicated_server import StartServer


@pytest.fixture(autouse=True)
def _quick_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "TICK_S", 0.02)


async def test_a_silent_connection_is_pinged_with_the_room_heads(
    start: StartServer, peers: Peers
) -> None:
    server = await start(realtime={"ping_interval_s": 1, "idle_timeout_s": 30})
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


async def test_any_frame_keeps_a_connection_alive_and_silence_closes_it(
    start: StartServer, peers: Peers
) -> None:
    server = await start(realtime={"ping_interval_s": 0.1, "idle_timeout_s": 1.0})
    people = [await server.person(name) for name in ("ada", "bob", "eve")]
    silent, answers, talks = [await peers.join(person) for person in people]

    async def answer() -> None:
        while True:
            await answers.send("pong", n=(await answers.expect("ping"))["n"])

    async def talk() -> None:
        while True:
            await talks.expect("ping")
            assert (await talks.ask("something"))["code"] == "unknown_type"

    living = [asyncio.create_task(answer()), asyncio.create_task(talk())]
    assert await silent.closed() == 4008
    assert len(silent.of("ping")) == 1
    assert not any(task.done() for task in living)
    for task in living:
        task.cancel()
    await asyncio.gather(*living, return_exceptions=True)
    for peer in (answers, talks):
        assert peer.is_open
        assert len(peer.of("ping")) > 1
