"""What a process logs."""

import json
import subprocess
import sys
from typing import Any

import pytest

PROGRAM = """
import logging, sys
from app.logs import configure_logs
from app.settings import Server

configure_logs(Server(log_format="json"))
try:
    raise RuntimeError("the handler is closed")
except RuntimeError:
    logging.getLogger(sys.argv[1]).error(sys.argv[2], "c1", exc_info=sys.argv[3] == "traced")
"""
POOL = "sqlalchemy.pool.impl.AsyncAdaptedQueuePool"


def logged(name: str, message: str, traced: str) -> dict[str, Any]:
    """The line of an error that a library logs, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, name, message, traced],
        capture_output=True,
        check=True,
        text=True,
    )
    line: dict[str, Any] = json.loads(done.stderr)
    return line


@pytest.mark.parametrize("doing", ["terminating", "closing"])
def test_a_dead_pooled_connection_is_logged_as_warning(doing: str) -> None:
    line = logged(POOL, f"Exception {doing} connection %r", "traced")
    assert line["level"] == "warning"
    assert line["event"] == (
        f"Exception {doing} connection 'c1': RuntimeError('the handler is closed')"
    )
    assert "exception" not in line


@pytest.mark.parametrize(
    ("name", "traced"), [(POOL, ""), ("uvicorn.error", ""), ("uvicorn.error", "traced")]
)
def test_other_pool_errors_are_logged_as_errors(name: str, traced: str) -> None:
    line = logged(name, "a connection was never returned: %s", traced)
    assert line["level"] == "error"
    assert ("exception" in line) == bool(traced)
