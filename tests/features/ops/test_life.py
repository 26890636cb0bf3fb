"""`python -m app serve` as a process: its start, its address and its end."""

import asyncio
import fcntl
import os
import pty
import re
import signal
import socket
import sys
import termios
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.server.uvicorn_server import ChatServer
from app.settings import Settings
from testkit.answers import assert_ok
from testkit.processes import environment
from testkit.servers.backend import Backend
from testkit.servers.process import find
from testkit.waiting import LIMIT_S, eventually, limit

# Processes start in here, each for seconds where the machine is busy.
LISTENS = re.compile(rb"Chat on (\S+).*Ctrl-C stops it\.", re.DOTALL)


class Program:
    """A process, and what it has written to standard error so far."""

    def __init__(self, process: Process) -> None:
        self.process, self._said = process, b""

    @property
    def said(self) -> str:
        return self._said.decode()

    async def listens(self, after: int = 0) -> str:
        """The address, once the server listens; `after` is the length of the output before."""
        while not (match := LISTENS.search(self._said, after)):
            await self._read()
        return match[1].decode()

    async def ended(self) -> int:
        async with limit():
            _, rest = await self.process.communicate()
        self._said += rest or b""
        assert self.process.returncode is not None
        return self.process.returncode

    async def _read(self) -> None:
        assert self.process.stderr
        async with limit():
            piece = await self.process.stderr.read(10_000)
        assert piece, f"it ended: {self.said}"
        self._said += piece

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


@asynccontextmanager
async def started(
    settings: Settings, *words: str, prefix: tuple[str, ...] = (), **options: Any
) -> AsyncIterator[Program]:
    """`python -m app serve`, on a port of its own unless the settings name one."""
    variables = environment(settings)
    process = await asyncio.create_subprocess_exec(
        *(*prefix, sys.executable, "-m", "app", "serve", *words),
        cwd=settings.server.data_dir,  # where there is no .env
        env={"CHAT_SERVER__PORT": "0"} | variables,
        **({"stdin": DEVNULL, "stderr": PIPE} | options),
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def alive(url: str) -> None:
    async with httpx.AsyncClient(timeout=LIMIT_S) as http:
        assert_ok(await http.get(f"{url}/health/live"))


def refused(program: Program, code: int) -> str:
    """The one line with the error."""
    assert code == 1, program.said
    (line,) = program.said.splitlines()
    assert line.startswith("error: CHAT_SERVER__HOST, CHAT_SERVER__PORT: cannot listen on ")
    return line


@pytest.mark.setting("CHAT_SERVER__PORT")
async def test_an_unavailable_port_or_host_is_named(embedded: Backend) -> None:
    setpriv = find("setpriv")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for values, says in (
            ({"port": port}, f"127.0.0.1, port {port}: Address already in use"),
            ({"host": "no.invalid"}, "no.invalid, port "),
            ({"host": "127.0.0.1:80"}, "127.0.0.1:80, port "),
            ({"host": "a..b"}, "a..b, port "),
            ({"host": "192.0.2.1"}, "Cannot assign requested address"),
        ):
            async with started(embedded.override(server=values)) as program:
                assert says in refused(program, await program.ended())
    if os.geteuid() == 0 and setpriv:
        unable = (setpriv, "--bounding-set", "-net_bind_service")
        async with started(embedded.override(server={"port": 81}), prefix=unable) as program:
            assert "Permission denied" in refused(program, await program.ended())


@pytest.mark.cluster
async def test_workers_name_an_unavailable_port_or_host_too(cluster: Backend) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        values = {"port": taken.getsockname()[1], "workers": 2}
        async with started(cluster.override(server=values)) as program:
            assert "Address already in use" in refused(program, await program.ended())


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


# Where the name has one address, or two.
LOCALHOST = {
    f"[{address[0]}]" if family == socket.AF_INET6 else address[0]
    for family, *_, address in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)
}


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize(
    ("host", "says", "reached"),
    [
        ("::", r"http://\[::1\]:(\d+) \(all addresses: \[::\]:\1\)", {"127.0.0.1", "[::1]"}),
        ("0.0.0.0", r"http://127.0.0.1:(\d+) \(all addresses: 0.0.0.0:\1\)", {"127.0.0.1"}),  # noqa: S104
        ("::1", r"http://\[::1\]:(\d+)\n", {"[::1]"}),
        ("127.0.0.1", r"http://127.0.0.1:(\d+)\n", {"127.0.0.1"}),
        ("localhost", r"http://localhost:(\d+)\n", LOCALHOST),
    ],
)
@pytest.mark.setting("CHAT_SERVER__HOST")
async def test_the_server_listens_on_the_address_that_it_prints(
    backend: Backend, host: str, says: str, reached: set[str]
) -> None:
    """With one process and with two workers."""
    workers = 1 if backend.settings.database.is_sqlite else 2
    settings = backend.override(server={"host": host, "workers": workers})
    async with started(settings) as program:
        await alive(await program.listens())
        match = re.search(says, program.said)
        assert match, program.said
        for address in ("127.0.0.1", "[::1]"):
            if address in reached:
                await alive(f"http://{address}:{match[1]}")
            else:
                with pytest.raises(httpx.ConnectError):
                    await alive(f"http://{address}:{match[1]}")
        program.signal(signal.SIGTERM)
        assert await program.ended() == 0
        # The addresses of clients are their own, not ::ffff:127.0.0.1.
        clients = set(re.findall(r'"client_address": "([^"]+)"', program.said))
        assert clients <= {"127.0.0.1", "::1"}
        assert len(clients) == len(reached)


