"""One run: a workload, faults chosen by a seed, recovery, and the check of the history."""

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence, Set
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from tests.faults.away_device import AwayDevice
from tests.faults.checker import check
from tests.faults.clients import Device
from tests.faults.cluster import SERVERS, Cluster
from tests.faults.context import Account, RequestRejected, RunContext, Unanswered
from tests.faults.faults import EVERYTHING, FAULTS, Fault, Injection
from tests.faults.fresh_rooms import FreshReader
from tests.faults.history import History, Restore, RoomListing, Send, Subscription
from tests.faults.launcher import CRASH_MARKER
from tests.faults.leaks import find_leaks
from tests.faults.load import MOVERS, READERS, SENDERS, Workload, load
from tests.faults.room_list import listed_room
from tests.faults.sends import deliver, over_http
from tests.faults.table_reads import read_tables
from tests.faults.tables import Tables, Violation

PASSWORD = "correct horse battery"
ROOMS = 4
AWAY_DEVICES = 3  # of each account
WARM_UP_S = 1.5
# After the last fault: enough for a MariaDB that was killed, a process that starts on a busy
# machine, and a COMMIT with unknown outcome together.
RECOVERY_S = 90.0
DELIVERY_S = 25.0  # for deliveries after everything is healed and acked; a change poll takes two
LATE_S = 15.0  # five times what docs/protocol.md allows, because the machine may be busy
TAIL_S = 2.0  # after a fault, in which effects still count as its own


@dataclass(frozen=True)
class FaultPlan:
    """Inject faults for `seconds` (0: each fault once), two at a time if `together`. `hold_s` is
    the duration of each fault (None: random)."""

    seed: int
    faults: Sequence[str]
    seconds: float
    hold_s: float | None = None
    together: bool = False


@dataclass
class FaultWindow:
    """The time in which one fault was injected."""

    fault: Fault
    began: float
    ended: float = 0.0
    alone: bool = True


@dataclass
class RunResult:
    plan: FaultPlan
    history: History
    windows: list[FaultWindow]
    tables: Tables = field(default_factory=Tables)
    violations: list[Violation] = field(default_factory=list)
    reconnects: list[tuple[float, int]] = field(default_factory=list)  # (time, so far)
    seconds: float = 0.0

    @property
    def acked(self) -> int:
        return sum(send.seq is not None for send in self.history.sends)

    def times(self, subscription: Subscription, room: str) -> dict[int, float]:
        """When the events of the room were committed, in the epoch of the subscription."""
        tables = self.history.tables_of(subscription.epoch, self.tables)
        return tables.times.get(room, {})


async def run(cluster: Cluster, plan: FaultPlan) -> RunResult:
    """Run a plan on a cluster without clients; afterwards it has no clients either."""
    started = time.time()
    rng = random.Random(plan.seed)
    cluster.defects.clear()
    before = await cluster.resource_usage()
    result = RunResult(plan, History(), [])
    limits = httpx.Limits(max_keepalive_connections=20)
    async with httpx.AsyncClient(timeout=10, limits=limits) as http:
        context = RunContext(cluster, result.history, rng, http)
        workload = await _create_workload(context)
        async with _running(_devices(workload)):
            await _wait_for(lambda: _is_open(workload), RECOVERY_S)
            async with _running(load(workload)) as loops:
                await asyncio.sleep(WARM_UP_S)
                async with _running([_watch(workload, result)]):
                    await _inject(workload, plan, result)
                    await _heal(cluster)
                    context.stopping.set()
                    await asyncio.wait(loops, timeout=RECOVERY_S)
            await _wait_until_consistent(workload, result)
            result.reconnects.append((time.time(), workload.reconnects()))
    result.violations += late_deliveries(result)
    result.violations += await find_leaks(cluster, before)
    result.violations += [Violation("defect", line) for line in cluster.defects]
    result.seconds = time.time() - started
    return result


# Setting up.


async def _create_workload(context: RunContext) -> Workload:
    """Create accounts and rooms over HTTP."""
    accounts = await asyncio.gather(
        *(_account(context, f"p{n}") for n in range(SENDERS + MOVERS + READERS + 1))
    )
    senders, readers, prober = accounts[:SENDERS], accounts[-1 - READERS : -1], accounts[-1]
    rooms: dict[str, list[Account]] = {}
    for number in range(ROOMS):
        members = senders[number:] + senders[:number] + readers
        rooms[await _room(context, f"Room {number}", members)] = members
    probes = await _room(context, "Probes", [prober])
    crash_room = await _room(context, "Crashes", [prober])
    return Workload(context, list(accounts), rooms, probes, crash_room)


