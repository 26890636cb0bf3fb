"""A client that was away for many changes of messages comes back with its position, and then has
exactly the messages that a new client reads, in every field."""

from collections.abc import Mapping
from typing import Any

import pytest

from testkit.message_replica import MessageReplica, differences
from tests.realtime.dedicated_server import DedicatedServer, StartServer
from tests.realtime.message_changes import STEPS, MessageChanges
from tests.realtime.message_client import MessageClient, read_anew

ANOTHER_EPOCH = "anotherEpoch"


async def prepare(
    start: StartServer, seed: int, replica_class: type[MessageReplica] = MessageReplica
) -> tuple[MessageChanges, MessageClient]:
    """Changes of a room, and a client that has read its newest page."""
    server = await start()
    changes = await make_changes(server, seed)
    client = MessageClient(changes.people[1], changes.room, replica_class)
    await changes.apply(400)
    assert await client.come() == "ok"
    return changes, client


async def make_changes(server: DedicatedServer, seed: int) -> MessageChanges:
    names = ("owner", "ada", "bob", "eve", "kim", "lee", "max", "noa")
    owner, *others = [await server.person(name) for name in names]
    room = await owner.makes_room("private", *others)
    return MessageChanges(server.running.context.database, room, [owner, *others], seed)


async def compare(client: MessageClient) -> list[str]:
    return differences(client.replica, await read_anew(client))


async def test_a_client_that_was_away_for_10000_changes_has_the_messages_of_a_new_one(
    start: StartServer,
) -> None:
    """It pages the range that the catch-up skips."""
    changes, client = await prepare(start, seed=1)
    before = dict(client.replica.messages)
    await changes.apply(10_000)
    assert await client.come() == "limited"
    assert await compare(client) == []
    assert all(changes.done[name] > 5 for name in STEPS), changes.done
    after = client.replica.messages
    assert [seq for seq in before if "deletion" in after[seq]]
    assert [seq for seq in before if "edit" in after[seq] and after[seq] != before[seq]]
    assert client.replica.reacted
    assert client.replica.pins
    assert client.replica.quotes


async def test_a_client_that_comes_back_often_has_the_messages_of_a_new_one(
    start: StartServer,
) -> None:
    changes, client = await prepare(start, seed=2)
    states = set()
    for events in (1, 5, 60, 300, 5, 30):
        await changes.apply(events)
        states.add(await client.come())
        assert await compare(client) == []
    assert states == {"ok", "limited"}


async def test_a_client_whose_position_is_reset_has_the_messages_of_a_new_one(
    start: StartServer,
) -> None:
    changes, client = await prepare(start, seed=4)
    await changes.apply(1000)
    client.epoch = ANOTHER_EPOCH
    assert await client.come() == "reset"
    assert await compare(client) == []
    await changes.apply(100)
    assert await client.come() in {"ok", "limited"}
    assert await compare(client) == []


class WithoutDeletions(MessageReplica):
    def apply(self, event: Mapping[str, Any]) -> None:
        if event["type"] != "messages.deleted":
            super().apply(event)


class WithoutOwnReactions(MessageReplica):
    def _note_reaction(self, event: Mapping[str, Any]) -> None:
        pass


class WithoutEdits(MessageReplica):
    def apply(self, event: Mapping[str, Any]) -> None:
        if event["type"] != "message.edited":
            super().apply(event)


class WithoutUnpinning(MessageReplica):
    def apply(self, event: Mapping[str, Any]) -> None:
        kept = dict(self.pins)
        super().apply(event)
        self.pins = kept | self.pins


@pytest.mark.parametrize(
    ("replica_class", "detected"),
    [
        (WithoutDeletions, {"messages deletion", "messages text"}),
        (WithoutOwnReactions, {"reacted"}),
        (WithoutEdits, {"messages edit", "messages text"}),
        (WithoutUnpinning, {"pins pin"}),
    ],
)
async def test_the_comparison_detects_a_client_that_ignores_a_kind_of_event(
    start: StartServer, replica_class: type[MessageReplica], detected: set[str]
) -> None:
    """It could not fail otherwise. Events come live: a replay has the messages as they are now."""
    changes, client = await prepare(start, 5, replica_class)
    for _ in range(20):
        await changes.apply(30)
        await client.come()
    assert detected <= {kind(line) for line in await compare(client)}


def kind(line: str) -> str:
    """The part and the field of a difference."""
    part, _, rest = line.partition(" ")
    name = rest.split()[1].rstrip(":")
    return part if part == "reacted" else f"{part} {name}"
