"""Who may connect: what is refused during the handshake, and the authentication of `hello`."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.websockets import WebSocket

from app.application.app_context import AppContext
from app.application.session_lookup import identify
from app.core.actor import Actor
from app.core.origins import is_allowed, is_same_origin
from app.core.rate_limit import address_key
from app.persistence.repositories.session_states import SessionState
from app.settings import Settings
from app.users.sessions import redeem_ticket
from app.wire.errors import Busy, Forbidden, Invalid, RateLimited, Unauthenticated
from app.wire.frames import SUBPROTOCOL


class PendingConnections:
    """WebSockets that have not said hello yet, bounded per address and in all."""

    def __init__(self, max_per_address: int, max_total: int) -> None:
        self._max_per_address, self._max_total = max_per_address, max_total
        self._by_address: Counter[str] = Counter()
        self._total = 0

    @contextmanager
    def slot(self, address: str) -> Iterator[None]:
        key = address_key(address)
        self._by_address[key] += 1
        self._total += 1
        try:
            yield
        finally:
            self._total -= 1
            self._by_address[key] -= 1
            if not self._by_address[key]:
                del self._by_address[key]

    def check_limit(self, address: str) -> None:
        """Raises Busy or RateLimited."""
        if self._total >= self._max_total:
            raise Busy("Too many sockets have not said hello. Come back.", retry_after_ms=5000)
        if self._by_address[address_key(address)] >= self._max_per_address:
            raise RateLimited(
                "Too many sockets from this address have not said hello. Wait.",
                retry_after_ms=5000,
            )


def check_handshake(websocket: WebSocket, settings: Settings) -> None:
    """Raises Invalid without the subprotocol, Forbidden for a page of another origin.

    A browser always sends the Origin of its page. Native clients send none, which is accepted,
    because no cookie authenticates here.
    """
    if SUBPROTOCOL not in websocket.scope["subprotocols"]:
        raise Invalid(f"Ask for the subprotocol: `Sec-WebSocket-Protocol: {SUBPROTOCOL}`.")
    origin = websocket.headers.get("origin")
    if origin is None or is_allowed(origin, settings.server.origins):
        return
    secure = websocket.scope["scheme"] == "wss"
    if not is_same_origin(origin, websocket.headers.get("host", ""), secure=secure):
        raise Forbidden(
            f"Pages of {origin[:200]!r} may not connect here. "
            "CHAT_SERVER__ALLOWED_ORIGINS lists those that may."
        )


async def authenticate(context: AppContext, token: str) -> tuple[Actor, SessionState]:
    """The actor and session of a hello's token: an access token has dots, a ticket has none. Raises
    Unauthenticated or SessionEnded."""
    if "." in token:
        return await identify(context, token)
    redeemed = await context.database.transact(redeem_ticket, token)
    if redeemed is None:
        raise Unauthenticated(
            "The ticket is unknown, used or too old. Get a new one from POST /api/v1/ws-tickets."
        )
    return redeemed
