"""The standard streams and the terminal that a process is started with."""

import os
import sys


def open_standard_streams() -> None:
    """Opens those of the descriptors 0 to 2 that are closed, on /dev/null.

    Otherwise a socket or the event loop would get such a number, and text for standard error would
    be written to it.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    # A stream that was closed when Python started is None.
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def has_terminal() -> bool:
    """Whether the process still has a controlling terminal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
