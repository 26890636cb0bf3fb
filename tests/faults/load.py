"""The load of a fault-injection run: accounts that send, reply, read, schedule, come and go, and
change messages and rooms."""

import asyncio
import time
from collections.abc import Awaitable, Set
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.faults.clients import Device
from tests.faults.context import Account, RequestRejected, RunContext, Unanswered
from tests.faults.history import Send
from tests.faults.message_load import MessageChanger
from tests.faults.scheduled_load import schedule_loop
from tests.faults.sends import deliver
from tests.faults.thread_load import choose_root, thread_loop

SENDERS, MOVERS, READERS = 5, 2, 1
MAX_FURTHER_ROOMS = 20
PAUSE_S = (0.02, 0.3)  # between two messages of a sender
REPLIES = 0.3  # of all messages
LONG_TEXT = 2000
PROBE_S = 0.3


@dataclass
class Workload:
    """Accounts, their rooms and their devices."""

    context: RunContext
    accounts: list[Account]
    rooms: dict[str, list[Account]]  # members throughout the run; the first is the owner
    probes: str
    crash_room: str
    devices: dict[str, list[Device]] = field(default_factory=dict)
    away: list[Device] = field(default_factory=list)  # during most of the load
    # With their owners: rooms in which nobody sends.
    further_rooms: dict[str, Account] = field(default_factory=dict)
    archived_rooms: dict[str, Account] = field(default_factory=dict)  # now and then

    def senders(self) -> list[Account]:
        return self.accounts[: SENDERS + MOVERS]

    def changers(self) -> list[Account]:
        """The senders, and readers who send nothing: what is unread is counted in another way."""
        return self.accounts[: SENDERS + MOVERS + READERS]

    def all_devices(self) -> list[Device]:
        return [device for devices in self.devices.values() for device in devices]

    def forget_rooms(self, existing: Set[str]) -> None:
        """Forget what does not exist any more: a restore has lost it."""
        for rooms in (self.further_rooms, self.archived_rooms):
            for room in rooms.keys() - existing:
                del rooms[room]

    def reconnects(self) -> int:
        return sum(device.reconnects for device in self.all_devices())


def load(workload: Workload) -> list[Awaitable[None]]:
    context = workload.context
    return [
        *(_send_loop(workload, account) for account in workload.senders()),
        *(
            _join_leave_loop(workload, account)
            for account in workload.accounts[SENDERS : SENDERS + MOVERS]
        ),
        *(_marker_loop(workload, account) for account in workload.changers()),
        *(_make_changer(workload, account).run() for account in workload.changers()),
        *(
            thread_loop(context, account, workload.devices[account.id])
            for account in workload.changers()
        ),
        *(
            schedule_loop(context, account, sorted(workload.rooms))
            for account in workload.accounts[:SENDERS]
        ),
        _change_loop(workload),
        _probe_loop(workload),
    ]


async def _send_loop(workload: Workload, account: Account) -> None:
    """Send one message after the other in random rooms, with or without a membership, some of them
    in threads."""
    context, rooms = workload.context, sorted(workload.rooms)
    devices = workload.devices[account.id]
    while not context.stopping.is_set():
        room = context.rng.choice(rooms)
        root = choose_root(context, devices, room) if context.rng.random() < REPLIES else None
        send = Send(
            room,
            account.id,
            uuid4().hex,
            _text(workload),
            time.time(),
            is_member=account in workload.rooms[room],
            thread=root,
            also_in_room=root is not None and context.rng.random() < 0.3,
        )
        await deliver(context, account, send, devices)
        await asyncio.sleep(context.rng.uniform(*PAUSE_S))


def _make_changer(workload: Workload, account: Account) -> MessageChanger:
    owners = {room: members[0] for room, members in workload.rooms.items()}
    return MessageChanger(workload.context, account, workload.devices[account.id], owners)


def _text(workload: Workload) -> str:
    """Some mention somebody, who may be no member."""
    rng = workload.context.rng
    text = "x" * rng.choice((1, 20, 20, 200, LONG_TEXT))
    return f"{text} @{rng.choice(workload.senders()).name}" if rng.random() < 0.3 else text


