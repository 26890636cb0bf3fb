"""The terminal chat as a command: `chat-client`, and `chat` of the server's command line."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from app.client.errors import ClientError
from app.client.terminal.login import Visitor
from app.client.terminal.run import Chat, run_chat
from app.wire.validation import invalid_from_pydantic


def chat(
    user: Annotated[str, typer.Option(metavar="NAME", help="Who you are.")],
    server: Annotated[str, typer.Option(metavar="URL")] = "http://127.0.0.1:8000",
    room: Annotated[
        str, typer.Option(metavar="NAME", help="The room to enter; made if there is none.")
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
            "--register/--no-register", help="Whether to make an account if needed. Absent: asks."
        ),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Trust this CA, such as certs/ca.pem.")
    ] = None,
) -> None:
    """Chat in the terminal, or through pipes: one line, one message."""
    run_chat(Chat(server, room, Visitor(user, password, register_user), ca))


def main() -> None:
    """What is installed as `chat-client`. Needs nothing of the server's dependencies."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(chat)
    try:
        app()
    except ValidationError as error:
        sys.exit(f"error: {invalid_from_pydantic(error.errors())}")
    except ClientError as error:
        sys.exit(f"error: {error}")
