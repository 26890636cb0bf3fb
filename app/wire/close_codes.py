"""Close codes of `chat.v1` sockets."""

from enum import IntEnum


class CloseCode(IntEnum):
    """The range is the verdict: 40xx come back and resume, 44xx stop."""

    INTERNAL = 4000
    DRAINING = 4001
    HEARTBEAT = 4008
    OVERLOADED = 4013
    SLOW = 4014
    RATE = 4029
    MALFORMED = 4400
    UNAUTHENTICATED = 4401
    EXPIRED = 4402
    REVOKED = 4403
    REPLACED = 4409
