"""Before a socket is one: what is refused as HTTP, and who says hello."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.websockets import WebSocket

from app.application.app_context import Context
from app.application.session_lookup import identify
from app.core.actor import Actor
from app.core.origins import is_allowed, is_own
from app.core.rate_limit import address_key
from app.persistence.repositories.sessions import SessionState
from app.settings import Settings
from app.users.sessions import redeem_ticket
from app.wire.errors import Busy, Forbidden, Invalid, RateLimited, Unauthenticated
from app.wire.frames import SUBPROTOCOL


class PendingConnections:
    """Sockets that have not said hello yet, bounded per address and in all."""

    def __init__(self, most_per_address: int, most: int) -> None:
        self._most_per_address, self._most = most_per_address, most
        self._waiting: Counter[str] = Counter()
        self._all = 0

    @contextmanager
    def slot(self, address: str) -> Iterator[None]:
        key = address_key(address)
        self._waiting[key] += 1
        self._all += 1
        try:
            yield
        finally:
            self._all -= 1
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]

    def check_limit(self, address: str) -> None:
        if self._all >= self._most:
            raise Busy("Too many sockets have not said hello. Come back.", retry_after_ms=5000)
        if self._waiting[address_key(address)] >= self._most_per_address:
            raise RateLimited(
                "Too many sockets from this address have not said hello. Wait.",
                retry_after_ms=5000,
            )


def check_handshake(websocket: WebSocket, settings: Settings) -> None:
    """Raises Invalid without the subprotocol, Forbidden for a page of another origin.

    A browser always says the Origin of its page; native clients say none, which is fine, because no
    cookie authenticates here.
    """
    if SUBPROTOCOL not in websocket.scope["subprotocols"]:
        raise Invalid(f"Ask for the subprotocol: `Sec-WebSocket-Protocol: {SUBPROTOCOL}`.")
    origin = websocket.headers.get("origin")
    if origin is None or is_allowed(origin, settings.server.origins):
        return
    secure = websocket.scope["scheme"] == "wss"
    if not is_own(origin, websocket.headers.get("host", ""), secure=secure):
        raise Forbidden(
            f"Pages of {origin[:200]!r} may not connect here. "
            "CHAT_SERVER__ALLOWED_ORIGINS lists those that may."
        )


async def authenticate(context: Context, token: str) -> tuple[Actor, SessionState]:
    """Who a hello speaks for: an access token has dots, a ticket has none."""
    if "." in token:
        return await identify(context, token)
    found = await context.database.transact(redeem_ticket, token)
    if found is None:
        raise Unauthenticated(
            "The ticket is unknown, used or too old. Get a new one from POST /api/v1/ws-tickets."
        )
    return found
