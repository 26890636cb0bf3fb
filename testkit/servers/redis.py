"""Redis for a test run: a process of its own, or the one in TEST_REDIS_URL."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import port_for

from testkit.servers.process import HOST, Server, own_server, require

VARIABLE = "TEST_REDIS_URL"


@dataclass(frozen=True)
class RedisServer:
    url: str
    own: Server | None

    @property
    def server(self) -> Server:
        """The process, to kill or freeze."""
        return own_server(self.own, VARIABLE)


@contextmanager
def run_redis(directory: Path, *options: str) -> Iterator[RedisServer]:
    """`options` of redis-server are for a process of this test run."""
    given = os.environ.get(VARIABLE)
    if given:
        yield RedisServer(given, None)
        return
    program = require("redis-server", VARIABLE, f"redis://{HOST}:6379/0")
    port = port_for.select_random()
    command = [
        *(program, "--port", str(port), "--bind", HOST, "--dir", str(directory)),
        *("--save", "", "--appendonly", "no"),
        *options,
    ]
    server = Server(command, port, directory / "log")
    server.start()
    try:
        yield RedisServer(f"redis://{HOST}:{port}/0", server)
    finally:
        server.stop()


@contextmanager
def run_sentinel(directory: Path) -> Iterator[RedisServer]:
    """A Sentinel without a master."""
    configuration = directory / "sentinel.conf"
    configuration.touch()
    port = port_for.select_random()
    program = require("redis-server", VARIABLE, f"redis://{HOST}:6379/0")
    server = Server(
        [program, str(configuration), "--port", str(port), "--bind", HOST, "--sentinel"],
        port,
        directory / "log",
    )
    server.start()
    try:
        yield RedisServer(f"redis://{HOST}:{port}/0", server)
    finally:
        server.stop()
