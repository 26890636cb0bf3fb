"""The command line of the terminal chat: `chat-client`, and `chat` of the server's commands."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from app.client.errors import ClientError
from app.client.terminal.login import Credentials
from app.client.terminal.run import ChatOptions, run_chat
from app.wire.validation import invalid_from_pydantic


def chat(
    user: Annotated[str, typer.Option(metavar="NAME", help="Who you are.")],
    server: Annotated[str, typer.Option(metavar="URL")] = "http://127.0.0.1:8000",
    room: Annotated[
        str, typer.Option(metavar="NAME", help="The room to enter; created if there is none.")
    ] = "general",
    password: Annotated[
        str | None,
        typer.Option(
            envvar="TERMINAL_CHAT_PASSWORD",
            help="Better in the environment, where other users do not see it. Absent: asked for.",
        ),
    ] = None,
    register_user: Annotated[
        bool | None,
        typer.Option(
            "--register/--no-register", help="Whether to create an account if needed. Absent: asks."
        ),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Trust this CA, such as certs/ca.pem.")
    ] = None,
) -> None:
    """Chat in the terminal, or through pipes: one line, one message."""
    run_chat(ChatOptions(server, room, Credentials(user, password, register_user), ca))


def main() -> None:
    """The `chat-client` script. Needs none of the server's dependencies."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(chat)
    try:
        app()
    except ValidationError as error:
        sys.exit(f"error: {invalid_from_pydantic(error.errors())}")
    except ClientError as error:
        sys.exit(f"error: {error}")
