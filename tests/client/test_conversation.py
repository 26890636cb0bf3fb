"""The terminal chat with a scripted user, whose output is recorded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import pytest

from app.client.errors import ClientStopped, RequestRejected
from app.client.terminal.console import NotInteractive, PlainConsole
from app.client.terminal.conversation import Conversation
from app.client.terminal.formatting import Style
from app.client.terminal.login import Credentials, LoginFailed, log_in_or_register
from app.client.terminal.view import View
from testkit.server import PASSWORD, TestServer, run_server, unique_username
from testkit.servers.backend import Backend
from testkit.waiting import LIMIT_S, eventually, pause
from tests.client.recording_client import RecordingClient, client_settings, open_client, run_client

pytestmark = pytest.mark.embedded


class Played:
    """A console: `type` is the keyboard, `said` the output."""

    def __init__(self, *answers: str, interactive: bool = True) -> None:
        self.interactive = interactive
        self.style = Style(colours=False)
        self.said: list[str] = []
        self.status = ""
        self._answers = iter(answers)
        self._prompt: asyncio.Queue[str | None] = asyncio.Queue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def type(self, *lines: str) -> None:
        for line in lines:
            self._prompt.put_nowait(line)

    def leave(self) -> None:
        self._prompt.put_nowait(None)

    def say(self, line: str) -> None:
        self.said.append(line)

    async def ask(self, question: str, *, secret: bool = False) -> str:
        self.said.append(question)
        return next(self._answers)

    async def lines(self) -> AsyncIterator[str]:
        while (line := await self._prompt.get()) is not None:
            yield line

    def refresh(self, status: str) -> None:
        self.status = status

    async def sees(self, part: str, times: int = 1) -> None:
        await eventually(lambda: sum(part in line for line in self.said) >= times)
        assert sum(part in line for line in self.said) == times, self.said


@pytest.fixture
async def server(embedded: Backend) -> AsyncIterator[TestServer]:
    async with run_server(client_settings(embedded.settings)) as server:
        yield server


@asynccontextmanager
async def talking(
    who: RecordingClient, console: Played, room: str = "general"
) -> AsyncIterator[Conversation]:
    """Runs a conversation of the guest, which reads instead of the guest's own reader."""
    talk = Conversation(who.chat, who.user, console)
    running = asyncio.create_task(talk.run(room))
    await console.sees("== ")
    try:
        yield talk
    finally:
        console.leave()
        await asyncio.wait_for(running, LIMIT_S)


@asynccontextmanager
async def person(server: TestServer, name: str) -> AsyncIterator[RecordingClient]:
    async with open_client(server) as chat:
        credentials = Credentials(unique_username(name), PASSWORD, register=True)
        yield RecordingClient(chat, await log_in_or_register(chat, credentials, Played()))


async def test_two_users_exchange_messages(server: TestServer) -> None:
    ada_sees, bob_sees = Played(), Played()
    async with person(server, "ada") as ada, person(server, "bob") as bob, talking(ada, ada_sees):
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


async def test_slash_commands(server: TestServer) -> None:
    console = Played()
    async with person(server, "ada") as ada, talking(ada, console):
        console.type("/help", "/who", "/nonsense", "/join", f"/join {'x' * 65}")
        await console.sees("/join NAME")
        await console.sees(f"(@{ada.user.username})")
        await console.sees("/nonsense is not possible here")
        await console.sees("/join is not possible here")
        await console.sees("at most 64 characters")
        console.type("/join Other room", "in the other room")
        await console.sees("== Other room ==")
        await console.sees("in the other room")
        console.type("/rooms")
        await console.sees("general")
        console.type("/quit", "not sent")
        await pause(0.1)
        assert not any("not sent" in line for line in console.said)


async def test_replies_in_threads_are_sent_and_shown(server: TestServer) -> None:
    console = Played()
    async with person(server, "ada") as ada, talking(ada, console):
        console.type("root", "/thread 3", "/thread x yes", "/thread 99 no", "/thread 3 yes it is")
        await console.sees("/thread is not possible here", times=2)
        await console.sees("not sent: 'no'")
        await console.sees("[thread 3] yes it is")


async def test_shown_messages_are_marked_read(server: TestServer) -> None:
    ada_sees, bob_sees = Played(), Played()
    async with person(server, "ada") as ada, person(server, "bob") as bob, talking(ada, ada_sees):
        async with talking(bob, bob_sees):
            ada_sees.type("hello")
            await bob_sees.sees("hello")
        assert [room.unread async for room in bob.chat.api.rooms()] == [0]


