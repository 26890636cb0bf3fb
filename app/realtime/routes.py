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

    Plain ASGI: a route of FastAPI keeps two exit stacks and a dozen frames alive for every socket,
    which is a third of what an idle one costs.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        hub = cast(Hub, websocket.state.hub)
        lobby = cast(Lobby, websocket.state.lobby)
        await Connection(websocket, context_of(websocket), hub).run(lobby)


ws = WebSocketRoute("/ws", Door())
