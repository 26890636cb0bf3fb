"""The obvious FastAPI server: it relays every text with `send_text` in a loop."""

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
clients: set[WebSocket] = set()


@app.websocket("/ws")
async def ws(websocket: WebSocket) -> None:
    await websocket.accept()
    clients.add(websocket)
    try:
        while True:
            text = await websocket.receive_text()
            for client in list(clients):
                await client.send_text(text)
    except WebSocketDisconnect:
        clients.discard(websocket)
