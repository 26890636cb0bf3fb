"""The heartbeat: pings after silence, pongs, and the end of silent connections."""

import asyncio
from uuid import UUID

import pytest

from app.realtime.connection import heartbeat
from app.realtime.hub.connection import Connection
from testkit.peer import Peers
from testkit.waiting import eventually
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
    server = await start(realtime={"ping_interval_s": 0.1, "idle_timeout_s": 600})
    people = [await server.person(name) for name in ("ada", "bob", "eve")]
    silent, answers, talks = [await peers.join(person) for person in people]
    ends = [end for person in people for end in server.hub.by_user[UUID(person.id)]]

    def silence_s(end: Connection) -> float:
        return asyncio.get_running_loop().time() - end.last_received_at

    for _ in range(2):  # as if the time had passed: no client would be slow enough on some machine
        for end in ends:
            end.last_received_at -= 300
        await answers.send("pong", n=(await answers.expect("ping"))["n"])
        await talks.expect("ping")
        assert (await talks.ask("something"))["code"] == "unknown_type"
        await eventually(lambda: all(silence_s(end) < 300 for end in ends[1:]))
    assert await silent.closed() == 4008
    assert len(silent.of("ping")) == 1
    assert answers.is_open
    assert talks.is_open
