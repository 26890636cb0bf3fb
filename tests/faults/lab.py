"""One run: load, faults by a seed, quiet, and the verdict."""

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from testkit.servers.backend import empty
from tests.faults.checker import Violation, check
from tests.faults.clients import Account, Device, Place, Refused, Unanswered, deliver, over_http
from tests.faults.evidence import Badge, Evidence, Send, Tables, read_tables
from tests.faults.faults import FAULTS, Case, Fault
from tests.faults.launcher import LAST_WORDS
from tests.faults.processes import Holds
from tests.faults.stand import SERVERS, Stand

PASSWORD = "correct horse battery"
SENDERS, WANDERERS, ROOMS = 5, 2, 4
PAUSE_S = (0.02, 0.3)  # of a sender between two messages
LONG_TEXT = 2000
PROBE_S = 0.3
WARM_UP_S = 1.5
# After the last fault: what a MariaDB that was killed, a process that starts on a busy machine, and
# a settled COMMIT take together.
SETTLE_S = 90.0
QUIET_S = 25.0  # for the readers, when everything is mended and acked; the sweep takes two
BASELINE_S = 20.0
LATE_S = 15.0  # five times what docs/protocol.md allows: this machine may have much else to do
MOST_GROWTH = 64 * 2**20  # of a process, for caches and buffers that one load fills
TAIL_S = 2.0  # after a fault: still its effect


@dataclass(frozen=True)
class Plan:
    """`seconds` of faults; 0: each fault once. `together`: two at a time. `hold_s`: how long each
    lasts, None: by the dice."""

    seed: int
    faults: Sequence[str]
    seconds: float
    hold_s: float | None = None
    together: bool = False


@dataclass
class Window:
    """One injection."""

    fault: Fault
    began: float
    ended: float = 0.0
    alone: bool = True


@dataclass
class Outcome:
    plan: Plan
    evidence: Evidence
    windows: list[Window]
    tables: Tables = field(default_factory=Tables)
    violations: list[Violation] = field(default_factory=list)
    reconnects: list[tuple[float, int]] = field(default_factory=list)  # (time, so far)
    seconds: float = 0.0

    @property
    def acked(self) -> int:
        return sum(send.seq is not None for send in self.evidence.sends)


@dataclass
class World:
    """Who talks where."""

    place: Place
    accounts: list[Account]
    rooms: dict[str, list[Account]]  # who is a member throughout; the first owns it
    probes: str
    last_words: str
    devices: dict[str, list[Device]] = field(default_factory=dict)

    def speakers(self) -> list[Account]:
        return self.accounts[: SENDERS + WANDERERS]

    def all_devices(self) -> list[Device]:
        return [device for devices in self.devices.values() for device in devices]

    def reconnects(self) -> int:
        return sum(device.reconnects for device in self.all_devices())


async def run(stand: Stand, plan: Plan) -> Outcome:
    """The servers of `stand` run and nobody uses them; so it is afterwards."""
    started = time.time()
    chance = random.Random(plan.seed)
    stand.defects.clear()
    async with stand.sql() as connection:
        await empty(connection)
    before = await stand.holds()
    outcome = Outcome(plan, Evidence(), [])
    limits = httpx.Limits(max_keepalive_connections=20)
    async with httpx.AsyncClient(timeout=10, limits=limits) as http:
        place = Place(stand, outcome.evidence, chance, http)
        world = await _people(place)
        async with _running(_devices(world)):
            await _until(lambda: _is_open(world), SETTLE_S)
            async with _running(_load(world)) as load:
                await asyncio.sleep(WARM_UP_S)
                async with _running([_watch(world, outcome)]):
                    await _inject(world, plan, outcome)
                    await _mend(stand)
                    place.over.set()
                    await asyncio.wait(load, timeout=SETTLE_S)
            await _quiet(world, outcome)
            outcome.reconnects.append((time.time(), world.reconnects()))
    outcome.violations += late(outcome)
    outcome.violations += await _left_behind(stand, before)
    outcome.violations += [Violation("defect", line) for line in stand.defects]
    outcome.seconds = time.time() - started
    return outcome


# Setting up.


async def _people(place: Place) -> World:
    """Accounts and rooms, over HTTP."""
    accounts = await asyncio.gather(
        *(_account(place, f"p{n}") for n in range(SENDERS + WANDERERS + 1))
    )
    senders, prober = accounts[:SENDERS], accounts[-1]
    rooms: dict[str, list[Account]] = {}
    for number in range(ROOMS):
        members = senders[number:] + senders[:number]
        rooms[await _room(place, f"Room {number}", members)] = members
    probes = await _room(place, "Probes", [prober])
    last_words = await _room(place, "Last words", [prober])
    return World(place, list(accounts), rooms, probes, last_words)


