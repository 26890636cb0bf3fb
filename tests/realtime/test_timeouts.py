"""Settings of times: of two servers the hasty one acts while the patient one does not.

The patient one starts first. So no test depends on the speed of the machine, and each fails if the
setting is not read: then both would act after the default, the patient one first.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from app.bootstrap import create_passwords
from app.core.ids import new_id
from app.persistence.database import Database
from app.persistence.uow import ReadSession
from app.realtime.connection import heartbeat
from app.realtime.slow_consumers import limits
from app.settings import Settings
from app.wire.errors import Busy
from testkit.answers import assert_ok
from testkit.peer import Peer, Peers
from testkit.server import fast_settings, limit_send_buffers, run_server
from testkit.servers.backend import Backend, override
from testkit.waiting import eventually, pause
from tests.realtime.dedicated_server import DedicatedServer, StartServer, run_server_without_pauses
from tests.realtime.hooks import LossyBus
from tests.realtime.test_presence import told
from tests.realtime.test_presence_processes import last_lease_with

LONG_S, LONG_MS = 3600, 3_600_000


async def pair(
    start: StartServer,
    patient: Mapping[str, Any],
    hasty: Mapping[str, Any],
    **groups: Mapping[str, Any],
) -> tuple[DedicatedServer, DedicatedServer]:
    """Two servers with these values of the group `realtime`."""
    return (
        await start(**groups, realtime=patient),
        await start(**groups, realtime={**patient, **hasty}),
    )


@pytest.mark.setting("CHAT_REALTIME__HELLO_TIMEOUT_S")
async def test_the_hello_timeout_is_applied(start: StartServer, peers: Peers) -> None:
    patient, hasty = await pair(start, {"hello_timeout_s": LONG_S}, {"hello_timeout_s": 0.2})
    waiting, closed = [await peers.dial(server.url) for server in (patient, hasty)]
    await closed.closed()
    assert waiting.is_open


@pytest.mark.setting("CHAT_SERVER__HEADER_TIMEOUT_S")
async def test_the_header_timeout_is_applied(start: StartServer) -> None:
    ends = []
    for seconds in (LONG_S, 0.2):
        server = await start(server={"header_timeout_s": seconds})
        reader, writer = await asyncio.open_connection("127.0.0.1", server.running.port)
        writer.write(b"GET /health/live HTTP/1.1\r\n")
        ends.append((asyncio.create_task(reader.read(1)), writer))
    (waiting, _), (answered, _) = ends
    await answered
    assert not waiting.done()
    waiting.cancel()
    for _, writer in ends:
        writer.close()


@pytest.mark.setting("CHAT_REALTIME__GAP_REPAIR_DELAY_MS")
async def test_the_gap_repair_delay_is_applied(start: StartServer, peers: Peers) -> None:
    followers = []
    for server in await pair(start, {"gap_repair_delay_ms": LONG_MS}, {"gap_repair_delay_ms": 20}):
        ada = await server.person()
        room = await ada.makes_room()
        followers.append((await peers.join(ada, room), room))
        LossyBus(server, drops_all=True)
        await ada.says(room, "lost")
        server.realtime.delivery.position_check_needed.set()
    (waiting, other), (told, room) = followers
    await told.has(room, 3)
    assert waiting.seqs(other) == []


UPDATES = {"badge_interval_ms": LONG_MS, "badge_interval_large_ms": LONG_MS}


@pytest.mark.setting("CHAT_REALTIME__BADGE_INTERVAL_MS")
async def test_the_interval_of_list_updates_is_applied(start: StartServer, peers: Peers) -> None:
    await _expect_updates_of_the_second(
        await pair(start, UPDATES, {"badge_interval_ms": 20}), peers
    )


@pytest.mark.setting("CHAT_REALTIME__BADGE_INTERVAL_LARGE_MS")
async def test_the_interval_of_list_updates_of_large_rooms_is_applied(
    start: StartServer, peers: Peers
) -> None:
    values = UPDATES | {"badge_interval_ms": 20}
    servers = await pair(
        start, values, {"badge_interval_large_ms": 40}, limits={"large_room_members": 2}
    )
    await _expect_updates_of_the_second(servers, peers)


async def _expect_updates_of_the_second(
    servers: tuple[DedicatedServer, DedicatedServer], peers: Peers
) -> None:
    members: list[Peer] = []
    for server in servers:
        ada, bob = await server.person("ada"), await server.person("bob")
        room = await ada.makes_room("private", bob)
        await peers.join(ada)
        members.append(await peers.join(bob))
        await ada.says(room, "hello")
    waiting, told = members
    await told.until(told.list_updates)
    assert waiting.list_updates() == []


SLOW = {"send_stall_timeout_s": LONG_S, "max_send_delay_s": LONG_S}


@pytest.mark.setting("CHAT_REALTIME__SEND_STALL_TIMEOUT_S")
async def test_the_send_stall_timeout_is_applied(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _expect_a_cut(await pair(start, SLOW, {"send_stall_timeout_s": 0.2}), peers, monkeypatch)


@pytest.mark.setting("CHAT_REALTIME__MAX_SEND_DELAY_S")
async def test_the_max_send_delay_is_applied(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _expect_a_cut(await pair(start, SLOW, {"max_send_delay_s": 0.2}), peers, monkeypatch)


async def _expect_a_cut(
    servers: tuple[DedicatedServer, DedicatedServer], peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second server disconnects its only socket, which has unread data."""
    monkeypatch.setattr(limits, "TICK_S", 0.05)
    for server in servers:
        limit_send_buffers(server.running)
        peer = await peers.join(await server.person(), small_window=True)
        peer.stops_reading()
        (end,) = server.hub.connections
        for _ in range(200):
            await peer.send("nothing", id="x" * 32)
        await eventually(end._writer.buffered_bytes)
    patient, hasty = servers
    await eventually(lambda: not hasty.hub.connections)
    assert patient.hub.connections


