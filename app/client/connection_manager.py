"""Stay connected: come back as the verdict says, until it says stop."""

import asyncio
import itertools
from contextlib import suppress

from app.client.api import Api
from app.client.backoff import Backoff
from app.client.close_policy import Dropped, Verdict
from app.client.connection import Link, dial
from app.client.errors import ClientError, Ended, Refused, Unreachable
from app.client.event_queue import Connected, Disconnected, Feed
from app.client.frame_loop import Exchange
from app.client.http import Server
from app.client.rooms import Rooms
from app.client.send_queue import Outbox
from app.client.session import Session
from app.wire.frames import Hello, Welcome

HURRY_S = 1.0  # between two attempts, however much somebody hurries


class Stay:
    """One socket after the other. `first` gets the first welcome, or the error of the end."""

    def __init__(self, server: Server, session: Session, backoff: Backoff, feed: Feed) -> None:
        self._server, self._session, self._backoff, self._feed = server, session, backoff, feed
        self.api = Api(session)
        self.rooms, self.outbox = Rooms(), Outbox()
        self.wake = asyncio.Event()
        self.first: asyncio.Future[Welcome] = asyncio.get_running_loop().create_future()
        self.connected = False
        self._hurried = asyncio.Event()
        self._ids = itertools.count(1)
        self._told = False  # the application knows that there is no socket
        self._renewed = False  # the one fresh token that 4401 and 4402 allow

    async def run(self) -> ClientError:
        """Returns why it is over for good."""
        while True:
            try:
                await self._once()
            except Dropped as dropped:
                error = await self._judge(dropped)
                if error:
                    return error
                await self._pause(dropped.wait_s)

    def hurry(self) -> None:
        """Try again soon if there is no connection. A pause that the server asked for is kept."""
        if not self.connected:
            self._hurried.set()

    async def _pause(self, least_s: float) -> None:
        pause_s = max(least_s, self._backoff.next_s())
        least_s = min(pause_s, max(least_s, HURRY_S))
        await asyncio.sleep(least_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s - least_s):
                await self._hurried.wait()
        self._hurried.clear()

    def end(self, why: ClientError) -> None:
        """Whoever waits for an answer gets this instead."""
        self.rooms.end(why)
        self.outbox.abandon(why)
        if not self.first.done():
            self.first.set_exception(why)
            self.first.exception()  # seen

    async def _once(self) -> None:
        """One socket, from the ticket to its end, and those that it moves to. Raises Dropped."""
        link = await self._connect(asyncio.get_running_loop().time())
        self._welcomed(link.welcome)
        closing: asyncio.Task[None] | None = None
        try:
            while True:
                following = await self._talk(link)
                self.rooms.moved(following.asked)
                closing = asyncio.create_task(link.close())  # nothing is heard there any more
                link = following
        finally:
            self.connected = False
            await link.close()
            if closing:
                await closing

    async def _talk(self, link: Link) -> Link:
        """Until the server drains and there is another link, which is returned: it is there, and
        asked for all rooms, before this one is given up. Raises Dropped."""
        loop = asyncio.get_running_loop()
        born = loop.time()
        exchange = Exchange(link, self.rooms, self.outbox, self._feed, self._ids, self.wake)
        talking = asyncio.create_task(exchange.run())
        moving = asyncio.create_task(self._move(exchange.move_at))
        try:
            await asyncio.wait([talking, moving], return_when=asyncio.FIRST_COMPLETED)
        finally:
            talking.cancel()
            moving.cancel()
            await asyncio.wait([talking, moving])
            self.outbox.disconnected()
            if self._backoff.lived(loop.time() - born):
                self._renewed = False
        return talking.result() if moving.cancelled() else moving.result()

    async def _move(self, at: "asyncio.Future[float]") -> Link:
        """From the slot that the server gives on, as often as it takes: the old link is alive, and
        says itself when it is over."""
        loop = asyncio.get_running_loop()
        pause_s = await at - loop.time()
        while True:
            await asyncio.sleep(pause_s)
            try:
                return await self._connect(loop.time())
            except Dropped as dropped:
                pause_s = max(dropped.wait_s, self._backoff.next_s())

    def _welcomed(self, welcome: Welcome) -> None:
        self.connected, self._told = True, False
        self._hurried.clear()
        self._feed.hint(Connected())
        if not self.first.done():
            self.first.set_result(welcome)

    async def _connect(self, now: float) -> Link:
        try:
            ticket = await self.api.ticket()
        except Refused as refused:
            raise Dropped.by_refusal(refused) from refused
        except Unreachable as unreachable:
            raise Dropped(Verdict.RESUME, str(unreachable)) from unreachable
        frame_id = next(self._ids)
        rooms = self.rooms.hello(frame_id, now)
        hello = Hello(id=frame_id, token=ticket, client=self._server.agent, rooms=rooms)
        return await dial(self._server, hello)

    async def _judge(self, dropped: Dropped) -> ClientError | None:
        """Make ready to come back; an error if there is no coming back."""
        verdict = dropped.verdict
        if verdict is Verdict.STOP or (verdict is Verdict.RENEW and self._renewed):
            return Ended(dropped.detail, dropped.code)
        self._tell(dropped.detail)
        if verdict is Verdict.RENEW:
            self._renewed = True
            return await self._renew()
        if verdict is Verdict.RESTART:
            self.rooms.forget_positions()
        return None

    async def _renew(self) -> ClientError | None:
        try:
            await self._session.renew()
        except Refused as refused:
            return Ended(refused.detail) if refused.final else None
        except Unreachable:
            self._renewed = False  # not tried, really
        return None

    def _tell(self, reason: str) -> None:
        """Once for each loss: the attempts that fail after it are no news."""
        if not self._told:
            self._told = True
            self._feed.hint(Disconnected(reason))
