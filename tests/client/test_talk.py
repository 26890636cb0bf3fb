"""The terminal chat with somebody who types what the test wants, and remembers what is said."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import pytest

from app.client.errors import Ended, Refused
from app.client.terminal.console import NobodyThere, Pipes
from app.client.terminal.conversation import Talk
from app.client.terminal.formatting import Style
from app.client.terminal.login import NotIn, Visitor, come_in
from app.client.terminal.view import View
from testkit.server import unique_username
from testkit.servers.backend import Backend
from testkit.waiting import LIMIT_S, eventually, pause
from tests.client.host import PASSWORD, Guest, Host, client, guest, hosting

pytestmark = pytest.mark.embedded


class Played:
    """A screen: `type` is the keyboard, `said` what one sees."""

    def __init__(self, *answers: str, interactive: bool = True) -> None:
        self.interactive = interactive
        self.style = Style(colours=False)
        self.said: list[str] = []
        self.status = ""
        self._answers = iter(answers)
        self._typed: asyncio.Queue[str | None] = asyncio.Queue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def type(self, *lines: str) -> None:
        for line in lines:
            self._typed.put_nowait(line)

    def leave(self) -> None:
        self._typed.put_nowait(None)

    def say(self, line: str) -> None:
        self.said.append(line)

    async def ask(self, question: str, *, secret: bool = False) -> str:
        self.said.append(question)
        return next(self._answers)

    async def lines(self) -> AsyncIterator[str]:
        while (line := await self._typed.get()) is not None:
            yield line

    def refresh(self, status: str) -> None:
        self.status = status

    async def sees(self, part: str, times: int = 1) -> None:
        await eventually(lambda: sum(part in line for line in self.said) >= times)
        assert sum(part in line for line in self.said) == times, self.said


@pytest.fixture
async def host(embedded: Backend) -> AsyncIterator[Host]:
    async with hosting(embedded.settings) as host:
        yield host


@asynccontextmanager
async def talking(who: Guest, screen: Played, room: str = "general") -> AsyncIterator[Talk]:
    """The guest's own reading is in the way: the talk is the one who reads."""
    talk = Talk(who.chat, who.user, screen)
    running = asyncio.create_task(talk.run(room))
    await screen.sees("== ")
    try:
        yield talk
    finally:
        screen.leave()
        await asyncio.wait_for(running, LIMIT_S)


@asynccontextmanager
async def person(host: Host, name: str) -> AsyncIterator[Guest]:
    async with client(host) as chat:
        visitor = Visitor(unique_username(name), PASSWORD, register=True)
        yield Guest(chat, await come_in(chat, visitor, Played()))


async def test_two_people_talk(host: Host) -> None:
    ada_sees, bob_sees = Played(), Played()
    async with person(host, "ada") as ada, person(host, "bob") as bob, talking(ada, ada_sees):
        ada_sees.type(*(f"before {number:02}" for number in range(22)), "a\x1bb")
        await ada_sees.sees("a�b")
        async with talking(bob, bob_sees):
            assert [line.split(": ")[1] for line in bob_sees.said if ": " in line] == []
            await bob_sees.sees("a�b")
            assert not any("before 02" in line for line in bob_sees.said), "the last 20"
            await bob_sees.sees("before 03")
            await ada_sees.sees(f"* {bob.user.display_name} joined")
            bob_sees.type("hello", "  ", "//shrug")
            for sees in (ada_sees, bob_sees):
                await sees.sees(f"{bob.user.display_name}: hello")
                await sees.sees(f"{bob.user.display_name}: /shrug")
            assert ada_sees.status == f"general - {ada.user.display_name} - connected"


async def test_commands(host: Host) -> None:
    screen = Played()
    async with person(host, "ada") as ada, talking(ada, screen):
        screen.type("/help", "/who", "/nonsense", "/join", f"/join {'x' * 65}")
        await screen.sees("/join NAME")
        await screen.sees(f"(@{ada.user.username})")
        await screen.sees("/nonsense is not possible here")
        await screen.sees("/join is not possible here")
        await screen.sees("at most 64 characters")
        screen.type("/join Other room", "in the other room")
        await screen.sees("== Other room ==")
        await screen.sees("in the other room")
        screen.type("/rooms")
        await screen.sees("general")
        screen.type("/quit", "not sent")
        await pause(0.1)
        assert not any("not sent" in line for line in screen.said)


async def test_what_is_shown_counts_as_read(host: Host) -> None:
    ada_sees, bob_sees = Played(), Played()
    async with person(host, "ada") as ada, person(host, "bob") as bob, talking(ada, ada_sees):
        async with talking(bob, bob_sees):
            ada_sees.type("hello")
            await bob_sees.sees("hello")
        assert [room.unread async for room in bob.chat.api.rooms()] == [0]


