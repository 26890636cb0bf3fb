"""GET /ws."""

from typing import cast

from fastapi import APIRouter, WebSocket

from app.realtime.connection import Connection
from app.realtime.handshake import Lobby
from app.realtime.hub import Hub
from app.web.deps import context_of

router = APIRouter()


@router.websocket("/ws")
async def ws(websocket: WebSocket) -> None:
    """The realtime protocol `chat.v1`: docs/protocol.md."""
    hub = cast(Hub, websocket.state.hub)
    lobby = cast(Lobby, websocket.state.lobby)
    await Connection(websocket, context_of(websocket), hub).run(lobby)
