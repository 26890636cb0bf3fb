"""A conversation at a terminal: what is typed goes out, what happens is shown, in one room."""

import asyncio
from contextlib import suppress
from uuid import UUID

from pydantic import ValidationError

from app.client.chat import ChatClient
from app.client.errors import ClientError, Ended, Refused
from app.client.event_queue import Connected, Disconnected, Item, Reset, RoomLost
from app.client.terminal import commands
from app.client.terminal.console import Screen
from app.client.terminal.view import View
from app.wire.events import RoomEvent
from app.wire.frames import Ack
from app.wire.schemas.users import UserOut
from app.wire.validation import invalid_from_pydantic

MARK_EVERY_S = 2.0
ECHO_S = 2.0  # how long a program at a pipe gets to see what it has sent
GOODBYE_S = 3.0  # how long a person waits for what is not done yet
MOST_AHEAD = 20  # lines that are typed, but not done


class Talk:
    def __init__(self, chat: ChatClient, me: UserOut, screen: Screen) -> None:
        self._chat, self._me, self._screen = chat, me, screen
        self._view = View(chat, screen)
        self._turn = asyncio.Lock()  # the history of a room first, then what came meanwhile
        self._shown = asyncio.Event()
        self._acked = 0
        self._marked: tuple[UUID, int] | None = None  # room and seq
        self._away = False
        self._goodbye_s = GOODBYE_S if screen.interactive else None

    async def run(self, room: str) -> None:
        """Until /quit or the end of what is typed. Raises Ended if the server wants no more."""
        await self._enter(room)
        ended: ClientError | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                beside = [
                    tasks.create_task(self._show_all()),
                    tasks.create_task(self._mark_now_and_then()),
                ]
                await self._converse()
                await self._finish()
                for task in beside:
                    task.cancel()
        except* ClientError as group:
            ended = next(e for e in group.exceptions if isinstance(e, ClientError))
        if ended:
            raise ended

    # In.

    async def _show_all(self) -> None:
        async for item in self._chat.events():
            async with self._turn:
                await self._show(item)
            self._refresh()
            self._shown.set()

    async def _show(self, item: Item) -> None:
        match item:
            case RoomEvent():
                await self._view.show(item)
            case Disconnected():
                self._away = True
                self._view.note("disconnected, reconnecting...")
            case Connected() if self._away:
                self._away = False
                self._view.note("back")
            case Reset():
                self._view.note("the server has another history of this room now")
            case RoomLost(room=room, reason=reason) if self._view.shows(room):
                self._view.room = None
                self._view.note(f"you are out of this room: {reason}. /join NAME enters another")
            case _:
                pass

    async def _mark_now_and_then(self) -> None:
        while True:
            if self._marked == self._place():
                self._shown.clear()
                await self._shown.wait()
            else:
                await self._mark_read()
                await asyncio.sleep(MARK_EVERY_S)

    async def _mark_read(self) -> None:
        """What was shown counts as read."""
        place = self._marked = self._place()
        if place:
            with suppress(Refused):
                await self._chat.mark_read(*place)

    def _place(self) -> tuple[UUID, int] | None:
        room = self._view.room
        return (room.id, self._view.shown) if room else None

    # Out.

    async def _converse(self) -> None:
        """One task types, another does what was typed: a command that takes its time, or waits for
        the server, is no reason not to go on typing."""
        lines: asyncio.Queue[str | None] = asyncio.Queue(MOST_AHEAD)
        typing = asyncio.create_task(self._read_lines(lines))
        doing = asyncio.create_task(self._do_lines(lines))
        try:
            await asyncio.wait({typing, doing}, return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                await asyncio.wait([doing], timeout=self._goodbye_s)
        finally:
            for task in (typing, doing):
                task.cancel()
            done, _ = await asyncio.wait({typing, doing})
        for task in done:
            if not task.cancelled():
                task.result()

    async def _read_lines(self, lines: "asyncio.Queue[str | None]") -> None:
        self._refresh()
        async for line in self._screen.lines():
            await lines.put(line.strip())
            if self._screen.interactive:
                self._chat.hurry()
        await lines.put(None)

    async def _do_lines(self, lines: "asyncio.Queue[str | None]") -> None:
        """Returns at /quit, or behind the last line."""
        while (line := await lines.get()) not in (None, "/quit"):
            try:
                await self._do(line)
            except Ended:
                raise
            except ValidationError as error:
                self._view.note(invalid_from_pydantic(error.errors()).detail)
            except ClientError as error:
                self._view.note(str(error))
            self._refresh()

    async def _do(self, line: str) -> None:
        command, _, rest = line.partition(" ")
        match command:
            case "":
                pass
            case "/help":
                self._screen.say(commands.HELP)
            case "/rooms":
                await commands.rooms(self._chat, self._screen)
            case "/who" if self._view.room:
                await commands.who(self._chat, self._screen, self._view.room)
            case "/join" if rest.strip() and not self._chat.connected:
                self._view.note("not possible while disconnected")
            case "/join" if rest.strip():
                await self._enter(rest.strip())
            case _ if command.startswith("/") and not command.startswith("//"):
                self._view.note(f"{command} is not possible here; see /help")
            case _:
                await self._send(line.removeprefix("/") if line.startswith("//") else line)

    async def _send(self, text: str) -> None:
        """A person goes on typing; a program waits until this one is done."""
        room = self._view.room
        if room is None:
            self._view.note("you are in no room; /join NAME enters one")
            return
        answer = self._chat.send(room.id, text)
        answer.add_done_callback(lambda answer: self._answered(answer, text))
        if not self._screen.interactive:
            await asyncio.wait([answer])

    def _answered(self, answer: "asyncio.Future[Ack]", text: str) -> None:
        if answer.cancelled():
            return
        error = answer.exception()
        if error is None:
            self._acked = answer.result().seq
        elif not isinstance(error, Ended):
            self._view.note(f"not sent: {text[:40]!r}: {error}")
        self._refresh()

    async def _enter(self, name: str) -> None:
        """Find the room, leave the one before, show the last messages of the new one."""
        room = await self._chat.api.enter(name)
        async with self._turn:
            if self._view.room and not self._view.shows(room.id):
                self._chat.close(self._view.room.id)
            opened = await self._chat.open(room.id)
            await self._view.turn_to(room, self._chat.position(room.id) or opened.seq)
            self._acked = 0

    async def _finish(self) -> None:
        """Nothing that was typed is left behind without a word."""
        try:
            async with asyncio.timeout(self._goodbye_s):
                await self._chat.drain()
            async with asyncio.timeout(ECHO_S):
                while self._view.room and self._view.shown < self._acked:
                    self._shown.clear()
                    await self._shown.wait()
                await self._mark_read()
        except TimeoutError:
            if self._chat.unsent:
                self._view.note(f"{self._chat.unsent} not sent")

    def _refresh(self) -> None:
        state = "connected" if self._chat.connected else "reconnecting..."
        waiting = f" - {self._chat.unsent} not sent yet" if self._chat.unsent else ""
        where = self._view.title or "no room"
        self._screen.refresh(f"{where} - {self._me.display_name} - {state}{waiting}")