async def test_a_server_that_goes_and_comes_back(host: Host) -> None:
    screen = Played()
    async with person(host, "ada") as ada, talking(ada, screen):
        await host.stop()
        await screen.sees("* disconnected, reconnecting...")
        screen.type("typed meanwhile", "/join elsewhere", "/who")
        await screen.sees("not possible while disconnected")
        await screen.sees("does not answer")
        assert "reconnecting... - 1 not sent yet" in screen.status
        await host.start()
        await screen.sees("* back")
        await screen.sees("typed meanwhile")


async def test_a_person_does_not_wait_long_for_what_cannot_be_sent(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.client.terminal.conversation.GOODBYE_S", 0.2)
    screen = Played()
    async with person(host, "ada") as ada:
        async with talking(ada, screen):
            await host.stop()
            screen.type("in vain", "/quit")
        assert screen.said[-1] == "* 1 not sent"
        await host.start()


async def test_a_program_waits_until_all_is_sent(host: Host) -> None:
    screen = Played(interactive=False)
    async with person(host, "ada") as ada:
        async with talking(ada, screen):
            await host.stop()
            screen.type(*(f"line {number}" for number in range(30)))
            screen.leave()
            await pause(0.2)
            await host.start()
        shown = [line.split(": ")[1] for line in screen.said if ": line" in line]
        assert shown == [f"line {number}" for number in range(30)]


async def test_what_the_history_has_shown_is_not_shown_again(host: Host) -> None:
    screen = Played()
    async with guest(host, "ada") as ada:
        room = await ada.chat.api.enter("general")
        await ada.chat.open(room.id, since=0)
        ack = await ada.chat.send(room.id, "hello")
        await ada.has(room.id, ack.seq)
        view = View(ada.chat, screen)
        await view.turn_to(room, ack.seq)
        for event in ada.events(room.id):
            await view.show(event)
        assert [line for line in screen.said if "*" in line or "hello" in line] == [screen.said[-1]]
        assert view.shown == ack.seq


async def test_refused_messages_are_told(host: Host) -> None:
    screen = Played()
    async with person(host, "ada") as ada, talking(ada, screen):
        screen.type("x" * 4001)
        await screen.sees("not sent: 'xxx")


async def test_out_of_the_room(host: Host) -> None:
    screen = Played()
    async with (
        guest(host, "owner") as owner,
        person(host, "bob") as bob,
    ):
        room = (await owner.chat.api.enter("general")).id
        async with talking(bob, screen):
            path = f"/api/v1/rooms/{room}/members/{bob.user.id}"
            await owner.chat._session.request("DELETE", path)
            await screen.sees("you are out of this room: removed")
            screen.type("hello?", "/who", "/join general")
            await screen.sees("you are in no room")
            await screen.sees("/who is not possible here")
            await screen.sees("== general ==", times=2)


async def test_a_revoked_session_is_the_end(host: Host) -> None:
    screen = Played()
    async with person(host, "ada") as ada:
        running = asyncio.create_task(Talk(ada.chat, ada.user, screen).run("general"))
        await screen.sees("== ")
        await ada.chat.api.log_out()
        with pytest.raises(Ended) as ended:
            await asyncio.wait_for(running, LIMIT_S)
        assert ended.value.code == 4403


# The door.


async def test_a_new_user_is_asked(host: Host) -> None:
    async with client(host) as chat:
        screen, name = Played(PASSWORD, "y", PASSWORD), unique_username("eve")
        user = await come_in(chat, Visitor(name, None, None), screen)
        assert user.username == name
        assert screen.said == [
            f"Password of {name}: ",
            f"There is no user {name} with this password. Register {name} with it? [y/N] ",
            "Again: ",
            f"{name} is registered.",
        ]


@pytest.mark.parametrize(
    ("answers", "register", "why"),
    [
        ((PASSWORD, ""), None, "no user"),
        ((PASSWORD, "y", "something else"), None, "differ"),
        ((PASSWORD,), False, "no user"),
    ],
)
async def test_who_does_not_want_stays_outside(
    host: Host, answers: tuple[str, ...], register: bool | None, why: str
) -> None:
    async with client(host) as chat:
        with pytest.raises(NotIn, match=why):
            await come_in(chat, Visitor(unique_username("eve"), None, register), Played(*answers))


async def test_a_wrong_password(host: Host) -> None:
    async with guest(host) as ada, client(host) as chat:
        name = ada.user.username
        with pytest.raises(NotIn, match="another password"):
            await come_in(chat, Visitor(name, "not the right one", True), Played())


async def test_a_bad_name_is_refused(host: Host) -> None:
    async with client(host) as chat:
        with pytest.raises((Refused, ValueError)):
            await come_in(chat, Visitor("a b", PASSWORD, True), Played())


async def test_a_program_is_not_asked(host: Host) -> None:
    async with client(host) as chat:
        with pytest.raises(NotIn, match="--register"):
            await come_in(
                chat, Visitor(unique_username("eve"), PASSWORD, None), Played(interactive=False)
            )
        with pytest.raises(NobodyThere, match="Password of eve"):
            await come_in(chat, Visitor("eve", None, None), Pipes())
