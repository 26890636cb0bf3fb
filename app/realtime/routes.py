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

    Plain ASGI: a route of FastAPI keeps exit stacks and the frames of its dependencies alive for
    every socket, about 6 of the 38 KB of Python objects that an idle one cost.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        hub = cast(Hub, websocket.state.hub)
        lobby = cast(Lobby, websocket.state.lobby)
        await Connection(websocket, context_of(websocket), hub).run(lobby)


ws = WebSocketRoute("/ws", Door())