async def _account(place: Place, name: str) -> Account:
    username = f"{name}-{uuid4().hex[:8]}"
    made = await place.insist(
        None, "POST", "/auth/register", json={"username": username, "password": PASSWORD}
    )
    form = {"grant_type": "password", "username": username, "password": PASSWORD}
    token = await place.insist(None, "POST", "/auth/token", data=form)
    return Account(made.json()["id"], username, token.json()["access_token"])


async def _room(place: Place, name: str, members: list[Account]) -> str:
    body = {"kind": "private", "name": name, "members": [m.id for m in members[1:]]}
    room: str = (await place.insist(members[0], "POST", "/rooms", json=body)).json()["id"]
    return room


def _devices(world: World) -> list[Awaitable[None]]:
    """Two for everybody, one on each server; each has one room that it never opens."""
    names = sorted(world.rooms)
    for account in world.accounts:
        is_prober = account is world.accounts[-1]
        world.devices[account.id] = [
            Device(
                world.place,
                account,
                server,
                frozenset() if is_prober else frozenset([world.place.chance.choice(names)]),
                stays=is_prober,
            )
            for server in range(SERVERS)
        ]
    return [device.run() for device in world.all_devices()]


def _is_open(world: World) -> bool:
    members = [*world.accounts[:SENDERS], world.accounts[-1]]
    return all(
        device.is_connected and all(reading.is_open for reading in device.readings.values())
        for member in members
        for device in world.devices[member.id]
    )


# Load.


def _load(world: World) -> list[Awaitable[None]]:
    return [
        *(_speak(world, account) for account in world.speakers()),
        *(_wander(world, account) for account in world.accounts[SENDERS : SENDERS + WANDERERS]),
        *(_mark(world, account) for account in world.speakers()),
        _probe(world),
    ]


async def _speak(world: World, account: Account) -> None:
    """One message after the other, where the account is a member, or may be one."""
    place, rooms = world.place, sorted(world.rooms)
    while not place.over.is_set():
        room = place.chance.choice(rooms)
        send = Send(
            room,
            account.id,
            uuid4().hex,
            "x" * place.chance.choice((1, 20, 20, 200, LONG_TEXT)),
            time.time(),
            is_member=account in world.rooms[room],
        )
        await deliver(place, account, send, world.devices[account.id])
        await asyncio.sleep(place.chance.uniform(*PAUSE_S))


async def _wander(world: World, account: Account) -> None:
    """Added to a room and removed from it, again and again."""
    place, rooms = world.place, sorted(world.rooms)
    while not place.over.is_set():
        room = place.chance.choice(rooms)
        owner = world.rooms[room][0]
        await place.insist(owner, "POST", f"/rooms/{room}/members", json={"users": [account.id]})
        await asyncio.sleep(place.chance.uniform(0.1, 2))
        if place.chance.random() < 0.8:
            try:
                await place.insist(owner, "DELETE", f"/rooms/{room}/members/{account.id}")
            except Refused as refused:
                if refused.code != "not_found":  # done by an attempt whose answer was lost
                    place.complain("false failure", f"removal: {refused}")
        await asyncio.sleep(place.chance.uniform(0.1, 1))


async def _mark(world: World, account: Account) -> None:
    while not world.place.over.is_set():
        await asyncio.sleep(world.place.chance.uniform(0.5, 1.5))
        await world.place.chance.choice(world.devices[account.id]).mark_read()


async def _probe(world: World) -> None:
    """In a room where else nobody speaks: what is lost there has no successor that would show it,
    if a fault ends this too."""
    place, prober = world.place, world.accounts[-1]
    while not place.over.is_set():
        send = Send(world.probes, prober.id, uuid4().hex, "probe", time.time())
        await deliver(place, prober, send, world.devices[prober.id])
        await asyncio.sleep(place.chance.choice((PROBE_S, PROBE_S, 10 * PROBE_S)))


async def _say_last_words(world: World, server: int) -> None:
    """One message that this server is to commit, whoever acks it then; nothing else is said there
    before the next time."""
    place, prober = world.place, world.accounts[-1]
    text = LAST_WORDS.decode()
    send = Send(world.last_words, prober.id, uuid4().hex, text, time.time())
    with suppress(Unanswered, Refused):
        await over_http(place, prober, send, server)
    await deliver(place, prober, send, [])


# Faults.


