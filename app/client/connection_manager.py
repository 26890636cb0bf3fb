"""Keeps one connection open: reconnects, renews tokens and migrates when a server drains."""

import asyncio
import itertools
from contextlib import suppress

from app.client.api import Api
from app.client.backoff import Backoff
from app.client.close_policy import ConnectionLost, ReconnectAction
from app.client.connection import Connection, open_connection
from app.client.errors import ClientError, ClientStopped, RequestRejected, Unreachable
from app.client.event_queue import Connected, Disconnected, EventQueue
from app.client.frame_loop import FrameLoop
from app.client.http import ServerAddress
from app.client.rooms import Rooms
from app.client.send_queue import SendQueue
from app.client.session import Session
from app.wire.client_frames import Hello
from app.wire.frames import Welcome

MIN_PAUSE_S = 1.0  # between two attempts, also after `reconnect_soon`


class ConnectionManager:
    """`first` resolves to the first `welcome`, or to the error that stopped the client."""

    def __init__(
        self, server: ServerAddress, session: Session, backoff: Backoff, queue: EventQueue
    ) -> None:
        self._server, self._session, self._backoff, self._queue = server, session, backoff, queue
        self.api = Api(session)
        self.rooms, self.send_queue = Rooms(), SendQueue()
        self.wake = asyncio.Event()
        self.first: asyncio.Future[Welcome] = asyncio.get_running_loop().create_future()
        self.connected = False
        self._reconnect_now = asyncio.Event()
        self._ids = itertools.count(1)
        self._disconnect_reported = False  # the application knows that there is no socket
        self._token_retry_used = False  # after 4401 or 4402

    async def run(self) -> ClientError:
        """Returns why the client cannot reconnect any more."""
        while True:
            try:
                await self._run_once()
            except ConnectionLost as lost:
                error = await self._decide_reconnect(lost)
                if error:
                    return error
                await self._pause(lost.wait_s)

    def reconnect_soon(self) -> None:
        """Skip the backoff if there is no connection. A pause that the server set is kept."""
        if not self.connected:
            self._reconnect_now.set()

    async def _pause(self, min_s: float) -> None:
        pause_s = max(min_s, self._backoff.next_s())
        min_s = min(pause_s, max(min_s, MIN_PAUSE_S))
        await asyncio.sleep(min_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s - min_s):
                await self._reconnect_now.wait()
        self._reconnect_now.clear()

    def stop(self, why: ClientError) -> None:
        """Fail everything that waits for an answer."""
        self.rooms.stop(why)
        self.send_queue.fail_all(why)
        if not self.first.done():
            self.first.set_exception(why)
            self.first.exception()  # seen

    async def _run_once(self) -> None:
        """Connect and run, migrations included. Raises ConnectionLost."""
        connection = await self._connect(asyncio.get_running_loop().time())
        self._on_welcome(connection.welcome)
        closing: asyncio.Task[None] | None = None
        try:
            while True:
                successor = await self._run_connection(connection)
                self.rooms.on_migrated(successor.requested_rooms)
                closing = asyncio.create_task(
                    connection.close()
                )  # its frames are not read any more
                connection = successor
        finally:
            self.connected = False
            await connection.close()
            if closing:
                await closing

    async def _run_connection(self, connection: Connection) -> Connection:
        """Returns the connection that replaces this one after the server has announced that it
        drains. It has requested all rooms before this one is given up. Raises ConnectionLost."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        frame_loop = FrameLoop(
            connection, self.rooms, self.send_queue, self._queue, self._ids, self.wake
        )
        running = asyncio.create_task(frame_loop.run())
        migrating = asyncio.create_task(self._migrate(frame_loop.migrate_at))
        try:
            await asyncio.wait([running, migrating], return_when=asyncio.FIRST_COMPLETED)
        finally:
            running.cancel()
            migrating.cancel()
            await asyncio.wait([running, migrating])
            self.send_queue.on_disconnected()
            if self._backoff.reset_after(loop.time() - started):
                self._token_retry_used = False
        return running.result() if migrating.cancelled() else migrating.result()

    async def _migrate(self, at: "asyncio.Future[float]") -> Connection:
        """Connect from the time that the server has assigned on, as often as it takes. The old
        connection stays in use meanwhile."""
        loop = asyncio.get_running_loop()
        pause_s = await at - loop.time()
        while True:
            await asyncio.sleep(pause_s)
            try:
                return await self._connect(loop.time())
            except ConnectionLost as lost:
                pause_s = max(lost.wait_s, self._backoff.next_s())

    def _on_welcome(self, welcome: Welcome) -> None:
        self.connected, self._disconnect_reported = True, False
        self._reconnect_now.clear()
        self._queue.put_if_space(Connected())
        if not self.first.done():
            self.first.set_result(welcome)

    async def _connect(self, now: float) -> Connection:
        try:
            ticket = await self.api.ticket()
        except RequestRejected as rejection:
            raise ConnectionLost.from_rejection(rejection) from rejection
        except Unreachable as unreachable:
            raise ConnectionLost(ReconnectAction.RESUME, str(unreachable)) from unreachable
        frame_id = next(self._ids)
        rooms = self.rooms.hello(frame_id, now)
        hello = Hello(id=frame_id, token=ticket, client=self._server.agent, rooms=rooms)
        return await open_connection(self._server, hello)

    async def _decide_reconnect(self, lost: ConnectionLost) -> ClientError | None:
        """Prepare the next attempt; returns an error if there must be none."""
        action = lost.action
        if action is ReconnectAction.STOP or (
            action is ReconnectAction.RENEW and self._token_retry_used
        ):
            return ClientStopped(lost.detail, lost.code)
        self._report_disconnect(lost.detail)
        if action is ReconnectAction.RENEW:
            self._token_retry_used = True
            return await self._renew()
        return None

    async def _renew(self) -> ClientError | None:
        try:
            await self._session.renew()
        except RequestRejected as rejection:
            return ClientStopped(rejection.detail) if rejection.is_final else None
        except Unreachable:
            self._token_retry_used = False  # the server has not seen it
        return None

    def _report_disconnect(self, reason: str) -> None:
        """Once per lost connection, not for each failed attempt after it."""
        if not self._disconnect_reported:
            self._disconnect_reported = True
            self._queue.put_if_space(Disconnected(reason))
