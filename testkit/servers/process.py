"""A server of this test run, which tests may kill or freeze."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mirakuru import TCPExecutor
from mirakuru.base import SimpleExecutor
from mirakuru.exceptions import ExecutorError

from testkit.waiting import LIMIT_S, eventually

HOST = "127.0.0.1"


class Server:
    """Accepts connections on `port` once `start` returns. Its output is in `log`."""

    def __init__(self, command: list[str], port: int, log: Path) -> None:
        self.port = port
        self._log = log
        self._executor = TCPExecutor(
            [*ends_with_parent(), *command],
            host=HOST,
            port=port,
            timeout=LIMIT_S,
            sleep=0.02,
            stdin=subprocess.DEVNULL,
            expected_returncode=0,
        )

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._executor._stdout = self._executor._stderr = log
            try:
                self._executor.start()
            except ExecutorError as error:
                tail = self._log.read_text(errors="replace")[-2000:]
                pytest.fail(f"The server did not start: {error}\n{tail}", pytrace=False)

    async def start_here(self) -> None:
        """`start`, while the event loop continues. Not in a thread: the process would end with
        it."""
        with self._log.open("ab") as log:
            self._executor._stdout = self._executor._stderr = log
            SimpleExecutor.start(self._executor)
        await eventually(self._is_up)

    def _is_up(self) -> bool:
        assert self._executor.running(), self._log.read_text(errors="replace")[-2000:]
        return bool(self._executor.pre_start_check())

    def stop(self) -> None:
        """Stop in order, like an operator."""
        self.thaw()
        self._executor.stop()

    async def stop_here(self) -> None:
        """`stop`, while the event loop continues."""
        self.thaw()
        os.kill(self.pid, signal.SIGTERM)
        await eventually(lambda: not self._executor.running())
        self.kill()

    def kill(self) -> None:
        """As by a power failure: unwritten data is lost."""
        self._executor.kill()

    def freeze(self) -> None:
        """Connections stay open and get no reply."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        if self._executor.running():
            os.kill(self.pid, signal.SIGCONT)

    @contextmanager
    def killed(self) -> Iterator[None]:
        self.kill()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        self.freeze()
        try:
            yield
        finally:
            self.thaw()

    @property
    def pid(self) -> int:
        assert self._executor.process is not None, "the server is not running"
        return self._executor.process.pid


def ends_with_parent() -> list[str]:
    """The beginning of a command that the kernel ends when this process dies, however it dies."""
    return [setpriv, "--pdeathsig", "KILL"] if (setpriv := find("setpriv")) else []


def own_server(server: Server | None, variable: str) -> Server:
    """Skips the test if the server is one that `variable` names."""
    if server is None:
        pytest.skip(f"the server in {variable} is not ours to stop")
    return server


def find(program: str) -> str | None:
    """The path of a program, also where an ordinary user's PATH does not look."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def require(program: str, variable: str = "", example: str = "") -> str:
    """The path of `program`. Without it the test fails: a skipped test would prove nothing."""
    path = find(program)
    if path is None:
        instead = f", or name a server that runs: {variable}={example}" if variable else ""
        pytest.fail(
            f"{program} is not on this machine. "
            f"Install it with testkit/servers/install.sh{instead}. "
            "To run only what needs no server: make test-embedded",
            pytrace=False,
        )
    return path
