"""uvicorn, as this program needs it."""

import contextlib
import socket
import sys
from pathlib import Path

import uvicorn

from app.logs import configure_logs
from app.main import create_app
from app.settings import Settings

WS = "app.realtime.transport:ChatWebSocketProtocol"
# Sockets end at once on shutdown (1012: come back and resume); requests get this long.
GRACE_S = 10


class ChatServer(uvicorn.Server):
    """One HTTP(S) and WS(S) port. Says where to look once it listens."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(config_of(settings))
        self._settings = settings

    @property
    def port(self) -> int:
        """The real one, also where the settings say 0."""
        port: int = self.servers[0].sockets[0].getsockname()[1]
        return port

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(_where(self._settings, self.port), file=sys.stderr, flush=True)


def config_of(settings: Settings) -> uvicorn.Config:
    """uvicorn's own pings stay, as a backstop behind those of the protocol."""
    server = settings.server
    return uvicorn.Config(
        create_app(settings),
        host=server.host,
        port=server.port,
        ssl_certfile=server.tls_certificate,
        ssl_keyfile=server.tls_key,
        ws=WS,
        ws_max_size=settings.limits.hello_bytes,
        ws_per_message_deflate=False,
        ws_ping_interval=60,
        ws_ping_timeout=60,
        http="httptools",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
    )


def serve(settings: Settings) -> None:
    """Run until SIGINT or SIGTERM."""
    configure_logs(settings.server)
    server = ChatServer(settings)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again when it has stopped
        server.run()
    if not server.started:
        raise SystemExit(1)


def _where(settings: Settings, port: int) -> str:
    secure = "s" if settings.server.tls_certificate else ""
    host = settings.server.host
    base = f"http{secure}://{host}:{port}"
    ca = settings.server.tls_certificate and settings.server.tls_certificate.parent / "ca.pem"
    trust = f" --ca {ca}" if ca and ca.exists() else ""
    return (
        f"Chat on {base}\n"
        f"  API      {base}/docs\n"
        f"  socket   ws{secure}://{host}:{port}/ws\n"
        f"  health   {base}/health/ready\n"
        f"  a chat   {_python()} -m app chat --server {base}{trust} --user NAME --room general\n"
        "Ctrl-C stops it."
    )


def _python() -> str:
    """This interpreter, as a person in this directory would type it."""
    here = Path(sys.executable)
    return str(here.relative_to(Path.cwd()) if here.is_relative_to(Path.cwd()) else here)
