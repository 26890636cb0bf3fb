"""Logs in, and registers an account if the user wants one."""

from dataclasses import dataclass

from app.client.chat import ChatClient
from app.client.errors import ClientError, RequestRejected
from app.client.terminal.console import Console
from app.wire.errors import ErrorCode
from app.wire.schemas.users import Register, UserOut


@dataclass(frozen=True, slots=True)
class Credentials:
    """`password` or `register` None: ask the user."""

    username: str
    password: str | None
    register: bool | None


class LoginFailed(ClientError):
    """The login failed and no account was created."""


async def log_in_or_register(
    chat: ChatClient, credentials: Credentials, console: Console
) -> UserOut:
    """Raises LoginFailed, RequestRejected, Unreachable."""
    name = credentials.username
    password = credentials.password
    if password is None:
        password = await console.ask(f"Password of {name}: ", secret=True)
    try:
        return await chat.log_in(name, password)
    except RequestRejected as rejection:
        if rejection.code != ErrorCode.INVALID_GRANT:
            raise
    await _may_register(credentials, password, console)
    try:
        await chat.api.register(Register(username=name, password=password))
    except RequestRejected as rejection:
        if rejection.code != ErrorCode.USERNAME_TAKEN:
            raise
        raise LoginFailed(f"There is a user {name}, but with another password.") from None
    console.say(f"{name} is registered.")
    return await chat.log_in(name, password)


async def _may_register(credentials: Credentials, password: str, console: Console) -> None:
    """Ask before creating an account: the server does not reveal whether the user exists."""
    name, wanted = credentials.username, credentials.register
    unknown = f"There is no user {name} with this password."
    if wanted is None and not console.interactive:
        raise LoginFailed(f"{unknown} To make a new one, add --register.")
    if wanted is None:
        answer = await console.ask(f"{unknown} Register {name} with it? [y/N] ")
        wanted = answer.strip().lower() in ("y", "yes")
    if not wanted:
        raise LoginFailed(unknown)
    if credentials.password is None and await console.ask("Again: ", secret=True) != password:
        raise LoginFailed("The two passwords differ.")
