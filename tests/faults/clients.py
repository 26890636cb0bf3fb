"""Clients of a fault-injection run: they record everything, resume, and page skipped ranges.

They implement docs/protocol.md without the Python client of the program, so that a defect of that
client cannot hide a defect of the server.
"""

import asyncio
import time
from collections.abc import Awaitable, Iterable, Set
from contextlib import suppress
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage
from websockets.typing import Subprotocol

from tests.faults.cluster import SERVERS
from tests.faults.context import (
    EXPECTED_REFUSALS,
    Account,
    RequestRejected,
    RunContext,
    Unanswered,
)
from tests.faults.history import Marker, Page, RoomReplica, Subscription
from tests.faults.room_list import RoomListReplica

Frame = dict[str, Any]
ANSWER_S = 10.0
# The servers send a ping after 2 s of silence.
SILENCE_S = 8.0
NEVER_S = 0.2
STOP = 4400  # close codes from here on tell a client to stop
UNREACHABLE = (OSError, InvalidHandshake, InvalidMessage, ConnectionClosed, TimeoutError)


class Device:
    """A socket of a user that always reconnects with its positions.

    It opens every room of its user, except those in `closed`, and keeps the list of all.
    """

    def __init__(
        self,
        context: RunContext,
        account: Account,
        home: int,
        closed: frozenset[str],
        *,
        keeps_server: bool,
        marks_unread: bool = False,
    ) -> None:
        self.context, self.account, self.server = context, account, home
        self.replicas: dict[str, RoomReplica] = {}
        self.list = RoomListReplica(account.id)
        self.reconnects = 0
        self.may_connect = asyncio.Event()
        self.may_connect.set()
        self.marks_unread = marks_unread
        self._closed, self._keeps_server = closed, keeps_server
        self._snapshot_rate = 0.7
        self._rooms: set[str] = set()  # of the user, according to the server
        self._epoch = ""  # of the last socket
        self._socket: ClientConnection | None = None
        self._has_room_list = False
        self._asked: set[str] = set()
        self._subscriptions: dict[str, Subscription] = {}
        self._next: dict[str, int] = {}  # the next seq that this socket has to receive
        self._buffered: dict[str, list[Frame]] = {}  # while the range before them is paged
        self._answers: dict[str, asyncio.Future[Frame]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._number = 0

    @property
    def is_connected(self) -> bool:
        return self._has_room_list

    async def run(self) -> None:
        """Runs until it is cancelled."""
        try:
            while True:
                await self.may_connect.wait()
                with suppress(*UNREACHABLE):
                    await self._session()
                await self._drop_socket()
                self.reconnects += 1
                await self._pause()
                if not self._keeps_server:
                    self.server = self.context.rng.randrange(SERVERS)
                await self.context.rest()
        finally:
            await self._drop_socket()

    async def _pause(self) -> None:
        """Between two sockets."""

    async def ask(
        self, type_: str, *, expected: Set[str] = EXPECTED_REFUSALS, **fields: Any
    ) -> Frame:
        """The answer to a frame. Raises Unanswered or RequestRejected."""
        socket = self._socket
        if socket is None or not self._has_room_list:
            raise Unanswered
        self._number += 1
        name = f"q{self._number}"
        answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._answers[name] = answer
        try:
            async with asyncio.timeout(ANSWER_S):
                await socket.send(orjson.dumps({"type": type_, "id": name, **fields}).decode())
                frame = await answer
        except UNREACHABLE as error:
            raise Unanswered from error
        finally:
            self._answers.pop(name, None)
        if frame["type"] == "error":
            rejection = RequestRejected(frame["code"], frame["retry"], frame.get("retry_after_ms"))
            self.context.check_refusal(rejection, f"{type_}: {frame}", expected)
            raise rejection
        return frame

    async def _session(self) -> None:
        async with asyncio.timeout(ANSWER_S):
            self._socket = await connect(
                f"ws://{self.context.cluster.gate(self.server)}/ws",
                subprotocols=[Subprotocol("chat.v1")],
                proxy=None,
                compression=None,
                ping_interval=None,
                open_timeout=None,
                close_timeout=0.5,
                max_size=None,
            )
        hello: Frame = {"type": "hello", "token": self.account.token}
        if self.list.snapshot and self.context.rng.random() < self._snapshot_rate:
            hello["snapshot"] = self.list.snapshot
        positions = [self._position(room) for room in sorted(filter(self._opens, self._rooms))]
        self._asked = {position["room"] for position in positions}
        await self._socket.send(orjson.dumps(hello | {"rooms": positions}).decode())
        try:
            while True:
                async with asyncio.timeout(SILENCE_S):
                    text = await self._socket.recv()
                self._handle(orjson.loads(text))
        except ConnectionClosed as closed:
            if closed.rcvd and closed.rcvd.code >= STOP:
                self.context.record_violation("false refusal", f"closed for good: {closed.rcvd}")
                await asyncio.sleep(NEVER_S)
            raise

    async def _drop_socket(self) -> None:
        """Forget the socket, and keep the positions."""
        socket, self._socket, self._has_room_list = self._socket, None, False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(Unanswered())
                answer.exception()  # marks the exception as retrieved if the caller is gone
        for replica in self.replicas.values():
            replica.is_open = False
        for state in (self._subscriptions, self._next, self._buffered, self._asked):
            state.clear()
        if socket is not None:
            socket.transport.abort()
            with suppress(*UNREACHABLE):
                await socket.wait_closed()

    def _opens(self, room: str) -> bool:
        return room not in self._closed

    def _position(self, room: str) -> Frame:
        replica = self._replica(room)
        return {"room": room, "since": replica.position, "epoch": replica.epoch}

    def _replica(self, room: str) -> RoomReplica:
        if room not in self.replicas:
            self.replicas[room] = RoomReplica(self.account.id, room, epoch=self._epoch)
            self.context.history.replicas.append(self.replicas[room])
        return self.replicas[room]

    def _drop_replica(self, room: str) -> None:
        replica = self.replicas.pop(room)
        replica.dropped, replica.is_open = True, False

    def _drop_foreign_replica(self, room: str) -> None:
        """Drop the replica of a room that the user cannot open, if it is of another epoch."""
        if room in self.replicas and self.replicas[room].epoch != self._epoch:
            self._drop_replica(room)

    # Frames.

    def _handle(self, frame: Frame) -> None:
        if frame.get("id") in self._answers and frame["type"] in ("ack", "error"):
            answer = self._answers[frame["id"]]
            if not answer.done():
                answer.set_result(frame)
            return
        match frame["type"]:
            case "welcome":
                self._epoch = frame["epoch"]
                self.list.begin(self._epoch)
            case "rooms":
                self._handle_rooms(frame)
            case "room.opened":
                self._handle_opened(frame)
            case "room.closed":
                self._handle_closed(frame)
            case "ping":
                self._start_task(self._send({"type": "pong", "n": frame["n"]}))
            case "error":
                self._handle_error(frame)
            case _:
                if "actor" in frame:
                    self._handle_event(frame)

    def _handle_rooms(self, frame: Frame) -> None:
        if frame["full"]:
            self._rooms.clear()
        elif self.list.epoch != self._epoch:
            self.context.record_violation(
                "not reset", f"{self.account.name}: changes of a list of another epoch"
            )
        self._rooms.difference_update(frame["gone"])
        self._rooms.update(entry["room"] for entry in frame["rooms"])
        self.list.apply(frame)
        self._has_room_list = True
        if "snapshot" in frame:  # the list is complete
            for room in self.replicas.keys() - self._rooms:
                self._drop_foreign_replica(room)
        self._open(self._rooms)

    def _open(self, rooms: Iterable[str]) -> None:
        names = {room for room in rooms if self._opens(room)} - self._asked
        names = {room for room in names if room not in self._subscriptions}
        if names:
            self._asked |= names
            positions = [self._position(room) for room in sorted(names)]
            self._start_task(self._send({"type": "open", "rooms": positions}))

    def _handle_opened(self, frame: Frame) -> None:
        room, state = frame["room"], frame["state"]
        self._check_opened(room, frame)
        self._asked.discard(room)
        if state == "reset":
            self._drop_replica(room)
        replica = self._replica(room)
        replica.epoch, replica.is_open = self._epoch, True
        # What the client has, what it has to page, and where the socket continues.
        since = 0 if state == "reset" else frame["from"]
        resume = {"ok": since, "limited": frame.get("resume"), "reset": frame["seq"]}[state]
        seen = resume if state == "reset" else since
        subscription = Subscription(frame["seq"], time.time(), seen, epoch=self._epoch)
        replica.subscriptions.append(subscription)
        self._subscriptions[room] = subscription
        self._next[room] = resume + 1
        self._buffered.pop(room, None)  # of an earlier subscription
        if state != "ok":
            buffered = self._buffered[room] = []
            self._start_task(self._page(room, since, resume, buffered))

    def _check_opened(self, room: str, frame: Frame) -> None:
        """A position is reset if it is of another epoch, and only then: no log is rewritten."""
        replica = self._replica(room)
        is_foreign, is_reset = replica.epoch != self._epoch, frame["state"] == "reset"
        if is_reset and not is_foreign:
            self.context.record_violation("lost", f"{self._label(room)}: reset at {frame}")
        elif is_foreign and not is_reset:
            self.context.record_violation("not reset", f"{self._label(room)}: {frame}")
        if not is_reset and frame["from"] != replica.position:
            self.context.record_violation("lost", f"{self._label(room)}: opened elsewhere: {frame}")

    def _handle_closed(self, frame: Frame) -> None:
        room = frame["room"]
        self._rooms.discard(room)
        self.list.close(room)
        self._buffered.pop(room, None)
        if subscription := self._subscriptions.pop(room, None):
            subscription.last_seq = frame.get("seq")
            self.replicas[room].is_open = False

    def _handle_error(self, frame: Frame) -> None:
        rejection = RequestRejected(frame["code"], frame["retry"], frame.get("retry_after_ms"))
        self.context.check_refusal(rejection, f"{self.account.name}: {frame}")
        room = frame.get("room")
        if room is not None and room in self._asked:
            self._asked.discard(room)
            if rejection.code in EXPECTED_REFUSALS:
                self._rooms.discard(room)
                self._drop_foreign_replica(room)
            else:
                self._start_task(self._open_later(room, rejection.wait_s))

    def _handle_event(self, frame: Frame) -> None:
        room, seq = frame["room"], frame["seq"]
        subscription = self._subscriptions.get(room)
        if subscription is None:
            self.context.record_violation(
                "leaked", f"{self._label(room)}: {seq}, and the room is not open"
            )
            return
        expected = self._next[room]
        if seq < expected:
            self.context.record_violation(
                "duplicated", f"{self._label(room)}: {seq} again on one socket"
            )
        elif seq > expected:
            self.context.record_violation(
                "lost", f"{self._label(room)}: {seq} after {expected - 1}"
            )
        self._next[room] = seq + 1
        subscription.received.setdefault(seq, time.time())
        if room in self._buffered:
            self._buffered[room].append(frame)
        else:
            self._apply(room, [frame])

    def _apply(self, room: str, events: list[Frame]) -> None:
        """Apply events to the client's state, except those that it has already."""
        replica = self.replicas[room]
        for event in events:
            if event["seq"] > replica.position:
                replica.take(event)
                self.list.follow(event, replica.messages.messages)

    async def _page(self, room: str, after: int, until: int, buffered: list[Frame]) -> None:
        """Read the skipped range that the server announced, from any server. Live events are
        `buffered` meanwhile and applied after it, unless the room was opened again."""
        path, replica = f"/rooms/{room}/events", self.replicas[room]
        while after < until:
            query = {"after": after, "until": until, "limit": 60}
            try:
                answer = await self.context.retry_until_done(
                    self.account, "GET", path, params=query
                )
            except RequestRejected:
                return  # removed meanwhile, which the socket reports, too
            items, epoch = answer.json()["items"], answer.json()["epoch"]
            if self.replicas.get(room) is not replica:
                return
            if epoch != replica.epoch:
                await self._send({"type": "open", "rooms": [self._position(room)]})
                return
            if not items:
                self.context.record_violation(
                    "lost", f"{self._label(room)}: nothing in ({after}, {until}]"
                )
                return
            self._apply(room, items)
            after = items[-1]["seq"]
            self.context.history.pages.append(
                Page(self.account.id, room, after, time.time(), epoch)
            )
        if self._buffered.get(room) is buffered:
            del self._buffered[room]
            self._apply(room, buffered)

    # Tasks that end with the socket.

    def _start_task(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, frame: Frame) -> None:
        if self._socket is not None:
            with suppress(*UNREACHABLE):
                await self._socket.send(orjson.dumps(frame).decode())

    async def _open_later(self, room: str, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        self._open([room])

    async def mark_read(self) -> None:
        """Move the read marker of a random room to the position of the device."""
        if room := self.choose_open_room():
            with suppress(Unanswered, RequestRejected):
                ack = await self.ask("read", room=room, seq=self.replicas[room].position)
                if not self.marks_unread:
                    self.context.history.markers.append(
                        Marker(self.account.id, room, ack["seq"], time.time())
                    )

    async def mark_unread(self) -> None:
        """Put the read marker of a random room somewhere before the position of the device."""
        if room := self.choose_open_room():
            seq = self.context.rng.randint(0, self.replicas[room].position + 1)
            with suppress(Unanswered, RequestRejected):
                await self.context.call(
                    self.account, "POST", f"/rooms/{room}/unread", json={"seq": seq}
                )

    def choose_open_room(self) -> str | None:
        rooms = [room for room, replica in self.replicas.items() if replica.is_open]
        return self.context.rng.choice(sorted(rooms)) if rooms else None

    def _label(self, room: str) -> str:
        return f"{self.account.name} on {self.server} in {room}"