@pytest.mark.parametrize("closed", ["<&-", "<&- >&- 2>&-"])
async def test_the_server_runs_and_stops_without_standard_streams(
    backend: Backend, closed: str, tmp_path: Path
) -> None:
    workers = 1 if backend.settings.database.is_sqlite else 2
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = backend.override(server={"port": port, "workers": workers})
    shell = ("sh", "-c", f'exec "$@" {closed}', "sh")
    async with started(settings, prefix=shell) as program:
        await eventually(lambda: _listens(program, port))
        for number, word in enumerate(("<&-", ">&-", "2>&-")):
            link = os.readlink(f"/proc/{program.process.pid}/fd/{number}")  # noqa: PTH115
            assert word not in closed.split() or link == "/dev/null"
        program.signal(signal.SIGTERM)
        assert await program.ended() == 0
        assert "Traceback" not in program.said


async def _listens(program: Program, port: int) -> bool:
    assert program.process.returncode is None
    try:
        await alive(f"http://127.0.0.1:{port}")
    except httpx.ConnectError:
        return False
    return True


async def test_sighup_drains_and_restarts_the_program(embedded: Backend) -> None:
    """Under the same process id, with the settings of that moment."""
    file = embedded.settings.server.data_dir / ".env"
    async with started(embedded.settings) as program:
        first = await program.listens()
        for length in ("100", "200"):
            file.write_text(f"CHAT_LIMITS__TEXT_CHARS={length}\n")
            said = len(program.said)
            program.signal(signal.SIGHUP)
            url = await program.listens(said)
            await alive(url)
            async with httpx.AsyncClient(timeout=LIMIT_S) as http:
                document = assert_ok(await http.get(f"{url}/openapi.json"))
            message = document["components"]["schemas"]["SendMessage"]
            assert message["properties"]["text"]["maxLength"] == int(length)
        with pytest.raises(httpx.ConnectError):
            await alive(first)
        file.write_text("CHAT_LIMITS__TEXT_CHARS=many\n")
        program.signal(signal.SIGHUP)
        assert await program.ended() == 1
        assert program.said.splitlines()[-1].startswith("error: CHAT_LIMITS__TEXT_CHARS: ")
        assert "Traceback" not in program.said


async def test_sigterm_after_sighup_stops_the_server(embedded: Backend) -> None:
    async with started(embedded.settings) as program:
        await program.listens()
        os.kill(program.process.pid, signal.SIGHUP)
        os.kill(program.process.pid, signal.SIGTERM)
        assert await program.ended() == 0
        assert program.said.count("Chat on") == 1


async def test_sighup_stays_ignored_under_nohup(embedded: Backend) -> None:
    """`nohup` keeps the process running."""
    shell = ("sh", "-c", 'trap "" HUP; exec "$@"', "sh")
    async with started(embedded.settings, prefix=shell) as program:
        url = await program.listens()
        program.signal(signal.SIGHUP)
        await alive(url)
        program.signal(signal.SIGTERM)
        assert await program.ended() == 0
        assert program.said.count("Chat on") == 1


async def test_the_server_stops_when_its_terminal_closes(embedded: Backend) -> None:
    """It does not restart without a terminal."""
    ours, theirs = pty.openpty()

    def own_terminal() -> None:
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    options: dict[str, Any] = {"start_new_session": True, "preexec_fn": own_terminal}
    async with started(embedded.settings, **options, pass_fds=[theirs]) as program:
        os.close(theirs)
        await program.listens()
        os.close(ours)  # the kernel sends SIGHUP
        assert await program.ended() == 0
        assert program.said.count("Chat on") == 1


# How the output begins then: while Python imports its `site` module, or `runpy` for `-m`.
INTERRUPTED_INTERPRETER = ("Fatal Python error: init", "Could not import runpy module")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
async def test_a_signal_during_startup_stops_the_server(
    backend: Backend, number: signal.Signals
) -> None:
    """At any time before it listens it stops soon, without a traceback of the program."""
    workers = 1 if backend.settings.database.is_sqlite else 2
    settings = backend.override(server={"workers": workers})
    for library in ("libc.so", "pydantic_core", "hiredis"):
        async with started(settings) as program:
            await _has_loaded(program, library)
            program.signal(number)
            code = await program.ended()
        assert code in (0, 1, -number), program.said
        # Python itself was interrupted, before it had found the program.
        if not program.said.startswith(INTERRUPTED_INTERPRETER):
            assert "Traceback" not in program.said


async def test_a_signal_before_the_first_request_stops_the_server(
    embedded: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ChatServer(embedded.override(server={"port": 0}))
    start = server.startup

    async def start_and_hear(**options: Any) -> None:
        await start(**options)
        server.handle_exit(signal.SIGTERM, None)

    monkeypatch.setattr(server, "startup", start_and_hear)
    async with limit():
        await server._serve()
    assert not server.server_state.connections


async def _has_loaded(program: Program, library: str) -> None:
    """How far the process is with its imports, according to the kernel."""
    maps = Path(f"/proc/{program.process.pid}/maps")

    def is_there() -> bool:
        assert program.process.returncode is None
        return library in maps.read_text()

    await eventually(is_there)
