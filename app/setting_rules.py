"""Rules between settings of different groups."""

import os
from collections.abc import Callable

Number = Callable[[str], float]  # the value of GROUP__NAME

MAX_BYTES_PER_CHAR = 4  # UTF-8
MAX_ENVELOPE_BYTES = 384  # of a frame or a body, around its text

# The first must not be greater than the second, or else the third happens.
_ORDER = (
    (
        "REALTIME__PING_INTERVAL_S",
        "REALTIME__IDLE_TIMEOUT_S",
        "sockets would end before their ping",
    ),
    (
        "REALTIME__BADGE_INTERVAL_MS",
        "REALTIME__BADGE_INTERVAL_LARGE_MS",
        "large rooms would have more updates",
    ),
    ("AUTH__ACCESS_TOKEN_TTL_S", "AUTH__REFRESH_TOKEN_TTL_S", "access would outlive its login"),
    ("LIMITS__FRAME_BYTES", "LIMITS__HELLO_BYTES", "larger frames would not reach the server"),
    (
        "LIMITS__FRAME_BYTES",
        "LIMITS__SEND_BUFFER_BYTES",
        "one frame could fill the buffer of a socket",
    ),
    (
        "LIMITS__CATCHUP_EVENTS_PER_ROOM",
        "LIMITS__CATCHUP_EVENTS_PER_REQUEST",
        "no room would replay as much",
    ),
)


def find_conflicts(prefix: str, number: Number) -> list[str]:
    """One sentence for each broken rule."""
    conflicts = [
        f"{prefix}{large} is less than {prefix}{small}: {why}"
        for small, large, why in _ORDER
        if number(small) > number(large)
    ]
    if number("SERVER__DRAIN_SPREAD_S") + number("SERVER__DRAIN_GRACE_S") > number(
        "SERVER__SHUTDOWN_TIMEOUT_S"
    ):
        conflicts.append(
            f"{prefix}SERVER__SHUTDOWN_TIMEOUT_S is less than {prefix}SERVER__DRAIN_SPREAD_S and "
            f"{prefix}SERVER__DRAIN_GRACE_S together: sockets would be cut off before they are "
            "asked to move"
        )
    needed = int(number("LIMITS__TEXT_CHARS")) * MAX_BYTES_PER_CHAR + MAX_ENVELOPE_BYTES
    conflicts += [
        f"{prefix}{carrier} is less than the {needed} bytes that a text of "
        f"{prefix}LIMITS__TEXT_CHARS may need"
        for carrier in ("LIMITS__FRAME_BYTES", "SERVER__MAX_BODY_BYTES")
        if number(carrier) < needed
    ]
    needed = int(number("AUTH__ARGON2_MEMORY_KIB") * number("AUTH__ARGON2_WORKERS")) >> 10
    present = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    if needed > present:
        conflicts.append(
            f"{prefix}AUTH__ARGON2_MEMORY_KIB times {prefix}AUTH__ARGON2_WORKERS is {needed} MiB, "
            f"and this machine has {present} MiB"
        )
    return conflicts
