"""python -m app."""

import sys

import structlog

from app.cli import app

# What a command prints is its answer; what it logs on the way is not. `serve` sets up more.
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
app(prog_name="python -m app")
