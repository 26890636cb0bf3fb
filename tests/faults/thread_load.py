"""Threads in a fault-injection run: roots of replies, followers and their markers."""

import asyncio
from collections.abc import Sequence

from testkit.message_replica import Message
from tests.faults.clients import Device
from tests.faults.context import Account, RunContext
from tests.faults.history import Following, RoomReplica, ThreadMarker
from tests.faults.sends import attempt

PAUSE_S = (0.3, 1.5)  # between two changes of an account
NEWEST_THREADS = 4  # in which most replies are, so that threads become long
NEWEST_ROOTS = 20
NEW_THREADS = 0.1


async def thread_loop(context: RunContext, account: Account, devices: Sequence[Device]) -> None:
    """Follow threads or not, and read them."""
    rng = context.rng
    while not context.stopping.is_set():
        await asyncio.sleep(rng.uniform(*PAUSE_S))
        device = rng.choice(devices)
        room = device.choose_open_room()
        threads = _threads(device.replicas[room]) if room else []
        if room and threads:
            step = rng.choice((_follow, _read, _read, _read))
            await step(context, account, device.replicas[room], rng.choice(threads)["seq"])


def choose_root(context: RunContext, devices: Sequence[Device], room: str) -> int | None:
    """A message that a device knows: mostly one with replies. None: there is none."""
    rng = context.rng
    replica = rng.choice(devices).replicas.get(room)
    if replica is None:
        return None
    threads = _threads(replica)
    roots = threads if threads and rng.random() > NEW_THREADS else _roots(replica)[-NEWEST_ROOTS:]
    return int(rng.choice(roots)["seq"]) if roots else None


def _threads(replica: RoomReplica) -> list[Message]:
    return [root for root in _roots(replica) if "thread_summary" in root][-NEWEST_THREADS:]


def _roots(replica: RoomReplica) -> list[Message]:
    """Messages that can be replied to."""
    messages = replica.messages.messages.values()
    return [m for m in messages if "thread" not in m and "deletion" not in m]


async def _follow(context: RunContext, account: Account, replica: RoomReplica, root: int) -> None:
    present = context.rng.random() < 0.5
    following = Following(replica.room, account.id, root, present)
    path = f"/rooms/{replica.room}/threads/{root}/follow"
    await attempt(
        context, following, lambda: context.call(account, "PUT" if present else "DELETE", path)
    )


async def _read(context: RunContext, account: Account, replica: RoomReplica, root: int) -> None:
    """Up to somewhere in what the device has of the room."""
    seq = context.rng.randint(root, max(root, replica.position))
    marker = ThreadMarker(replica.room, account.id, root, 0)
    path = f"/rooms/{replica.room}/threads/{root}/read"

    async def mark() -> None:
        thread = (await context.call(account, "PUT", path, json={"seq": seq})).json()
        marker.seq = thread["read_seq"]

    await attempt(context, marker, mark)
