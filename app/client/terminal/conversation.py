"""A conversation in one room: sends the lines of the input and shows the events."""

import asyncio
from contextlib import suppress
from uuid import UUID

from pydantic import ValidationError

from app.client.chat import ChatClient
from app.client.errors import ClientError, ClientStopped, RequestRejected
from app.client.event_queue import ClientEvent, Connected, Disconnected, Reset, RoomLost
from app.client.terminal import commands
from app.client.terminal.console import Console
from app.client.terminal.view import View
from app.wire.events import RoomEvent
from app.wire.frames import Ack
from app.wire.schemas.users import UserOut
from app.wire.validation import invalid_from_pydantic

MARK_READ_INTERVAL_S = 2.0
ECHO_TIMEOUT_S = 2.0  # at the end of a pipe, for the events of the last messages
EXIT_TIMEOUT_S = 3.0  # at a terminal, for requests without an answer
MAX_LINES_AHEAD = 20  # lines that are typed but not executed


class Conversation:
    def __init__(self, chat: ChatClient, me: UserOut, console: Console) -> None:
        self._chat, self._me, self._console = chat, me, console
        self._view = View(chat, console)
        self._view_lock = asyncio.Lock()  # shows the history of a room before its live events
        self._shown = asyncio.Event()
        self._acked = 0
        self._marked: tuple[UUID, int] | None = None  # room and seq
        self._disconnected = False
        self._exit_timeout_s = EXIT_TIMEOUT_S if console.interactive else None

    async def run(self, room: str) -> None:
        """Until /quit or the end of the input. Raises ClientStopped if the server ends it."""
        await self._enter(room)
        ended: ClientError | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                background = [
                    tasks.create_task(self._display_loop()),
                    tasks.create_task(self._mark_read_loop()),
                ]
                await self._run_input()
                await self._finish()
                for task in background:
                    task.cancel()
        except* ClientError as group:
            ended = next(e for e in group.exceptions if isinstance(e, ClientError))
        if ended:
            raise ended

    # Events.

    async def _display_loop(self) -> None:
        async for item in self._chat.events():
            async with self._view_lock:
                await self._show(item)
            self._refresh()
            self._shown.set()

    async def _show(self, item: ClientEvent) -> None:
        match item:
            case RoomEvent():
                await self._view.show(item)
            case Disconnected():
                self._disconnected = True
                self._view.note("disconnected, reconnecting...")
            case Connected() if self._disconnected:
                self._disconnected = False
                self._view.note("back")
            case Reset():
                self._view.note("the server has another history of this room now")
            case RoomLost(room=room, reason=reason) if self._view.shows(room):
                self._view.room = None
                self._view.note(
                    f"you are no longer in this room: {reason}. /join NAME enters another"
                )
            case _:
                pass

    async def _mark_read_loop(self) -> None:
        while True:
            if self._marked == self._place():
                self._shown.clear()
                await self._shown.wait()
            else:
                await self._mark_read()
                await asyncio.sleep(MARK_READ_INTERVAL_S)

    async def _mark_read(self) -> None:
        """Events that were shown count as read."""
        place = self._marked = self._place()
        if place:
            with suppress(RequestRejected):
                await self._chat.mark_read(*place)

    def _place(self) -> tuple[UUID, int] | None:
        room = self._view.room
        return (room.id, self._view.shown) if room else None

    # Input.

    async def _run_input(self) -> None:
        """One task reads lines, another executes them, so that a slow command does not block
        typing."""
        lines: asyncio.Queue[str | None] = asyncio.Queue(MAX_LINES_AHEAD)
        typing = asyncio.create_task(self._read_lines(lines))
        doing = asyncio.create_task(self._execute_lines(lines))
        try:
            await asyncio.wait({typing, doing}, return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                await asyncio.wait([doing], timeout=self._exit_timeout_s)
        finally:
            for task in (typing, doing):
                task.cancel()
            done, _ = await asyncio.wait({typing, doing})
        for task in done:
            if not task.cancelled():
                task.result()

    async def _read_lines(self, lines: "asyncio.Queue[str | None]") -> None:
        self._refresh()
        async for line in self._console.lines():
            await lines.put(line.strip())
            if self._console.interactive:
                self._chat.reconnect_soon()
        await lines.put(None)

    async def _execute_lines(self, lines: "asyncio.Queue[str | None]") -> None:
        """Returns at /quit or after the last line."""
        while (line := await lines.get()) not in (None, "/quit"):
            try:
                await self._execute(line)
            except ClientStopped:
                raise
            except ValidationError as error:
                self._view.note(invalid_from_pydantic(error.errors()).detail)
            except ClientError as error:
                self._view.note(str(error))
            self._refresh()

    async def _execute(self, line: str) -> None:
        command, _, rest = line.partition(" ")
        match command:
            case "":
                pass
            case "/help":
                self._console.say(commands.HELP)
            case "/rooms":
                await commands.rooms(self._chat, self._console)
            case "/who" if self._view.room:
                await commands.who(self._chat, self._console, self._view.room)
            case "/join" if rest.strip() and not self._chat.connected:
                self._view.note("not possible while disconnected")
            case "/join" if rest.strip():
                await self._enter(rest.strip())
            case "/thread" if reply := commands.parse_reply(rest):
                await self._send(reply.text, reply.thread)
            case _ if command.startswith("/") and not command.startswith("//"):
                self._view.note(f"{command} is not possible here; see /help")
            case _:
                await self._send(line.removeprefix("/") if line.startswith("//") else line)

    async def _send(self, text: str, thread: int | None = None) -> None:
        """At a pipe, wait for the answer, so that the sender is slowed down."""
        room = self._view.room
        if room is None:
            self._view.note("you are in no room; /join NAME enters one")
            return
        answer = self._chat.send(room.id, text, thread=thread)
        answer.add_done_callback(lambda answer: self._answered(answer, text))
        if not self._console.interactive:
            await asyncio.wait([answer])

    def _answered(self, answer: "asyncio.Future[Ack]", text: str) -> None:
        if answer.cancelled():
            return
        error = answer.exception()
        if error is None:
            self._acked = answer.result().seq
        elif not isinstance(error, ClientStopped):
            self._view.note(f"not sent: {text[:40]!r}: {error}")
        self._refresh()

    async def _enter(self, name: str) -> None:
        """Find or create the room, close the previous one and show the last messages."""
        room = await self._chat.api.find_or_create_room(name)
        async with self._view_lock:
            if self._view.room and not self._view.shows(room.id):
                self._chat.close(self._view.room.id)
            opened = await self._chat.open(room.id)
            await self._view.switch_room(room, self._chat.position(room.id) or opened.seq)
            self._acked = 0

    async def _finish(self) -> None:
        """Wait for the answers; report messages that have none."""
        try:
            async with asyncio.timeout(self._exit_timeout_s):
                await self._chat.drain()
            async with asyncio.timeout(ECHO_TIMEOUT_S):
                while self._view.room and self._view.shown < self._acked:
                    self._shown.clear()
                    await self._shown.wait()
                await self._mark_read()
        except TimeoutError:
            if self._chat.unacked_messages:
                self._view.note(f"{self._chat.unacked_messages} not sent")

    def _refresh(self) -> None:
        state = "connected" if self._chat.connected else "reconnecting..."
        waiting = (
            f" - {self._chat.unacked_messages} not sent yet" if self._chat.unacked_messages else ""
        )
        where = self._view.title or "no room"
        self._console.refresh(f"{where} - {self._me.display_name} - {state}{waiting}")
