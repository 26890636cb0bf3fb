"""GET /ws, and what answers every other attempt to open a WebSocket."""

from typing import NoReturn, cast

from starlette.requests import Request
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from app.http.dependencies import get_context
from app.http.problems import problem_response
from app.realtime.connection.handshake import Handshake
from app.realtime.connection.services import ConnectionServices
from app.wire.errors import NotFound, UpgradeRequired


class WebSocketEndpoint:
    """The realtime protocol `chat.v1`: docs/protocol.md.

    Plain ASGI: it needs nothing of what a route of FastAPI sets up for each call. The call ends
    when the hello is answered; the connection outlives it.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        services = cast(ConnectionServices, websocket.state.connection_services)
        await Handshake(websocket, get_context(websocket), services).run()


async def require_upgrade(_: Request) -> NoReturn:
    raise UpgradeRequired(
        "This is a WebSocket, and the request does not ask for one by GET of HTTP/1.1 with "
        "`Connection: Upgrade`, `Upgrade: websocket` and no body. If the client did, a proxy in "
        "between has dropped its `Upgrade` and `Connection` headers: docs/operations.md, Proxies."
    )


async def refuse_handshake(websocket: WebSocket) -> None:
    """Starlette would answer 403."""
    error = NotFound("There is no socket at this address; the one that there is, is /ws.")
    await websocket.send_denial_response(problem_response(error, websocket.state.request_id))


websocket_routes = [
    WebSocketRoute("/ws", WebSocketEndpoint()),
    Route("/ws", require_upgrade),
    WebSocketRoute("/{path:path}", refuse_handshake),
]
