"""A rolling restart of two processes under load."""

import asyncio
import itertools
import signal
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from app.client.backoff import Backoff
from app.client.chat import ChatClient
from app.client.event_queue import Disconnected
from app.realtime.connection.drain import DRAIN_REASON
from app.settings import Settings
from app.wire.events import RoomEvent
from app.wire.frames import Ack
from app.wire.schemas.users import Register
from testkit.balancer import Balancer, run_balancer
from testkit.people import Person
from testkit.processes import ServerProcess, run_process
from testkit.server import TestServer
from testkit.servers.backend import override
from testkit.waiting import LIMIT_S, eventually, limit, pause

pytestmark = pytest.mark.cluster
PASSWORD = "correct horse"


class Talker:
    """A client of the program that sends and receives continuously."""

    def __init__(self, chat: ChatClient, room: UUID) -> None:
        self.chat, self.room = chat, room
        self.sent: dict[str, asyncio.Future[Ack]] = {}
        self.events: list[RoomEvent] = []
        self.losses: list[str] = []

    async def listen(self) -> None:
        async for item in self.chat.events():
            if isinstance(item, RoomEvent):
                self.events.append(item)
            elif isinstance(item, Disconnected):
                self.losses.append(item.reason)

    async def talk(self, until: asyncio.Event) -> None:
        while not until.is_set():
            nonce = uuid4().hex
            self.sent[nonce] = self.chat.send(self.room, "hello", nonce=nonce)
            await self.sent[nonce]
            await pause(0.05)


async def post(person: Person, room: str, until: asyncio.Event) -> Counter[int]:
    """Send over HTTP on kept connections. A request without a response is repeated."""
    statuses: Counter[int] = Counter()
    for number in itertools.count():
        if until.is_set():
            return statuses
        while True:
            try:
                answer = await person.sends(room, "over HTTP", f"http-{number}")
            except httpx.TransportError:
                continue  # a connection that was idle has ended: see operations.md
            statuses[answer.status_code] += 1
            break
        await pause(0.01)
    raise AssertionError


async def test_a_rolling_restart_under_load_loses_nothing(
    cluster_server: TestServer, cluster_settings: Settings, tmp_path: Path
) -> None:
    settings = override(
        cluster_settings,
        server={"drain_spread_s": 2, "drain_grace_s": 3000, "shutdown_timeout_s": 3600},
    )
    async with AsyncExitStack() as stack:
        processes = await asyncio.gather(
            *(stack.enter_async_context(run_process(settings, tmp_path)) for _ in range(2))
        )
        balancer = await stack.enter_async_context(run_balancer(*(p.port for p in processes)))
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=balancer.url, timeout=LIMIT_S)
        )
        ada = await cluster_server.person(http)
        room = await ada.makes_room()
        talkers = [await talker(stack, balancer, UUID(room)) for _ in range(4)]
        done = asyncio.Event()
        listening = [asyncio.create_task(t.listen()) for t in talkers]
        talking = [asyncio.create_task(t.talk(done)) for t in talkers]
        posting = asyncio.create_task(post(ada, room, done))
        for process in processes:
            await restart(stack, process, settings, tmp_path)
        done.set()
        statuses = await posting
        await asyncio.gather(*talking)
        async with limit():
            await asyncio.gather(*(t.chat.drain() for t in talkers))
        log = await ada.log(room)
        for one in talkers:
            await reached(one, log[-1]["seq"])
            await one.chat._stop()
        await asyncio.gather(*listening)
    check(log, talkers, statuses)
    assert balancer.failures == []


def check(log: list[dict[str, object]], talkers: list[Talker], statuses: Counter[int]) -> None:
    assert [event["seq"] for event in log] == list(range(1, len(log) + 1))
    messages = [e["message"] for e in log if e["type"] == "message.created"]
    nonces = Counter((m["sender"], m["nonce"]) for m in messages)  # type: ignore[index]
    assert set(nonces.values()) == {1}, "each of them once"
    sent = [nonce for talker in talkers for nonce in talker.sent]
    assert len(messages) == len(sent) + statuses.total()
    assert statuses.keys() <= {200, 201}
    at = {m["nonce"]: m["seq"] for m in messages}  # type: ignore[index]
    for talker in talkers:
        acked = {nonce: ack.result().seq for nonce, ack in talker.sent.items()}
        assert acked == {nonce: at[nonce] for nonce in acked}
        first = talker.events[0].seq
        assert [e.seq for e in talker.events] == list(range(first, len(log) + 1))
        assert set(talker.losses) <= {DRAIN_REASON}, "who lost a socket was told to come back"
    assert sum(len(talker.losses) for talker in talkers) < len(talkers), "most move in time"


async def talker(stack: AsyncExitStack, balancer: Balancer, room: UUID) -> Talker:
    backoff = Backoff(initial_s=0.05, max_s=0.2)
    chat = await stack.enter_async_context(ChatClient(balancer.url, backoff=backoff))
    name = f"talker{uuid4().hex[:8]}"
    await chat.api.register(Register(username=name, password=PASSWORD))
    await chat.log_in(name, PASSWORD)
    await chat.api.join(room)
    await chat.open(room)
    return Talker(chat, room)


async def restart(
    stack: AsyncExitStack, process: ServerProcess, settings: Settings, directory: Path
) -> None:
    process.signal(signal.SIGTERM)
    assert await process.ended() == 0, process.story()
    assert "Traceback" not in process.story()
    await stack.enter_async_context(run_process(settings, directory, process.port))


async def reached(talker: Talker, seq: int) -> None:
    await eventually(lambda: talker.events and talker.events[-1].seq >= seq)
