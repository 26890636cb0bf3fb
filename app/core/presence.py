"""What can be said of whether a user is connected."""

from enum import StrEnum


class State(StrEnum):
    ONLINE = "online"
    OFFLINE = "offline"
    UNKNOWN = "unknown"  # it cannot be said now, or not to whoever asks