async def _account(context: RunContext, name: str) -> Account:
    username = f"{name}-{uuid4().hex[:8]}"
    made = await context.retry_until_done(
        None, "POST", "/auth/register", json={"username": username, "password": PASSWORD}
    )
    form = {"grant_type": "password", "username": username, "password": PASSWORD}
    token = await context.retry_until_done(None, "POST", "/auth/token", data=form)
    return Account(made.json()["id"], username, token.json()["access_token"])


async def _room(context: RunContext, name: str, members: list[Account]) -> str:
    body = {"kind": "private", "name": name, "members": [m.id for m in members[1:]]}
    room: str = (await context.retry_until_done(members[0], "POST", "/rooms", json=body)).json()[
        "id"
    ]
    return room


def _devices(workload: Workload) -> list[Awaitable[None]]:
    """Every account has a device on each server; each device leaves one room closed."""
    names = sorted(workload.rooms)
    for number, account in enumerate(workload.accounts):
        is_prober = account is workload.accounts[-1]
        workload.devices[account.id] = [
            Device(
                workload.context,
                account,
                server,
                frozenset() if is_prober else frozenset([workload.context.rng.choice(names)]),
                keeps_server=is_prober,
                marks_unread=number % 2 == 1,
            )
            for server in range(SERVERS)
        ]
    workload.away = [
        AwayDevice(workload.context, account, number % SERVERS)
        for account in workload.senders()
        for number in range(AWAY_DEVICES)
    ]
    return [device.run() for device in (*workload.all_devices(), *workload.away)]


def _is_open(workload: Workload) -> bool:
    members = [*workload.accounts[:SENDERS], workload.accounts[-1]]
    return all(
        device.is_connected and all(replica.is_open for replica in device.replicas.values())
        for member in members
        for device in workload.devices[member.id]
    )


async def _send_crash_marker(workload: Workload, server: int) -> None:
    """Send one message that this server commits; any server may ack it. The room has no other
    messages until the next call."""
    context, prober = workload.context, workload.accounts[-1]
    text = CRASH_MARKER.decode()
    send = Send(workload.crash_room, prober.id, uuid4().hex, text, time.time())
    with suppress(Unanswered, RequestRejected):
        await over_http(context, prober, send, server)
    await deliver(context, prober, send, [])


# Faults.


async def _inject(workload: Workload, plan: FaultPlan, result: RunResult) -> None:
    """Inject the faults in rounds, each once per round in random order. If `together`, two tracks
    run at once and never break the same component."""
    rng = random.Random(plan.seed)
    clock = asyncio.get_running_loop().time
    until = clock() + plan.seconds
    waiting: list[Fault] = []
    broken: set[str] = set()
    rounds = itertools.count()

    def take() -> Fault | None:
        """The next fault that can be injected now, or None."""
        if plan.seconds and clock() + (plan.hold_s or 0) > until:
            return None
        if not waiting and (plan.seconds or next(rounds) == 0):
            waiting.extend(FAULTS[name] for name in plan.faults)
            rng.shuffle(waiting)
        found = next_fault(waiting, broken)
        if found:
            waiting.remove(found)
        return found

    async def track() -> None:
        while (fault := take()) or (waiting and broken):
            if fault is None:
                await asyncio.sleep(0.1)  # the waiting faults break what the other track has broken
                continue
            broken.add(fault.component)
            await _inject_one(workload, fault, plan, rng, result)
            broken.discard(fault.component)
            await asyncio.sleep(rng.uniform(0.3, 1.5))

    await asyncio.gather(*(track() for _ in range(2 if plan.together else 1)))


def next_fault(waiting: Sequence[Fault], broken: Set[str]) -> Fault | None:
    """The first fault that can be injected now. One that breaks everything waits until nothing else
    is broken, and those after it wait for it."""
    for fault in waiting:
        if fault.component == EVERYTHING:
            return None if broken else fault
        if not broken & {fault.component, EVERYTHING}:
            return fault
    return None


