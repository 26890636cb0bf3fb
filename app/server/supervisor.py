"""`serve --workers N`: N processes on one port, and one that keeps them running.

Every worker has listening sockets of its own on the shared port (SO_REUSEPORT), among which the
kernel spreads the connections. The parent made them and keeps them: what waits to be accepted when
a worker dies is accepted by its successor.
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
from app.server.uvicorn_server import ChatServer, where
from app.server.worker_metrics import WorkerMetrics
from app.settings import PREFIX, Settings, SettingsError
from app.standard_streams import has_terminal

READY = b"+"
SETTLED_S = 10.0  # who lived that long is started again at once
MOST_PAUSE_S = 30.0
LAST_S = 10.0  # beyond the hard end of a drain, before a worker is killed

log = structlog.get_logger(__name__)


class Worker(ChatServer):
    """Tells its parent through the channel that it listens, and drains when the parent closes it,
    or is gone."""

    def __init__(self, settings: Settings, channel: socket.socket) -> None:
        super().__init__(settings)
        self._channel = channel

    def say_that_it_listens(self) -> None:
        asyncio.get_running_loop().add_reader(self._channel, self._released)
        with contextlib.suppress(OSError):
            self._channel.send(READY)

    def _released(self) -> None:
        asyncio.get_running_loop().remove_reader(self._channel)
        self.should_exit = True


def work(settings: Settings, listeners: list[int], channel: int) -> None:
    """The life of a worker. The numbers are descriptors that it has from its parent."""
    configure_logs(settings.server)
    worker = Worker(settings, socket.socket(fileno=channel))
    with contextlib.suppress(KeyboardInterrupt):
        worker.run([socket.socket(fileno=number) for number in listeners])
    if not worker.started:
        raise SystemExit(1)


def supervise(settings: Settings) -> None:
    """Run `server.workers` processes until SIGINT or SIGTERM; SIGHUP replaces them one by one.
    Raises SettingsError where they could not share their work, or their port."""
    if settings.database.is_sqlite or not settings.redis.url:
        raise SettingsError(
            f"{PREFIX}SERVER__WORKERS: several processes need a MySQL or MariaDB "
            f"({PREFIX}DATABASE__URL) and Redis ({PREFIX}REDIS__URL) to share. "
            "SQLite serves one process."
        )
    configure_logs(settings.server)
    if not asyncio.run(Parent(settings).run()):
        raise SystemExit(1)


@dataclass(slots=True, eq=False)
class Slot:
    """One worker after the other. `ready`: the last one has listened. `asked`: it was told to go,
    and its end is no failure."""

    listeners: list[socket.socket]
    process: Process | None = None
    channel: socket.socket | None = None
    ready: bool = False
    asked: bool = False
    failures: int = 0

    def stop_listening(self) -> None:
        """The port stays ours, and others get the connections, until a worker listens again."""
        for n, listener in enumerate(self.listeners):
            self.listeners[n] = bind(listener.family, listener.getsockname(), shared=True)
            listener.close()

    def release(self) -> None:
        """The worker drains and ends."""
        self.asked = True
        if self.channel:
            with contextlib.suppress(OSError):  # it has ended by itself
                self.channel.shutdown(socket.SHUT_WR)


class Parent:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._slots: list[Slot] = []
        self._stopping = asyncio.Event()
        self._listening = asyncio.Condition()
        self._started = False  # all of them listened once
        self._replacing: asyncio.Task[None] | None = None
        self._has_terminal = has_terminal()

    async def run(self) -> bool:
        """Until it is told to stop; False if the workers could not start."""
        loop = asyncio.get_running_loop()
        self._slots = [Slot(each) for each in open_shared_listeners(self._settings.server)]
        port = self._slots[0].listeners[0].getsockname()[1]
        self._metrics = WorkerMetrics(self._settings.server.data_dir / "metrics" / str(port))
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
            loop.add_signal_handler(signal.SIGHUP, self._replace)
        async with asyncio.TaskGroup() as tasks:
            killing = tasks.create_task(self._kill_in_the_end())
            await asyncio.gather(*(tasks.create_task(self._keep(slot)) for slot in self._slots))
            killing.cancel()
            if self._replacing:
                self._replacing.cancel()
        self._metrics.delete()
        return self._started

    def _stop(self) -> None:
        """Drain; when told again, at once."""
        if self._stopping.is_set():
            for slot in self._slots:
                _signal(slot, signal.SIGTERM)
        self._stopping.set()
        for slot in self._slots:
            slot.release()

    async def _kill_in_the_end(self) -> None:
        await self._stopping.wait()
        await asyncio.sleep(self._settings.server.shutdown_timeout_s + LAST_S)
        for slot in self._slots:
            _signal(slot, signal.SIGKILL)

    def _replace(self) -> None:
        """Or end, if the signal comes because the terminal was closed."""
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

    async def _keep(self, slot: Slot) -> None:
        """Worker after worker, until it is told to stop."""
        loop = asyncio.get_running_loop()
        try:
            while not self._stopping.is_set():
                born = loop.time()
                code = await self._live(slot)
                if self._stopping.is_set():
                    return
                if not slot.ready:
                    log.error("worker.does_not_start", code=code)
                    if not self._started:
                        self._stop()
                        return
                    slot.stop_listening()
                await self._pause(slot, loop.time() - born, code)
        finally:
            for listener in slot.listeners:
                listener.close()

    async def _live(self, slot: Slot) -> int:
        """One worker, from its start to its end. Returns its exit code."""
        slot.ready = slot.asked = False
        slot.channel, theirs = socket.socketpair()
        with theirs:
            numbers = [listener.fileno() for listener in slot.listeners]
            slot.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app", "worker", "--channel", str(theirs.fileno())),
                *(word for number in numbers for word in ("--listen", str(number))),
                pass_fds=[*numbers, theirs.fileno()],
                env=os.environ | self._metrics.environment(self._slots.index(slot)),
                process_group=0,  # Ctrl-C in a terminal is the parent's
            )
        if self._stopping.is_set():
            slot.release()
        hearing = asyncio.create_task(self._hear(slot, slot.channel))
        code = await slot.process.wait()
        self._metrics.forget(self._slots.index(slot))
        hearing.cancel()
        await asyncio.wait([hearing])
        slot.channel.close()
        slot.process = slot.channel = None
        return code

    async def _hear(self, slot: Slot, channel: socket.socket) -> None:
        channel.setblocking(False)
        if await asyncio.get_running_loop().sock_recv(channel, 1) != READY:
            return
        slot.ready = True
        async with self._listening:
            self._listening.notify_all()
        if not self._started and all(slot.ready for slot in self._slots):
            self._started = True
            port = slot.listeners[0].getsockname()[1]
            print(where(self._settings, port), file=sys.stderr, flush=True)

    async def _pause(self, slot: Slot, lived_s: float, code: int) -> None:
        """Before the next one: none, unless the last ones failed soon after their start."""
        if slot.asked:
            return
        slot.failures = 0 if lived_s > SETTLED_S else slot.failures + 1
        pause_s = min(MOST_PAUSE_S, 2.0 ** (slot.failures - 2)) if slot.failures else 0.0
        log.error("worker.ended", code=code, lived_s=round(lived_s, 1), again_in_s=pause_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._stopping.wait()


def _signal(slot: Slot, number: signal.Signals) -> None:
    if slot.process:
        with contextlib.suppress(ProcessLookupError):
            slot.process.send_signal(number)
