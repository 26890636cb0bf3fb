"""What an edit, a reaction, and a send with a reply and a mention cost, compared with a send."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import orjson

from bench.ack_load import Workload, closed_loop, open_workload
from bench.benchmark import (
    Benchmark,
    Column,
    Metric,
    Samples,
    Variant,
    fresh_database,
    ratio_metric,
)
from bench.client import CHAT, LoadClient
from bench.environment import BenchEnvironment, Sample

IN_FLIGHT = 32
TARGET = 0.8
EMOJI = "🎉"
VERSIONS = 1000  # the most that the setting takes

MakeFrame = Callable[[int, str, int, str], bytes]  # client, room, number, text
MakeFrames = Callable[[list[int]], MakeFrame]  # from the seq of each client's first message


def _encode(type_: str, number: int, room: str, **fields: Any) -> bytes:
    return orjson.dumps({"type": type_, "id": number, "room": room} | fields)


def plain_sends(_: list[int]) -> MakeFrame:
    def make(_: int, room: str, number: int, text: str) -> bytes:
        return _encode("message.send", number, room, nonce=f"{number:026d}", text=text)

    return make


def answers(seqs: list[int]) -> MakeFrame:
    """With a reply to a message, and a mention of another member."""

    def make(client: int, room: str, number: int, text: str) -> bytes:
        content = {"text": f"@user-{client + 64} {text}", "reply_to": seqs[client]}
        return _encode("message.send", number, room, nonce=f"{number:026d}", **content)

    return make


def edits(seqs: list[int]) -> MakeFrame:
    versions = [itertools.count(1) for _ in seqs]

    def make(client: int, room: str, number: int, text: str) -> bytes:
        content = {"text": f"{number} {text}", "version": next(versions[client])}
        return _encode("message.edit", number, room, seq=seqs[client], **content)

    return make


def reactions(seqs: list[int]) -> MakeFrame:
    """Each client adds its reaction and takes it back in turn."""
    kinds = [itertools.cycle(("reaction.add", "reaction.remove")) for _ in seqs]

    def make(client: int, room: str, number: int, _: str) -> bytes:
        return _encode(next(kinds[client]), number, room, seq=seqs[client], emoji=EMOJI)

    return make


def measure(
    make_frames: MakeFrames, event: bytes
) -> Callable[[BenchEnvironment, str], Awaitable[Sample]]:
    async def run(env: BenchEnvironment, url: str) -> Sample:
        settings = env.settings(url, limits={"max_versions": VERSIONS})
        async with open_workload(env, settings) as workload:
            seqs = await _send_first_messages(workload)
            wire_format = replace(CHAT, event_prefix=b'{"type":"' + event)
            for client in workload.clients:
                client.wire_format, client.events, client.acks = wire_format, 0, 0
            changed = replace(workload, make_frame=make_frames(seqs))
            return await closed_loop(env, changed, IN_FLIGHT)

    return run


async def _send_first_messages(workload: Workload) -> list[int]:
    """The seq of one message of each client, once all members of its room have it."""
    seqs: dict[int, int] = {}

    def ack_handler(sender: int) -> Any:
        def on_ack(_: LoadClient, data: bytes, start: int, end: int) -> None:
            seqs[sender] = orjson.loads(data[start:end])["seq"]

        return on_ack

    senders = range(IN_FLIGHT)
    for sender in senders:
        workload.clients[sender].on_ack = ack_handler(sender)
        workload.send(sender, 10**9 + sender, "the first")
    while sum(client.events for client in workload.clients) < (  # noqa: ASYNC110
        IN_FLIGHT * workload.clients_per_room
    ):
        await asyncio.sleep(0.01)
    return [seqs[sender] for sender in senders]


VARIANTS = {
    "send": ("a send", plain_sends, b'message.created"'),
    "answer": ("a send with a reply and a mention", answers, b'message.created"'),
    "edit": ("an edit", edits, b'message.edited"'),
    "reaction": ("a reaction", reactions, b"reaction."),
}


def metrics(samples: Samples) -> list[Metric]:
    measured: list[Metric] = []
    for name, (label, *_) in VARIANTS.items():
        if name != "send":
            measured += ratio_metric(
                f"{label} at {IN_FLIGHT} in flight, acks per app CPU second, ÷ a send",
                samples,
                "acks_per_cpu_s",
                name,
                "send",
                target=TARGET,
            )
    return measured


BENCHMARK = Benchmark(
    name="message_changes",
    title="Changes of messages",
    about=(
        f"64 rooms with ten clients each, all subscribed. {IN_FLIGHT} clients send, each the next "
        "command after the ack of its last one, about a message that it has sent before."
    ),
    variants=[
        Variant(name, label, measure(make_frames, event))
        for name, (label, make_frames, event) in VARIANTS.items()
    ],
    columns=[
        Column("acks_per_s", "acks per second"),
        Column("acks_per_cpu_s", "acks per app CPU second"),
        Column("acks_per_database_cpu_s", "acks per database CPU second"),
        Column("p99_ms", "p99, ms"),
    ],
    metrics=metrics,
    setup=fresh_database,
)
