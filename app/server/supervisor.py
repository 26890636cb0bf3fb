"""`serve --workers N`: N processes on one port, and a supervisor that restarts them.

Every worker has its own listening sockets on the shared port (SO_REUSEPORT), over which the kernel
spreads the connections. The supervisor opens them and keeps them open, so that connections which
wait when a worker dies are accepted by its successor.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from dataclasses import dataclass

import structlog

from app.logs import configure_logs
from app.server.listeners import bind, open_shared_listeners
from app.server.uvicorn_server import ChatServer, format_startup_message
from app.server.worker_metrics import WorkerMetrics
from app.settings import PREFIX, Settings, SettingsError
from app.standard_streams import has_terminal

READY = b"+"
STABLE_AFTER_S = 10.0  # a worker that ran longer is restarted without delay
MAX_RESTART_DELAY_S = 30.0
KILL_DELAY_S = 10.0  # after the shutdown timeout

log = structlog.get_logger(__name__)


class Worker(ChatServer):
    """A server that signals through its channel that it listens, and that drains when the
    supervisor closes the channel or dies."""

    def __init__(self, settings: Settings, channel: socket.socket) -> None:
        super().__init__(settings)
        self._channel = channel

    def announce_listening(self) -> None:
        asyncio.get_running_loop().add_reader(self._channel, self._on_channel_closed)
        with contextlib.suppress(OSError):
            self._channel.send(READY)

    def _on_channel_closed(self) -> None:
        asyncio.get_running_loop().remove_reader(self._channel)
        self.should_exit = True


def run_worker(settings: Settings, listeners: list[int], channel: int) -> None:
    """Runs a worker process. The numbers are file descriptors inherited from the supervisor."""
    configure_logs(settings.server)
    worker = Worker(settings, socket.socket(fileno=channel))
    with contextlib.suppress(KeyboardInterrupt):
        worker.run([socket.socket(fileno=number) for number in listeners])
    if not worker.started:
        raise SystemExit(1)


def supervise(settings: Settings) -> None:
    """Runs `server.workers` processes until SIGINT or SIGTERM; SIGHUP replaces them one by one.
    Raises SettingsError without a database and Redis to share, or if the port is in use."""
    if settings.database.is_sqlite or not settings.redis.url:
        raise SettingsError(
            f"{PREFIX}SERVER__WORKERS: several processes need a MySQL or MariaDB "
            f"({PREFIX}DATABASE__URL) and Redis ({PREFIX}REDIS__URL) to share. "
            "SQLite serves one process."
        )
    configure_logs(settings.server)
    if not asyncio.run(Supervisor(settings).run()):
        raise SystemExit(1)


@dataclass(slots=True, eq=False)
class WorkerSlot:
    """The place of one worker after another. `ready`: the current one listens. `stopping`: it was
    asked to stop, so its exit is no failure."""

    listeners: list[socket.socket]
    process: Process | None = None
    channel: socket.socket | None = None
    ready: bool = False
    stopping: bool = False
    failures: int = 0

    def stop_listening(self) -> None:
        """Replaces the listeners by ones that only hold the port, so that other workers get the
        connections until a new worker listens."""
        for n, listener in enumerate(self.listeners):
            self.listeners[n] = bind(listener.family, listener.getsockname(), shared=True)
            listener.close()

    def release(self) -> None:
        """Tells the worker to drain and exit."""
        self.stopping = True
        if self.channel:
            with contextlib.suppress(OSError):  # it has exited already
                self.channel.shutdown(socket.SHUT_WR)


class Supervisor:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._slots: list[WorkerSlot] = []
        self._stopping = asyncio.Event()
        self._listening = asyncio.Condition()
        self._started = False  # all of them listened once
        self._replacing: asyncio.Task[None] | None = None
        self._has_terminal = has_terminal()

    async def run(self) -> bool:
        """Runs until it is asked to stop. Returns False if the workers could not start."""
        loop = asyncio.get_running_loop()
        self._slots = [
            WorkerSlot(listeners) for listeners in open_shared_listeners(self._settings.server)
        ]
        port = self._slots[0].listeners[0].getsockname()[1]
        self._metrics = WorkerMetrics(self._settings.server.data_dir / "metrics" / str(port))
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
            loop.add_signal_handler(signal.SIGHUP, self._replace)
        async with asyncio.TaskGroup() as tasks:
            killing = tasks.create_task(self._kill_after_timeout())
            await asyncio.gather(
                *(tasks.create_task(self._supervise_slot(slot)) for slot in self._slots)
            )
            killing.cancel()
            if self._replacing:
                self._replacing.cancel()
        self._metrics.delete()
        return self._started

    def _stop(self) -> None:
        """The first call drains the workers, the second ends them immediately."""
        if self._stopping.is_set():
            for slot in self._slots:
                _signal(slot, signal.SIGTERM)
        self._stopping.set()
        for slot in self._slots:
            slot.release()

    async def _kill_after_timeout(self) -> None:
        await self._stopping.wait()
        await asyncio.sleep(self._settings.server.shutdown_timeout_s + KILL_DELAY_S)
        for slot in self._slots:
            _signal(slot, signal.SIGKILL)

    def _replace(self) -> None:
        """Replaces all workers, or stops if the signal means that the terminal was closed."""
        if self._has_terminal != has_terminal():
            self._stop()
        elif self._started and (self._replacing is None or self._replacing.done()):
            self._replacing = asyncio.create_task(self._replace_all())

    async def _replace_all(self) -> None:
        for slot in self._slots:
            old = slot.process
            slot.release()
            async with self._listening:
                while slot.process in (old, None) or not slot.ready:
                    await self._listening.wait()

    async def _supervise_slot(self, slot: WorkerSlot) -> None:
        """Runs worker after worker until the supervisor stops."""
        loop = asyncio.get_running_loop()
        try:
            while not self._stopping.is_set():
                started_at = loop.time()
                code = await self._run_worker(slot)
                if self._stopping.is_set():
                    return
                if not slot.ready:
                    log.error("process.start_failed", code=code)
                    if not self._started:
                        self._stop()
                        return
                    slot.stop_listening()
                await self._wait_before_restart(slot, loop.time() - started_at, code)
        finally:
            for listener in slot.listeners:
                listener.close()

    async def _run_worker(self, slot: WorkerSlot) -> int:
        """Runs one worker until it exits. Returns its exit code."""
        slot.ready = slot.stopping = False
        slot.channel, worker_channel = socket.socketpair()
        with worker_channel:
            numbers = [listener.fileno() for listener in slot.listeners]
            slot.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app", "worker", "--channel", str(worker_channel.fileno())),
                *(word for number in numbers for word in ("--listen", str(number))),
                pass_fds=[*numbers, worker_channel.fileno()],
                env=os.environ | self._metrics.environment(self._slots.index(slot)),
                process_group=0,  # Ctrl-C in a terminal reaches the supervisor only
            )
        if self._stopping.is_set():
            slot.release()
        readiness = asyncio.create_task(self._wait_until_ready(slot, slot.channel))
        code = await slot.process.wait()
        self._metrics.forget(self._slots.index(slot))
        readiness.cancel()
        await asyncio.wait([readiness])
        slot.channel.close()
        slot.process = slot.channel = None
        return code

    async def _wait_until_ready(self, slot: WorkerSlot, channel: socket.socket) -> None:
        channel.setblocking(False)
        if await asyncio.get_running_loop().sock_recv(channel, 1) != READY:
            return
        slot.ready = True
        async with self._listening:
            self._listening.notify_all()
        if not self._started and all(slot.ready for slot in self._slots):
            self._started = True
            port = slot.listeners[0].getsockname()[1]
            print(format_startup_message(self._settings, port), file=sys.stderr, flush=True)

    async def _wait_before_restart(self, slot: WorkerSlot, uptime_s: float, code: int) -> None:
        """Waits, with growing delays if workers fail soon after their start."""
        if slot.stopping:
            return
        slot.failures = 0 if uptime_s > STABLE_AFTER_S else slot.failures + 1
        delay_s = min(MAX_RESTART_DELAY_S, 2.0 ** (slot.failures - 2)) if slot.failures else 0.0
        log.error("process.exited", code=code, uptime_s=round(uptime_s, 1), restart_delay_s=delay_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._stopping.wait()


def _signal(slot: WorkerSlot, number: signal.Signals) -> None:
    if slot.process:
        with contextlib.suppress(ProcessLookupError):
            slot.process.send_signal(number)