async def test_a_server_restart_is_reported_and_survived(server: TestServer) -> None:
    console = Played()
    async with person(server, "ada") as ada, talking(ada, console):
        await server.stop()
        await console.sees("* disconnected, reconnecting...")
        console.type("typed meanwhile", "/join elsewhere", "/who")
        await console.sees("not possible while disconnected")
        await console.sees("does not answer")
        assert "reconnecting... - 1 not sent yet" in console.status
        await server.start()
        await console.sees("* back")
        await console.sees("typed meanwhile")


async def test_quit_at_a_terminal_does_not_wait_for_unsent_messages(
    server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.client.terminal.conversation.EXIT_TIMEOUT_S", 0.2)
    console = Played()
    async with person(server, "ada") as ada:
        async with talking(ada, console):
            await server.stop()
            console.type("in vain", "/quit")
        assert console.said[-1] == "* 1 not sent"
        await server.start()


async def test_end_of_a_pipe_waits_for_all_acks(server: TestServer) -> None:
    console = Played(interactive=False)
    async with person(server, "ada") as ada:
        async with talking(ada, console):
            await server.stop()
            console.type(*(f"line {number}" for number in range(30)))
            console.leave()
            await pause(0.2)
            await server.start()
        shown = [line.split(": ")[1] for line in console.said if ": line" in line]
        assert shown == [f"line {number}" for number in range(30)]


async def test_history_and_live_events_do_not_overlap(server: TestServer) -> None:
    console = Played()
    async with run_client(server, "ada") as ada:
        room = await ada.chat.api.find_or_create_room("general")
        await ada.chat.open(room.id, since=0)
        ack = await ada.chat.send(room.id, "hello")
        await ada.has(room.id, ack.seq)
        view = View(ada.chat, console)
        await view.switch_room(room, ack.seq)
        for event in ada.events(room.id):
            await view.show(event)
        assert [line for line in console.said if "*" in line or "hello" in line] == [
            console.said[-1]
        ]
        assert view.shown == ack.seq


async def test_rejected_messages_are_reported(server: TestServer) -> None:
    console = Played()
    async with person(server, "ada") as ada, talking(ada, console):
        console.type("x" * 4001)
        await console.sees("not sent: 'xxx")


async def test_removal_from_the_current_room_is_reported(server: TestServer) -> None:
    console = Played()
    async with (
        run_client(server, "owner") as owner,
        person(server, "bob") as bob,
    ):
        room = (await owner.chat.api.find_or_create_room("general")).id
        async with talking(bob, console):
            path = f"/api/v1/rooms/{room}/members/{bob.user.id}"
            await owner.chat._session.request("DELETE", path)
            await console.sees("you are no longer in this room: removed")
            console.type("hello?", "/who", "/join general")
            await console.sees("you are in no room")
            await console.sees("/who is not possible here")
            await console.sees("== general ==", times=2)


async def test_a_revoked_session_ends_the_conversation(server: TestServer) -> None:
    console = Played()
    async with person(server, "ada") as ada:
        running = asyncio.create_task(Conversation(ada.chat, ada.user, console).run("general"))
        await console.sees("== ")
        await ada.chat.api.log_out()
        with pytest.raises(ClientStopped) as ended:
            await asyncio.wait_for(running, LIMIT_S)
        assert ended.value.code == 4403


# The door.


async def test_an_unknown_user_is_asked_to_register(server: TestServer) -> None:
    async with open_client(server) as chat:
        console, name = Played(PASSWORD, "y", PASSWORD), unique_username("eve")
        user = await log_in_or_register(chat, Credentials(name, None, None), console)
        assert user.username == name
        assert console.said == [
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
async def test_declining_to_register_is_a_login_failure(
    server: TestServer, answers: tuple[str, ...], register: bool | None, why: str
) -> None:
    async with open_client(server) as chat:
        with pytest.raises(LoginFailed, match=why):
            await log_in_or_register(
                chat, Credentials(unique_username("eve"), None, register), Played(*answers)
            )


async def test_a_wrong_password_is_a_login_failure(server: TestServer) -> None:
    async with run_client(server) as ada, open_client(server) as chat:
        name = ada.user.username
        with pytest.raises(LoginFailed, match="another password"):
            await log_in_or_register(chat, Credentials(name, "not the right one", True), Played())


async def test_an_invalid_username_is_rejected(server: TestServer) -> None:
    async with open_client(server) as chat:
        with pytest.raises((RequestRejected, ValueError)):
            await log_in_or_register(chat, Credentials("a b", PASSWORD, True), Played())


async def test_a_pipe_is_not_asked_questions(server: TestServer) -> None:
    async with open_client(server) as chat:
        with pytest.raises(LoginFailed, match="--register"):
            await log_in_or_register(
                chat, Credentials(unique_username("eve"), PASSWORD, None), Played(interactive=False)
            )
        with pytest.raises(NotInteractive, match="Password of eve"):
            await log_in_or_register(chat, Credentials("eve", None, None), PlainConsole())
