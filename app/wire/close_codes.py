"""Close codes of `chat.v1` sockets."""

from enum import IntEnum
from typing import Self


class CloseCode(IntEnum):
    """The range tells a client what to do: 40xx reconnect and resume, 44xx stop."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        member = int.__new__(cls, code)
        member._value_, member.meaning = code, meaning
        return member

    INTERNAL = 4000, "the server failed on this socket"
    DRAINING = 4001, "the process is being stopped"
    HEARTBEAT = 4008, "the client was silent for too long"
    RESTORED = 4010, "the database was restored from a backup: positions have another epoch"
    OVERLOADED = 4013, "the server cannot take the socket now"
    SLOW = 4014, "the client reads more slowly than the server sends"
    RATE = 4029, "too many refused frames, pings, pongs or fragments, or `hello` frames of a user"
    MALFORMED = 4400, "the first frame is no `hello`"
    UNAUTHENTICATED = (
        4401,
        "no `hello` in time, or an invalid token (`unauthenticated`, `token_expired`)",
    )
    EXPIRED = 4402, "the session of an open socket has expired"
    REVOKED = 4403, "the session was ended by a logout, a new password or a ban"
    REPLACED = 4409, "the user has opened more sockets than allowed; this was the oldest"
