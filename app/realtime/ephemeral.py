"""Frames that nobody has to get: presence and typing."""

from pydantic import BaseModel

from app.realtime.protocol import encode
from app.realtime.socket import Socket
from app.realtime.transport import text_frame

SLOW_BYTES = 64 * 1024


def whisper(socket: Socket, frame: BaseModel | bytes) -> bool:
    """Send a frame (bytes: framed already), unless the peer is behind with reading. False: not
    sent."""
    if socket.unsent_bytes() > SLOW_BYTES:
        return False
    socket.push(frame if isinstance(frame, bytes) else text_frame(encode(frame)))
    return True