async def _inject_one(
    workload: Workload, fault: Fault, plan: FaultPlan, rng: random.Random, result: RunResult
) -> None:
    hold_s = plan.hold_s or rng.uniform(0.5, 4)
    window = FaultWindow(fault, time.time(), alone=not plan.together)
    result.windows.append(window)
    own_rng = random.Random(rng.random())

    async def send_crash_marker(server: int) -> None:
        await _send_crash_marker(workload, server)

    @contextmanager
    def devices_away() -> Iterator[None]:
        devices = workload.all_devices()
        away = own_rng.sample(devices, len(devices) // 2)
        for device in away:
            device.may_connect.clear()
        try:
            yield
        finally:
            for device in away:
                device.may_connect.set()

    def on_restore(restore: Restore) -> None:
        result.history.restores.append(restore)
        workload.forget_rooms(restore.kept.heads.keys())

    injection = Injection(
        workload.context.cluster,
        own_rng,
        hold_s,
        workload.probes,
        send_crash_marker,
        devices_away,
        on_restore,
    )
    await fault.inject(injection)
    window.ended = time.time()


async def _heal(cluster: Cluster) -> None:
    for proxy in (*cluster.databases, *cluster.brokers, *cluster.gates):
        proxy.heal()
    for number, server in enumerate(cluster.servers):
        if not server.runs:
            cluster.defects.append(f"server {number} has ended by itself")
            await cluster.start(number)


async def _watch(workload: Workload, result: RunResult) -> None:
    while True:
        result.reconnects.append((time.time(), workload.reconnects()))
        await asyncio.sleep(0.5)


# The check.


async def _wait_until_consistent(workload: Workload, result: RunResult) -> None:
    """Wait until the history is consistent; report what is not after the time limit."""
    clock = asyncio.get_running_loop().time
    reader = FreshReader(workload)
    # The first time takes long, in which deliveries may arrive.
    await reader.read(await _read_tables(workload))
    until = clock() + DELIVERY_S
    while True:
        result.tables = await _read_tables(workload)
        devices = [*workload.all_devices(), *workload.away]
        result.history.listings = [
            RoomListing(device.account.id, _describe(device), dict(device.list.rooms))
            for device in devices
        ]
        result.history.listings += await _over_http(workload)
        result.history.fresh = await reader.read(result.tables)
        result.history.followed = await reader.read_followed()
        found = check(result.history, result.tables)
        if not found or clock() > until:
            result.violations += found
            return
        await asyncio.sleep(0.5)


def _describe(device: Device) -> str:
    how = "connected" if device.is_connected else "not connected"
    return f"on {type(device).__name__} of server {device.server}, {how} after {device.reconnects}"


async def _read_tables(workload: Workload) -> Tables:
    async with workload.context.cluster.sql() as connection:
        return await read_tables(connection)


def late_deliveries(result: RunResult) -> list[Violation]:
    """Deliveries to sockets that had their room open all the time, long after any fault that could
    delay them: a slower mechanism repaired what a faster one should have."""
    found = []
    for replica in result.history.replicas:
        for subscription in replica.subscriptions:
            times = result.times(subscription, replica.room)
            for seq, received in subscription.received.items():
                at = times.get(seq, received)
                broken = [w.ended for w in result.windows if w.began <= received and w.ended >= at]
                waited = received - max([at, *broken])
                if at > subscription.at and waited > LATE_S:
                    name = f"{seq} of {replica.room} to {replica.user}"
                    found.append(Violation("late", f"{name}: {waited:.1f} s"))
    return found


async def _over_http(workload: Workload) -> list[RoomListing]:
    """The lists of rooms of all accounts."""
    listings = []
    for account in workload.accounts:
        answer: Any = await workload.context.retry_until_done(
            account, "GET", "/rooms", params={"limit": 100}
        )
        rooms = {
            room["id"]: listed_room(account.id, room | {"room": room["id"]})
            for room in answer.json()["items"]
        }
        listings.append(RoomListing(account.id, "over HTTP", rooms))
    return listings


@asynccontextmanager
async def _running(work: Sequence[Awaitable[None]]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Tasks that end with the block. Raises the error of a task that failed."""
    tasks: list[asyncio.Task[None]] = [asyncio.ensure_future(one) for one in work]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception) and not isinstance(result, Unanswered):
                raise result


async def _wait_for(condition: Any, within_s: float) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110  # depends on several clients
            await asyncio.sleep(0.05)
