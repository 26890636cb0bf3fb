"""uvicorn's server with draining, restarts and stricter start-up checks."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from math import ceil, inf
from pathlib import Path
from types import FrameType

import structlog
import uvicorn

from app.logs import configure_logs
from app.main import create_app
from app.realtime.connection.drain import DRAIN_REASON, drain
from app.realtime.transport.ws_protocol import ChatWebSocketProtocol
from app.server.listeners import LOOPBACK_ADDRESSES, format_host, open_listeners
from app.settings import PREFIX, Server, Settings, SettingsError
from app.standard_streams import has_terminal
from app.web.build import FOLDER, is_built
from app.wire.close_codes import CloseCode

HTTP = "app.http.http_protocol:ChatHttpProtocol"
WS = "app.realtime.transport.ws_protocol:ChatWebSocketProtocol"
TICK_S = 0.1
# For peers to read what was written before the end and to answer a close frame.
CLOSE_TIMEOUT_S = 2.0
# For the database and Redis, if the stop is forced.
FORCED_SHUTDOWN_S = 2.0

log = structlog.get_logger(__name__)


class ChatServer(uvicorn.Server):
    """Serves HTTP(S) and WS(S) on one port.

    It keeps listening while it drains and answers requests; only new sockets are refused. So a load
    balancer that has not noticed the drain yet gets no error.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(create_uvicorn_config(settings))
        self._settings = settings
        self._has_terminal = has_terminal()
        self.restarts = False
        self._ends_at = inf  # by the event loop's clock, set when the drain begins

    @property
    def port(self) -> int:
        """The actual port, also if the setting is 0."""
        port: int = self.servers[0].sockets[0].getsockname()[1]
        return port

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets or open_listeners(self._settings.server))
        tune_gc()
        self.announce_listening()

    def announce_listening(self) -> None:
        code = self.lifespan.state["setup_code"]
        message = format_startup_message(self._settings, self.port, code)
        print(message, file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Also captures SIGHUP, unless it is ignored (nohup)."""
        with super().capture_signals():
            if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
                signal.signal(signal.SIGHUP, self.handle_hangup)
            yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal drains, the second stops immediately."""
        self.restarts = False
        self.force_exit = self.should_exit
        self.should_exit = True

    def handle_hangup(self, _sig: int, _frame: FrameType | None) -> None:
        """Drains and restarts, or stops if the signal means that the terminal was closed."""
        if not self.should_exit:
            self.restarts = self._has_terminal == has_terminal()
            self.should_exit = True

    async def main_loop(self) -> None:
        await super().main_loop()
        loop = asyncio.get_running_loop()
        self._ends_at = loop.time() + self._settings.server.shutdown_timeout_s
        self.lifespan.state["context"].draining.set()
        draining = asyncio.create_task(self._drain_sockets())
        while not draining.done() and not self.force_exit and loop.time() < self._ends_at:
            await asyncio.wait([draining], timeout=TICK_S)
            await self.on_tick(0)
        if not draining.done():
            log.warning("drain.timed_out", sockets=len(self._list_sockets()))
        draining.cancel()
        await asyncio.wait([draining])
        if not draining.cancelled() and (error := draining.exception()):
            log.error("drain.failed", exc_info=error)
        for socket_protocol in self._list_sockets():
            socket_protocol.abort()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Lets requests finish until the shutdown timeout, then stops the program."""
        for server in self.servers:
            server.close()
        # A connection that was accepted last has the usual time for its first request.
        timeout_s = min(self._settings.server.header_timeout_s, self._remaining_s())
        await self._wait_for(lambda: not self._has_unread_connections(), timeout_s)
        self.config.timeout_graceful_shutdown = ceil(self._remaining_s())
        await super().shutdown(sockets)
        if self.force_exit:  # uvicorn would skip this
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FORCED_SHUTDOWN_S):
                    await self.lifespan.shutdown()

    def _remaining_s(self) -> float:
        """Seconds until the shutdown timeout; 0 after a signal during the start."""
        if self.force_exit or self._ends_at == inf:
            return 0
        return max(0, self._ends_at - asyncio.get_running_loop().time())

    async def _drain_sockets(self) -> None:
        """Returns when all sockets have closed, including those that have sent no `hello`."""
        await drain(self.lifespan.state["realtime"].hub, self._settings.server)
        for socket_protocol in self._list_sockets():
            socket_protocol.send_close(CloseCode.DRAINING, DRAIN_REASON)
        await self._wait_for(lambda: not self._list_sockets(), CLOSE_TIMEOUT_S)

    async def _wait_for(self, condition: Callable[[], bool], timeout_s: float) -> None:
        """Polls, because uvicorn does not signal changes of its state."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not (condition() or self.force_exit):  # noqa: ASYNC110
                    await asyncio.sleep(TICK_S / 10)

    def _has_unread_connections(self) -> bool:
        """Whether there are connections without a first request. uvicorn would close them like idle
        ones, and a client that has just connected would get no answer."""
        return any(getattr(c, "cycle", self) is None for c in self.server_state.connections)

    def _list_sockets(self) -> list[ChatWebSocketProtocol]:
        connections = self.server_state.connections
        return [c for c in connections if isinstance(c, ChatWebSocketProtocol)]


def create_uvicorn_config(settings: Settings) -> uvicorn.Config:
    """Disables uvicorn's pings, which would need a timer for each socket; `chat.v1` has a heartbeat
    with one timer for all. Raises SettingsError."""
    server = settings.server
    check_certificate(server)
    return uvicorn.Config(
        create_app(settings),
        ssl_certfile=server.tls_certificate,
        ssl_keyfile=server.tls_key,
        ws=WS,
        ws_max_size=settings.limits.hello_bytes,
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        http=HTTP,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # `http/proxies.py`
        timeout_keep_alive=server.keep_alive_s,  # type: ignore[arg-type]  # may be a fraction
    )


def tune_gc() -> None:
    """Reduces the work of the garbage collector, since most objects live as long as the process.

    Existing objects are never scanned again, and younger ones once for every 5,000 allocations
    instead of 700, which with thousands of sockets took a fourth of the CPU time of a `hello`.
    Reference counting frees nearly everything anyway.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 10, 10)


def check_certificate(server: Server) -> None:
    """Raises SettingsError for a certificate with which uvicorn would fail with a traceback."""
    if server.tls_certificate is None or server.tls_key is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            server.tls_certificate,
            server.tls_key,
            password="",  # otherwise OpenSSL asks at the terminal
        )
    except OSError as error:
        raise SettingsError(
            f"{PREFIX}SERVER__TLS_CERTIFICATE, {PREFIX}SERVER__TLS_KEY: cannot use "
            f"{server.tls_certificate} with {server.tls_key}: {error.strerror or error}. "
            "Both are PEM files, the key has no passphrase and belongs to the certificate."
        ) from None


def serve(settings: Settings) -> None:
    """Runs until SIGINT or SIGTERM; SIGHUP restarts the program in the same process."""
    configure_logs(settings.server)
    server = ChatServer(settings)
    with contextlib.suppress(KeyboardInterrupt):  # before it captures signals
        server.run()
    if server.restarts:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606
    if not server.started:
        raise SystemExit(1)


def format_startup_message(settings: Settings, port: int, setup_code: str | None = None) -> str:
    """The addresses that an operator needs after the start."""
    secure = "s" if settings.server.tls_certificate else ""
    host = settings.server.host
    address = _format_address(settings, port)
    base = f"http{secure}://{address}"
    ca = settings.server.tls_certificate and settings.server.tls_certificate.parent / "ca.pem"
    trust = f" --ca {ca}" if ca and ca.exists() else ""
    everywhere = (
        f" (all addresses: {format_host(host)}:{port})" if host in LOOPBACK_ADDRESSES else ""
    )
    return (
        f"Chat on {base}{everywhere}\n"
        f"{_describe_page(settings, base)}"
        f"  API      {base}/docs\n"
        f"  socket   ws{secure}://{address}/ws\n"
        f"  health   {base}/health/ready\n"
        f"  a chat   {_python()} -m app chat --server {base}{trust} --user NAME --room general\n"
        f"{_describe_setup(settings, base, setup_code)}"
        "Ctrl-C stops it."
    )


def _describe_setup(settings: Settings, base: str, code: str | None) -> str:
    """What an operator needs while there is no administrator."""
    if code is None:
        return ""
    where = f"{base}/welcome" if settings.web.enabled else f"POST {base}/api/v1/setup"
    return f"  set up   {where} with the code {code}\n"


def _format_address(settings: Settings, port: int) -> str:
    host = settings.server.host
    return f"{format_host(LOOPBACK_ADDRESSES.get(host, host))}:{port}"


def _describe_page(settings: Settings, base: str) -> str:
    if not settings.web.enabled:
        return ""
    return f"  page     {base if is_built(FOLDER) else 'not built; `make page` builds it'}\n"


def _python() -> str:
    """The path of this interpreter, relative if it is below the current directory."""
    path = Path(sys.executable)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
