"""uvicorn, as this program needs it."""

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
from app.server.listeners import LOCAL, in_url, open_listeners
from app.settings import PREFIX, Server, Settings, SettingsError
from app.standard_streams import has_terminal
from app.wire.close_codes import CloseCode

HTTP = "app.http.http_protocol:ChatHttpProtocol"
WS = "app.realtime.transport.ws_protocol:ChatWebSocketProtocol"
TICK_S = 0.1
# Peers have so long to take what was written before the end, and to answer a close frame.
CLOSING_S = 2.0
# A stop that is to be at once does not wait longer for the database and Redis.
LAST_S = 2.0

log = structlog.get_logger(__name__)


class ChatServer(uvicorn.Server):
    """One HTTP(S) and WS(S) port. Says where to look once it listens.

    It goes on listening while it drains: what comes is answered, only new sockets are refused. A
    load balancer that has not noticed yet gets no error, and clients hear where they are.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(config_of(settings))
        self._settings = settings
        self._has_terminal = has_terminal()
        self.restarts = False
        self._ends_at = inf  # by the clock of the loop, once it drains

    @property
    def port(self) -> int:
        """The real one, also where the settings say 0."""
        port: int = self.servers[0].sockets[0].getsockname()[1]
        return port

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets or open_listeners(self._settings.server))
        spare_what_stays()
        self.say_that_it_listens()

    def say_that_it_listens(self) -> None:
        print(where(self._settings, self.port), file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGHUP as well, unless it is to be ignored (nohup)."""
        with super().capture_signals():
            if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
                signal.signal(signal.SIGHUP, self.handle_hangup)
            yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal drains, the second ends at once."""
        self.restarts = False
        self.force_exit = self.should_exit
        self.should_exit = True

    def handle_hangup(self, _sig: int, _frame: FrameType | None) -> None:
        """Drain and start again; or end, if it comes because the terminal was closed."""
        if not self.should_exit:
            self.restarts = self._has_terminal == has_terminal()
            self.should_exit = True

    async def main_loop(self) -> None:
        await super().main_loop()
        loop = asyncio.get_running_loop()
        self._ends_at = loop.time() + self._settings.server.shutdown_timeout_s
        self.lifespan.state["context"].draining.set()
        emptying = asyncio.create_task(self._empty())
        while not emptying.done() and not self.force_exit and loop.time() < self._ends_at:
            await asyncio.wait([emptying], timeout=TICK_S)
            await self.on_tick(0)
        if not emptying.done():
            log.warning("drain.cut", sockets=len(self._sockets()))
        emptying.cancel()
        await asyncio.wait([emptying])
        if not emptying.cancelled() and (error := emptying.exception()):
            log.error("drain.failed", exc_info=error)
        for left in self._sockets():
            left.abort()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Requests finish, until the hard end; then the program stops."""
        for server in self.servers:
            server.close()
        # Whoever was let in last has as long to say what it wants as anybody.
        within_s = min(self._settings.server.header_timeout_s, self._left_s())
        await self._until(lambda: not self._unheard(), within_s)
        self.config.timeout_graceful_shutdown = ceil(self._left_s())
        await super().shutdown(sockets)
        if self.force_exit:  # uvicorn would leave it as it is
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_S):
                    await self.lifespan.shutdown()

    def _left_s(self) -> float:
        """Until the hard end. After a signal during the start there is nobody to wait for."""
        if self.force_exit or self._ends_at == inf:
            return 0
        return max(0, self._ends_at - asyncio.get_running_loop().time())

    async def _empty(self) -> None:
        """Until no socket is left, those without a hello included."""
        await drain(self.lifespan.state["realtime"].hub, self._settings.server)
        for late in self._sockets():
            late.send_close(CloseCode.DRAINING, DRAIN_REASON)
        await self._until(lambda: not self._sockets(), CLOSING_S)

    async def _until(self, condition: Callable[[], bool], within_s: float) -> None:
        """Of what uvicorn keeps, whose changes nothing announces."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not (condition() or self.force_exit):  # noqa: ASYNC110
                    await asyncio.sleep(TICK_S / 10)

    def _unheard(self) -> bool:
        """There are connections whose first request is still to come. Uvicorn would close them as
        if they were idle, and whoever has just connected would get no answer."""
        return any(getattr(c, "cycle", self) is None for c in self.server_state.connections)

    def _sockets(self) -> list[ChatWebSocketProtocol]:
        connections = self.server_state.connections
        return [c for c in connections if isinstance(c, ChatWebSocketProtocol)]


def config_of(settings: Settings) -> uvicorn.Config:
    """Without uvicorn's own pings: `chat.v1` has its heartbeat, by one clock for all sockets, and
    these would be a timer for each. Raises SettingsError."""
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


def spare_what_stays() -> None:
    """Ask less of the garbage collector: a process is mostly what stays, code and then sockets.

    Everything there is now is never looked at again, and later objects are once for every 5,000
    new ones instead of 700, which with thousands of sockets took a fourth of the CPU of a hello.
    References free nearly everything without it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 10, 10)


def check_certificate(server: Server) -> None:
    """What uvicorn would end with a traceback for. Raises SettingsError."""
    if server.tls_certificate is None or server.tls_key is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            server.tls_certificate,
            server.tls_key,
            password="",  # else OpenSSL asks for one at the terminal
        )
    except OSError as error:
        raise SettingsError(
            f"{PREFIX}SERVER__TLS_CERTIFICATE, {PREFIX}SERVER__TLS_KEY: cannot use "
            f"{server.tls_certificate} with {server.tls_key}: {error.strerror or error}. "
            "Both are PEM files, the key has no passphrase and belongs to the certificate."
        ) from None


def serve(settings: Settings) -> None:
    """Run until SIGINT or SIGTERM; SIGHUP starts the program anew, as the same process."""
    configure_logs(settings.server)
    server = ChatServer(settings)
    with contextlib.suppress(KeyboardInterrupt):  # before it listens for signals
        server.run()
    if server.restarts:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606
    if not server.started:
        raise SystemExit(1)


def where(settings: Settings, port: int) -> str:
    """What a person wants to know at the start."""
    secure = "s" if settings.server.tls_certificate else ""
    host = settings.server.host
    address = f"{in_url(LOCAL.get(host, host))}:{port}"
    base = f"http{secure}://{address}"
    ca = settings.server.tls_certificate and settings.server.tls_certificate.parent / "ca.pem"
    trust = f" --ca {ca}" if ca and ca.exists() else ""
    everywhere = f" (all addresses: {in_url(host)}:{port})" if host in LOCAL else ""
    return (
        f"Chat on {base}{everywhere}\n"
        f"  API      {base}/docs\n"
        f"  socket   ws{secure}://{address}/ws\n"
        f"  health   {base}/health/ready\n"
        f"  a chat   {_python()} -m app chat --server {base}{trust} --user NAME --room general\n"
        "Ctrl-C stops it."
    )


def _python() -> str:
    """This interpreter, as a person in this directory would type it."""
    here = Path(sys.executable)
    return str(here.relative_to(Path.cwd()) if here.is_relative_to(Path.cwd()) else here)
