"""Python imports this first in every process that a measured run of the tests starts.

testkit/coverage.py puts this folder into their PYTHONPATH.
"""

import contextlib
import signal
import sys


class StartOnImport:
    """Starts the measurement when a process imports `app`, so that no other program is slowed."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "app":
            sys.meta_path.remove(self)
            _start()


def _start() -> None:
    """Ctrl-C ends the process without a traceback meanwhile, as in app/__main__.py."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    with contextlib.suppress(ModuleNotFoundError):  # in an environment without slipcover
        import report_coverage  # noqa: F401, PLC0415
    signal.signal(signal.SIGINT, handler)


sys.meta_path.insert(0, StartOnImport())