async def _inject(world: World, plan: Plan, outcome: Outcome) -> None:
    """In rounds: each fault once, in an order by the dice. Together: on two tracks, which never
    break the same thing at once."""
    chance = random.Random(plan.seed)
    clock = asyncio.get_running_loop().time
    until = clock() + plan.seconds
    waiting: list[Fault] = []
    broken: set[str] = set()
    rounds = itertools.count()

    def take() -> Fault | None:
        """The next one that can come now. None: there is no more."""
        if plan.seconds and clock() + (plan.hold_s or 0) > until:
            return None
        if not waiting and (plan.seconds or next(rounds) == 0):
            waiting.extend(FAULTS[name] for name in plan.faults)
            chance.shuffle(waiting)
        found = next((fault for fault in waiting if fault.target not in broken), None)
        if found:
            waiting.remove(found)
        return found

    async def track() -> None:
        while (fault := take()) or (waiting and broken):
            if fault is None:
                await asyncio.sleep(0.1)  # what waits breaks what the other track has broken
                continue
            broken.add(fault.target)
            await _one(world, fault, plan, chance, outcome)
            broken.discard(fault.target)
            await asyncio.sleep(chance.uniform(0.3, 1.5))

    await asyncio.gather(*(track() for _ in range(2 if plan.together else 1)))


async def _one(
    world: World, fault: Fault, plan: Plan, chance: random.Random, outcome: Outcome
) -> None:
    hold_s = plan.hold_s or chance.uniform(0.5, 4)
    window = Window(fault, time.time(), alone=not plan.together)
    outcome.windows.append(window)
    dice = random.Random(chance.random())

    async def say_last_words(server: int) -> None:
        await _say_last_words(world, server)

    case = Case(world.place.stand, dice, hold_s, world.probes, say_last_words)
    await fault.inject(case)
    window.ended = time.time()


async def _mend(stand: Stand) -> None:
    for proxy in (*stand.databases, *stand.brokers, *stand.gates):
        proxy.mend()
    for number, server in enumerate(stand.servers):
        if not server.runs:
            stand.defects.append(f"server {number} has ended by itself")
            await stand.start(number)


async def _watch(world: World, outcome: Outcome) -> None:
    while True:
        outcome.reconnects.append((time.time(), world.reconnects()))
        await asyncio.sleep(0.5)


# The verdict.


async def _quiet(world: World, outcome: Outcome) -> None:
    """Wait until everything that should come has come, and say what has not."""
    clock = asyncio.get_running_loop().time
    until = clock() + QUIET_S
    while True:
        async with world.place.stand.sql() as connection:
            outcome.tables = await read_tables(connection)
        devices = world.all_devices()
        outcome.evidence.badges = [b for device in devices for b in device.badges.values()]
        outcome.evidence.badges += await _over_http(world)
        found = check(outcome.evidence, outcome.tables)
        if not found or clock() > until:
            outcome.violations += found
            return
        await asyncio.sleep(0.5)


def late(outcome: Outcome) -> list[Violation]:
    """What reached a socket that had its room open all the time, and long after anything that could
    have kept it: something repairs in the end, and what should have repaired it has not."""
    found = []
    for reading in outcome.evidence.readings:
        times = outcome.tables.times.get(reading.room, {})
        for opening in reading.openings:
            for seq, received in opening.received.items():
                at = times.get(seq, received)
                broken = [w.ended for w in outcome.windows if w.began <= received and w.ended >= at]
                waited = received - max([at, *broken])
                if at > opening.at and waited > LATE_S:
                    name = f"{seq} of {reading.room} to {reading.user}"
                    found.append(Violation("late", f"{name}: {waited:.1f} s"))
    return found


async def _over_http(world: World) -> list[Badge]:
    """The counts that the list of rooms has."""
    found = []
    for account in world.accounts:
        answer: Any = await world.place.insist(account, "GET", "/rooms")
        found += [
            Badge(account.id, room["id"], room["seq"], room["read_seq"], room["unread"])
            for room in answer.json()["items"]
        ]
    return found


async def _left_behind(stand: Stand, before: Sequence[Holds]) -> list[Violation]:
    """Without clients the servers hold what they held before the first came."""
    clock = asyncio.get_running_loop().time
    until = clock() + BASELINE_S
    while True:
        after = await stand.holds()
        found = [v for pair in zip(before, after, strict=True) for v in _growth(*pair)]
        if open_ones := await stand.transactions():
            found.append(Violation("left open", f"{open_ones} transactions"))
        if not found or clock() > until:
            return found
        await asyncio.sleep(0.5)


def _growth(before: Holds, after: Holds) -> list[Violation]:
    found = []
    if more := Counter(after.tasks) - Counter(before.tasks):
        found.append(Violation("leaked task", f"{dict(more)}"))
    if after.connections:
        found.append(Violation("leaked connection", f"{after.connections} in use"))
    if after.memory > before.memory + MOST_GROWTH:
        grown = (after.memory - before.memory) >> 20
        found.append(Violation("leaked memory", f"{grown} MiB more than before"))
    return found


@asynccontextmanager
async def _running(work: Sequence[Awaitable[None]]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Tasks that end with the block. One that fails is a defect of the laboratory, and raises."""
    tasks: list[asyncio.Task[None]] = [asyncio.ensure_future(one) for one in work]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception) and not isinstance(result, Unanswered):
                raise result


async def _until(condition: Any, within_s: float) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110  # several clients have to come to it
            await asyncio.sleep(0.05)
