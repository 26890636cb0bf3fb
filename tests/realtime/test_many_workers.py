"""`python -m app serve --workers N`: N processes on one port, and their supervisor."""

import asyncio
import os
import signal
import ssl
from collections import Counter
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import httpx
import pytest
import trustme

from app.settings import Settings
from testkit.answers import assert_ok
from testkit.peer import Peers
from testkit.processes import ServerProcess, run_process
from testkit.server import TestServer
from testkit.servers.backend import Backend, override
from testkit.waiting import LIMIT_S, eventually, limit


def children(server: ServerProcess) -> set[int]:
    """The workers, according to the kernel."""
    found: set[int] = set()
    for task in Path(f"/proc/{server.pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            found |= set(map(int, (task / "children").read_text().split()))
    return found


def exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def sockets_of(pid: int) -> int:
    """The number of TCP connections of a process with other addresses."""
    return sum(
        str(link.readlink()).startswith("socket:")
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if link.is_symlink()
    )


async def answered(url: str, tls: ssl.SSLContext | bool = False) -> None:
    """Return once any worker answers, also one that is just starting."""
    async with httpx.AsyncClient(verify=tls, timeout=LIMIT_S) as http:
        assert_ok(await http.get(f"{url}/health/live"))


@pytest.mark.cluster
async def test_workers_share_the_work_and_are_replaced(
    cluster_server: TestServer, cluster_settings: Settings, tmp_path: Path, peers: Peers
) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            run_process(cluster_settings, tmp_path, 0, "--workers", "2")
        )
        first = children(server)
        assert len(first) == 2
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=LIMIT_S))
        ada = server.here(await cluster_server.person(http, "ada"))
        room = await ada.makes_room()

        # Evenly: of a hundred sockets no process has fewer than a quarter.
        before = {pid: sockets_of(pid) for pid in first}
        crowd = await asyncio.gather(*(peers.dial(server.url) for _ in range(100)))
        shares = {pid: sockets_of(pid) - before[pid] for pid in first}
        assert min(shares.values()) >= 25, shares
        await asyncio.gather(*(peer.leave() for peer in crowd))

        # One user's sockets are on both, and hear of each other.
        talking = [await peers.join(ada, room) for _ in range(8)]
        for peer in talking:
            await peer.says(room, "from wherever it is")
        for peer in talking:
            await peer.has(room, 10)
            await peer.leave()

        # One that dies is started again, and what is connected to the other goes on.
        victim, survivor = first
        os.kill(victim, signal.SIGKILL)
        await eventually(lambda: len(children(server)) == 2 and victim not in children(server))
        assert survivor in children(server)
        for _ in range(10):
            await answered(server.url)

        # SIGHUP replaces them one by one; nothing that comes meanwhile is refused.
        second = children(server)
        server.signal(signal.SIGHUP)
        async with limit():
            while second & children(server) or len(children(server)) < 2:
                await answered(server.url)

        server.signal(signal.SIGTERM)
        assert await server.ended() == 0
        assert "does_not_start" not in server.story()
        assert server.story().count("process.exited") == 1  # the one that was killed
        assert "Traceback" not in server.story()
        assert not any(map(exists, first | second))


@pytest.mark.cluster
async def test_workers_drain_and_exit_at_once_on_a_second_signal(
    cluster_server: TestServer, cluster_settings: Settings, tmp_path: Path, peers: Peers
) -> None:
    times = {"drain_spread_s": 5, "drain_grace_s": 3000, "shutdown_timeout_s": 3600, "workers": 2}
    settings = override(cluster_settings, server=times)
    async with (
        run_process(settings, tmp_path) as server,
        httpx.AsyncClient(timeout=LIMIT_S) as http,
    ):
        ada = server.here(await cluster_server.person(http, "ada"))
        joined = [await peers.join(ada) for _ in range(4)]
        server.signal(signal.SIGTERM)
        for peer in joined:
            await peer.expect("draining")
        server.signal(signal.SIGTERM)
        assert await server.ended() == 0
        codes = Counter([await peer.closed() for peer in joined])
        assert set(codes) == {1006}


@pytest.mark.cluster
async def test_workers_end_with_their_parent(
    cluster_server: TestServer, cluster_settings: Settings, tmp_path: Path
) -> None:
    async with run_process(cluster_settings, tmp_path, 0, "--workers", "2") as server:
        workers = children(server)
        server.signal(signal.SIGKILL)
        await eventually(lambda: not any(map(exists, workers)))


@pytest.mark.cluster
@pytest.mark.setting("CHAT_SERVER__WORKERS")
async def test_workers_serve_https_and_one_that_cannot_restart_is_retried(
    cluster_settings: Settings, tmp_path: Path
) -> None:
    authority = trustme.CA()
    certificate, key = tmp_path / "server.pem", tmp_path / "server-key.pem"
    issued = authority.issue_cert("127.0.0.1")
    for blob in issued.cert_chain_pems:
        blob.write_to_path(certificate, append=True)
    issued.private_key_pem.write_to_path(key)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    tls = {"tls_certificate": certificate, "tls_key": key, "workers": 2}
    async with run_process(override(cluster_settings, server=tls), tmp_path) as server:
        assert server.url.startswith("https://")
        await answered(server.url, trusting)
        good, first = certificate.read_bytes(), children(server)
        certificate.write_text("a mistake")
        server.signal(signal.SIGHUP)
        await eventually(lambda: "process.start_failed" in server.story())
        for _ in range(20):  # by the other one, which is not replaced
            await answered(server.url, trusting)
        assert len(first & children(server)) == 1
        certificate.write_bytes(good)
        await eventually(lambda: not first & children(server) and len(children(server)) == 2)
        await answered(server.url, trusting)
        # Somebody else's port is not shared by accident.
        with pytest.raises(AssertionError, match="CHAT_SERVER__PORT: cannot listen on"):
            async with run_process(cluster_settings, tmp_path, server.port, "--workers", "2"):
                pass


@pytest.mark.cluster
async def test_workers_that_cannot_start_end_the_parent(
    cluster_settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "bad.pem").write_text("no certificate")
    bad = {"tls_certificate": tmp_path / "bad.pem", "tls_key": tmp_path / "bad.pem"}
    with pytest.raises(AssertionError, match="the server ended") as ended:
        async with run_process(
            override(cluster_settings, server=bad), tmp_path, 0, "--workers", "2"
        ):
            pass
    assert "process.start_failed" in str(ended.value)
    assert "CHAT_SERVER__TLS_CERTIFICATE" in str(ended.value)
    assert "Traceback" not in str(ended.value)


@pytest.mark.embedded
async def test_sqlite_serves_one_process(embedded: Backend, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="CHAT_SERVER__WORKERS") as ended:
        async with run_process(embedded.settings, tmp_path, 0, "--workers", "2"):
            pass
    assert "CHAT_REDIS__URL" in str(ended.value)
    assert "Traceback" not in str(ended.value)
