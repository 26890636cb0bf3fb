"""Hello with a token: to `welcome` and the list of rooms."""

from bench.case import Arm, Case, Column, Figure, Samples, one
from bench.cases.memory import Crowd, crowd
from bench.client import CHAT_LISTED, Peer, connect, hang_up
from bench.lab import Lab, Sample

AT_ONCE = 64


async def measure(lab: Lab, place: Crowd) -> Sample:
    warm, count = lab.scale(500, 20), lab.scale(5000, 150)
    peers = [Peer(CHAT_LISTED, person.hello()) for person in place.people[: warm + count]]
    async with lab.chat(place.settings) as service:
        try:
            await connect(peers[:warm], service.port, AT_ONCE)
            with lab.metered(service) as used:
                await connect(peers[warm:], service.port, AT_ONCE)
        finally:
            hang_up(peers)
    return used | {
        "hellos_per_s": count / used["seconds"],
        "hellos_per_cpu_s": count / used["server_cpu_s"],
        "expected": float(warm + count),
        "received": float(sum(peer.arrived.done() for peer in peers)),
    }


def figures(samples: Samples) -> list[Figure]:
    return one(
        "hello with a token to welcome + rooms, per app CPU second",
        samples,
        "hello",
        "hellos_per_cpu_s",
        "hellos",
        target=1000.0,
    )


CASE = Case(
    name="hello",
    title="Hello",
    about=(
        "TCP, the WebSocket handshake, `hello` with an access token, `welcome`, and the list of "
        "ten rooms with exact counts; 64 at a time."
    ),
    arms=[Arm("hello", "this server", measure)],
    columns=[
        Column("hellos_per_cpu_s", "hellos per app CPU second"),
        Column("hellos_per_s", "hellos per second"),
    ],
    figures=figures,
    stage=crowd,
)
