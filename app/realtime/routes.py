"""GET /ws."""

from typing import cast

from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from app.realtime.connection import Connection
from app.realtime.handshake import Lobby
from app.realtime.hub import Hub
from app.web.deps import context_of


class Door:
    """The realtime protocol `chat.v1`: docs/protocol.md.

    Plain ASGI: it needs nothing of what a route of FastAPI sets up for each call. The call ends
    when the hello is answered; the socket goes on without it.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        hub = cast(Hub, websocket.state.hub)
        lobby = cast(Lobby, websocket.state.lobby)
        await Connection(websocket, context_of(websocket), hub).run(lobby)


ws = WebSocketRoute("/ws", Door())