ALIVE = {"ping_interval_s": LONG_S, "idle_timeout_s": LONG_S}


async def _join_in_turn(
    servers: tuple[DedicatedServer, DedicatedServer], peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> list[Peer]:
    """With so much time between them that silence is checked."""
    monkeypatch.setattr(heartbeat, "TICK_S", 0.05)
    joined = []
    for server in servers:
        joined.append(await peers.join(await server.person()))
        await pause(0.5)
    return joined


@pytest.mark.setting("CHAT_REALTIME__PING_INTERVAL_S")
async def test_the_ping_interval_is_applied(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = await pair(start, ALIVE, {"ping_interval_s": 0.2})
    silent, asked = await _join_in_turn(servers, peers, monkeypatch)
    await asked.expect("ping")
    assert silent.of("ping") == []


@pytest.mark.setting("CHAT_REALTIME__IDLE_TIMEOUT_S")
async def test_the_idle_timeout_is_applied(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = await pair(start, ALIVE, {"idle_timeout_s": 2})
    silent, dead = await _join_in_turn(servers, peers, monkeypatch)
    await dead.closed()
    assert silent.is_open


@pytest.mark.setting("CHAT_REALTIME__SESSION_CHECK_INTERVAL_S")
async def test_the_session_check_interval_is_applied(start: StartServer, peers: Peers) -> None:
    sockets = []
    for server in await pair(
        start, {"session_check_interval_s": LONG_S}, {"session_check_interval_s": 0.2}
    ):
        ada = await server.person()
        sockets.append(await peers.join(ada))
        server.redirect_bus(lambda _: None)
        assert_ok(await ada.post("/auth/logout"), 204)
    unchecked, closed = sockets
    assert await closed.closed() == 4403
    assert unchecked.is_open


@pytest.mark.setting("CHAT_REALTIME__PRESENCE_GRACE_S")
async def test_the_presence_grace_is_applied(start: StartServer, peers: Peers) -> None:
    watchers = []
    for server in await pair(start, {"presence_grace_s": LONG_S}, {"presence_grace_s": 0}):
        ada, bob = await server.person("ada"), await server.person("bob")
        await ada.makes_room("private", bob)
        gone = await peers.join(bob)
        watcher = await peers.join(ada)
        await watcher.ask("presence.subscribe", users=[bob.id])
        await told(watcher, bob, "online")
        await gone.leave()
        watchers.append((watcher, bob))
    (still, _), (watcher, bob) = watchers
    await told(watcher, bob, "offline")
    assert "offline" not in str(still.of("presence"))


@pytest.mark.setting("CHAT_REALTIME__PRESENCE_TTL_S")
async def test_the_presence_lease_ttl_is_applied(cluster: Backend, peers: Peers) -> None:
    settings = override(fast_settings(cluster.settings), realtime={"presence_ttl_s": LONG_S})
    begun = time.time()
    async with run_server_without_pauses(settings) as server, server.client() as http:
        ada = await server.person(http)
        await peers.join(ada)

        async def is_long() -> bool:
            return await last_lease_with(ada, settings) / 1000 > begun + LONG_S

        await eventually(is_long)


@pytest.mark.setting("CHAT_SERVER__DRAIN_GRACE_S")
async def test_the_drain_grace_is_applied(backend: Backend, peers: Peers) -> None:
    await _expect_the_second_to_close(backend, peers, {"drain_grace_s": 0.05})


@pytest.mark.setting("CHAT_SERVER__SHUTDOWN_TIMEOUT_S")
async def test_the_shutdown_timeout_of_a_drain_is_applied(backend: Backend, peers: Peers) -> None:
    await _expect_the_second_to_close(backend, peers, {"shutdown_timeout_s": 0.05})


async def _expect_the_second_to_close(
    backend: Backend, peers: Peers, hasty_times: Mapping[str, float]
) -> None:
    settings = fast_settings(backend.settings)
    times = {"drain_spread_s": 0.0, "drain_grace_s": LONG_S, "shutdown_timeout_s": 2 * LONG_S}
    async with (
        run_server(override(settings, server=times)) as patient,
        run_server(override(settings, server={**times, **hasty_times})) as hasty,
        patient.client() as http,
    ):
        ada = await patient.person(http)
        waiting, closed = [await peers.join(ada, url=server.url) for server in (patient, hasty)]
        for server in (patient, hasty):
            server.uvicorn.should_exit = True
            await eventually(server.context.draining.is_set)
        await closed.closed()
        assert waiting.is_open
        patient.uvicorn.force_exit = True


@pytest.mark.setting("CHAT_DATABASE__POOL_TIMEOUT_S")
async def test_the_database_pool_timeout_is_applied(
    backend: Backend, open_database: Callable[[Settings], Database]
) -> None:
    release = asyncio.Event()

    async def hold(reads: ReadSession) -> None:
        await reads.users.get(new_id())
        await release.wait()

    tasks = []
    for seconds in (LONG_S, 0.2):
        settings = backend.override(database={"pool_size": 1, "pool_timeout_s": seconds})
        database = open_database(settings)
        tasks.append([asyncio.create_task(database.read(hold)) for _ in range(2)])
    (first, waiting), (second, refused) = tasks
    done, _ = await asyncio.wait([second, refused], return_when=asyncio.FIRST_COMPLETED)
    assert [type(task.exception()) for task in done] == [Busy]
    assert not waiting.done()
    assert not first.done()
    release.set()
    await asyncio.gather(first, waiting, second, refused, return_exceptions=True)


@pytest.mark.setting("CHAT_LIMITS__FRAMES_PER_MINUTE")
async def test_the_frame_rate_limit_refills_as_set(start: StartServer, peers: Peers) -> None:
    """No client sends a million frames a minute one after the other."""
    server = await start(limits={"frames_per_minute": 1e8, "frames_burst": 1})
    peer = await peers.join(await server.person())
    codes = {(await peer.ask("nonsense"))["code"] for _ in range(5)}
    assert codes == {"unknown_type"}


@pytest.mark.setting("CHAT_LIMITS__SENDS_PER_SECOND")
async def test_the_send_rate_limit_refills_as_set(start: StartServer, peers: Peers) -> None:
    server = await start(limits={"sends_per_second": 1e8, "sends_burst": 1})
    ada = await server.person()
    room = await ada.makes_room()
    peer = await peers.join(ada)
    for _ in range(5):
        await peer.says(room)


@pytest.mark.setting("CHAT_AUTH__ARGON2_QUEUE_TIMEOUT_S")
async def test_the_hash_queue_timeout_is_applied(embedded: Backend) -> None:
    waiting = []
    for seconds in (LONG_S, 0.2):
        settings = embedded.override(auth={"argon2_workers": 1, "argon2_queue_timeout_s": seconds})
        passwords = create_passwords(settings)
        await passwords.acquire()  # and stays
        waiting.append(asyncio.create_task(passwords.acquire()))
    patient, hasty = waiting
    with pytest.raises(Busy):
        await hasty
    assert not patient.done()
    patient.cancel()