async def _join_leave_loop(workload: Workload, account: Account) -> None:
    """Add the account to rooms and remove it, repeatedly."""
    context, rooms = workload.context, sorted(workload.rooms)
    while not context.stopping.is_set():
        room = context.rng.choice(rooms)
        owner = workload.rooms[room][0]
        await context.retry_until_done(
            owner, "POST", f"/rooms/{room}/members", json={"users": [account.id]}
        )
        await asyncio.sleep(context.rng.uniform(0.1, 2))
        if context.rng.random() < 0.8:
            try:
                await context.retry_until_done(
                    owner, "DELETE", f"/rooms/{room}/members/{account.id}"
                )
            except RequestRejected as rejection:
                if rejection.code != "not_found":  # done by an attempt whose response was lost
                    context.record_violation("false refusal", f"removal: {rejection}")
        await asyncio.sleep(context.rng.uniform(0.1, 1))


async def _marker_loop(workload: Workload, account: Account) -> None:
    """Move read markers forward, and those of some accounts anywhere."""
    rng = workload.context.rng
    while not workload.context.stopping.is_set():
        await asyncio.sleep(rng.uniform(0.3, 1.5))
        device = rng.choice(workload.devices[account.id])
        if device.marks_unread and rng.random() < 0.5:
            await device.mark_unread()
        else:
            await device.mark_read()


async def _change_loop(workload: Workload) -> None:
    """Change what lists of rooms show: names, topics, roles, and rooms that come and go."""
    context, rng = workload.context, workload.context.rng
    changes = [_edit, _edit, _set_role, _add_room, _archive_or_restore, _come_or_go]
    while not context.stopping.is_set():
        await asyncio.sleep(rng.uniform(0.1, 1))
        with suppress(Unanswered, RequestRejected):  # of which the caller has made a note
            await rng.choice(changes)(workload)


async def _edit(workload: Workload) -> None:
    context, rng = workload.context, workload.context.rng
    room = rng.choice(sorted(workload.rooms))
    body = {rng.choice(("name", "topic")): f"Changed {uuid4().hex}"}
    await context.call(workload.rooms[room][0], "PATCH", f"/rooms/{room}", json=body)


async def _set_role(workload: Workload) -> None:
    """Of a member who is not the owner, and does not remove anybody."""
    context, rng = workload.context, workload.context.rng
    room = rng.choice(sorted(workload.rooms))
    owner, *members = workload.rooms[room]
    path = f"/rooms/{room}/members/{rng.choice(members).id}"
    await context.call(owner, "PATCH", path, json={"role": rng.choice(("admin", "member"))})


async def _add_room(workload: Workload) -> None:
    context, rng = workload.context, workload.context.rng
    if len(workload.further_rooms) + len(workload.archived_rooms) >= MAX_FURTHER_ROOMS:
        return
    owner, *others = rng.sample(workload.senders(), 4)
    kind = rng.choice(("public", "private", "group", "direct"))
    body: dict[str, Any] = {"kind": kind, "members": [other.id for other in others]}
    if kind == "direct":
        body["members"] = body["members"][:1]
    elif kind != "group":
        body["name"] = f"Further {uuid4().hex}"
    room = (await context.call(owner, "POST", "/rooms", json=body)).json()
    if kind != "direct":
        kept = rng.choice((workload.further_rooms, workload.archived_rooms))
        kept[room["id"]] = owner


async def _archive_or_restore(workload: Workload) -> None:
    context, rng = workload.context, workload.context.rng
    if workload.archived_rooms:
        room = rng.choice(sorted(workload.archived_rooms))
        owner, body = workload.archived_rooms[room], {"archived": rng.random() < 0.5}
        await context.call(owner, "PATCH", f"/rooms/{room}", json=body)


async def _come_or_go(workload: Workload) -> None:
    context, rng = workload.context, workload.context.rng
    if workload.further_rooms:
        room = rng.choice(sorted(workload.further_rooms))
        owner = workload.further_rooms[room]
        who = rng.choice([one for one in workload.senders() if one is not owner])
        if rng.random() < 0.5:
            await context.call(owner, "POST", f"/rooms/{room}/members", json={"users": [who.id]})
        else:
            await context.call(who, "POST", f"/rooms/{room}/leave")


async def _probe_loop(workload: Workload) -> None:
    """Send in a room without other senders: no later message reveals a lost one."""
    context, prober = workload.context, workload.accounts[-1]
    while not context.stopping.is_set():
        send = Send(workload.probes, prober.id, uuid4().hex, "probe", time.time())
        await deliver(context, prober, send, workload.devices[prober.id])
        await asyncio.sleep(context.rng.choice((PROBE_S, PROBE_S, 10 * PROBE_S)))
