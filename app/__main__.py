"""python -m app."""

import signal

from app.standard_streams import open_standard_streams

open_standard_streams()
# Ctrl-C during the imports ends the program without a traceback.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import sys  # noqa: E402

import structlog  # noqa: E402

from app.cli import app  # noqa: E402


def main(name: str = "chat-server") -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Standard output is for a command's result, not for logs. `serve` configures more.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    app(prog_name=name)


if __name__ == "__main__":
    main("python -m app")
