"""Coming in: the password, and an account for those who have none yet."""

from dataclasses import dataclass

from app.client.chat import ChatClient
from app.client.errors import ClientError, Refused
from app.client.terminal.console import Screen
from app.wire.errors import ErrorCode
from app.wire.schemas.users import Register, UserOut


@dataclass(frozen=True, slots=True)
class Visitor:
    """`register` None: ask. `password` None: ask."""

    username: str
    password: str | None
    register: bool | None


class NotIn(ClientError):
    """The user is not known by this password, and was not registered."""


async def come_in(chat: ChatClient, visitor: Visitor, screen: Screen) -> UserOut:
    """Log in, and register before that if need be. Raises NotIn, Refused, Unreachable."""
    name = visitor.username
    password = visitor.password
    if password is None:
        password = await screen.ask(f"Password of {name}: ", secret=True)
    try:
        return await chat.log_in(name, password)
    except Refused as refused:
        if refused.code != ErrorCode.INVALID_GRANT:
            raise
    await _may_register(visitor, password, screen)
    try:
        await chat.api.register(Register(username=name, password=password))
    except Refused as refused:
        if refused.code != ErrorCode.USERNAME_TAKEN:
            raise
        raise NotIn(f"There is a user {name}, but with another password.") from None
    screen.say(f"{name} is registered.")
    return await chat.log_in(name, password)


async def _may_register(visitor: Visitor, password: str, screen: Screen) -> None:
    """The server does not tell whether a user exists, so the question has to be put carefully."""
    name, wanted = visitor.username, visitor.register
    unknown = f"There is no user {name} with this password."
    if wanted is None and not screen.interactive:
        raise NotIn(f"{unknown} To make a new one, add --register.")
    if wanted is None:
        answer = await screen.ask(f"{unknown} Register {name} with it? [y/N] ")
        wanted = answer.strip().lower() in ("y", "yes")
    if not wanted:
        raise NotIn(unknown)
    if visitor.password is None and await screen.ask("Again: ", secret=True) != password:
        raise NotIn("The two passwords differ.")
