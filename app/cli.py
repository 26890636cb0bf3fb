"""python -m app: what operators and first users type."""

import asyncio
import getpass
import sys
from collections.abc import Callable
from functools import wraps
from typing import Annotated, ParamSpec, TypeVar

import typer
from pydantic import ValidationError

from app.bootstrap import create_passwords, opened
from app.core.errors import ChatError
from app.ops.checks import findings
from app.persistence.migrations import MigrationError, upgrade
from app.serve import serve as run_server
from app.settings import Settings, SettingsError, load_settings
from app.users.accounts import NewAccount, register
from app.users.schemas import Register

P = ParamSpec("P")
T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The chat server. Settings come from the environment and .env; see .env.example.",
)


def plainly(command: Callable[P, T]) -> Callable[P, T]:
    """Mistakes that a person can mend are printed as a sentence, and exit with 1."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except ValidationError as error:
            message = "; ".join(f"{e['loc'][-1]}: {e['msg']}" for e in error.errors())
        except (SettingsError, MigrationError, ChatError) as error:
            message = str(error)
        print(f"error: {message}", file=sys.stderr)
        raise SystemExit(1)

    return run


@app.command()
@plainly
def serve() -> None:
    """Run the server until Ctrl-C."""
    run_server(load_settings())


@app.command()
@plainly
def migrate() -> None:
    """Bring the database's schema up to date."""
    settings = load_settings()
    applied = upgrade(settings)
    print("\n".join(f"applied {step}" for step in applied) or "the schema is up to date")


@app.command()
@plainly
def check(
    logs: Annotated[
        bool,
        typer.Option("--logs", help="Read every room's log and look for holes; takes a while."),
    ] = False,
) -> None:
    """Look at settings, TLS, database and bus; exits with 1 if something is wrong."""
    if not asyncio.run(_check(load_settings(), with_logs=logs)):
        raise SystemExit(1)


@app.command("create-admin")
@plainly
def create_admin(
    username: str,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Make an account that may administer the server."""
    settings = load_settings()
    password = sys.stdin.readline().rstrip("\n") if password_stdin else _ask_password()
    asyncio.run(_create_admin(settings, username, password))
    print(f"{username} is an administrator")


async def _check(settings: Settings, *, with_logs: bool) -> bool:
    fine = True
    async with opened(settings) as (database, bus):
        async for finding in findings(settings, database, bus, with_logs=with_logs):
            fine = fine and finding.trouble is None
            mark = "ok      " if finding.trouble is None else "trouble "
            print(f"{mark}{finding.what:10}{finding.found}")
            if finding.trouble:
                print(f"{'':18}{finding.trouble}")
    return fine


async def _create_admin(settings: Settings, username: str, password: str) -> None:
    # Checked like any other account.
    wanted = Register(username=username, password=password)
    passwords = create_passwords(settings)
    account = NewAccount(
        wanted.username, wanted.username, await passwords.hash(wanted.password), is_admin=True
    )
    async with opened(settings) as (database, _):
        await database.transact(register, account)
    passwords.close()


def _ask_password() -> str:
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise typer.BadParameter("the two passwords differ")
    return password
