"""The commands of `python -m app`, or `chat-server`."""

import asyncio
import getpass
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar

import rich.console
import typer
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from app.application.server_state import begin_epoch
from app.bootstrap import create_passwords, open_database, open_database_and_bus
from app.client.errors import ClientError
from app.client.terminal.command import chat
from app.core.password_policy import check_password
from app.core.server_state import ServerState
from app.importers.console import Console
from app.importers.runner import Options, import_files
from app.moderation import service as moderation
from app.ops.checks.report import run_checks
from app.ops.checks.result import Level
from app.persistence.database import Database
from app.persistence.migrations import MigrationError, SchemaStatus, upgrade
from app.persistence.uow import UnitOfWork
from app.search.console import show_rebuild
from app.search.rebuild import Rebuild
from app.server.supervisor import run_worker, supervise
from app.server.uvicorn_server import serve as run_server
from app.settings import PREFIX, Settings, SettingsError, load_settings, override
from app.users.accounts import NewAccount, register
from app.wire.errors import Busy, ChatError
from app.wire.schemas.users import Register
from app.wire.validation import invalid_from_pydantic

P = ParamSpec("P")
T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The chat server. Settings come from the environment and .env; see .env.example.",
)

imports = typer.Typer(no_args_is_help=True, help="Bring archives of other chats into the server.")
app.add_typer(imports, name="import")


def print_errors(command: Callable[P, T]) -> Callable[P, T]:
    """Decorates a command: an error that the operator can correct is printed without a traceback,
    each of its lines with `error:`, and the status is 1."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except ValidationError as error:
            message = invalid_from_pydantic(error.errors()).detail
        except (SettingsError, MigrationError, ChatError, ClientError) as error:
            message = str(error)
        except DBAPIError as error:
            message = _describe_database_error(error)
        print("\n".join(f"error: {line}" for line in message.splitlines()), file=sys.stderr)
        raise SystemExit(1)

    return run


@app.command()
@print_errors
def serve(
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Processes on the one port. Absent: the setting."),
    ] = None,
) -> None:
    """Run the server until Ctrl-C; twice ends it at once."""
    settings = load_settings()
    if workers is not None:
        settings = override(settings, "server", workers=workers)
    if settings.server.workers > 1:
        supervise(settings)
    else:
        run_server(settings)


@app.command(hidden=True)
@print_errors
def worker(
    listen: Annotated[list[int], typer.Option()], channel: Annotated[int, typer.Option()]
) -> None:
    """One of the processes of `serve --workers`, which starts it."""
    run_worker(load_settings(), listen, channel)


@app.command()
@print_errors
def migrate() -> None:
    """Bring the database's schema up to date."""
    settings = load_settings()
    applied = upgrade(settings)
    print("\n".join(f"applied {step}" for step in applied) or "the schema is up to date")


@app.command("after-restore")
@print_errors
def after_restore() -> None:
    """Say that the database was restored from a backup, before the server starts again."""
    state = asyncio.run(_after_restore(load_settings()))
    print(f"the database has a new epoch, {state.epoch}; times it was restored: {state.restores}")
    print("Positions and snapshots that clients have are void: they load their rooms again.")
    print("Start the server now. A process that runs notices this within a few seconds.")


@app.command()
@print_errors
def check(
    logs: Annotated[
        bool,
        typer.Option("--logs", help="Read every room's log and look for holes; takes a while."),
    ] = False,
) -> None:
    """Look at settings, files, TLS, database and Redis; exits with 1 if there is an error."""
    if not asyncio.run(_check(load_settings(), with_logs=logs)):
        raise SystemExit(1)


app.command()(print_errors(chat))


@app.command("create-admin")
@print_errors
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


@app.command()
@print_errors
def ban(username: str) -> None:
    """End all sessions of a user, and prevent further logins of this user."""
    changed = asyncio.run(_moderate(load_settings(), moderation.ban_by_name, username))
    print(f"{username} is banned" if changed else f"{username} was banned already")


@app.command()
@print_errors
def unban(username: str) -> None:
    """Let a user who is banned log in again."""
    changed = asyncio.run(_moderate(load_settings(), moderation.unban_by_name, username))
    print(f"{username} may log in again" if changed else f"{username} was not banned")


@app.command("search-rebuild")
@print_errors
def search_rebuild(
    from_start: Annotated[
        bool,
        typer.Option("--from-start", help="Begin anew, also after an interruption."),
    ] = False,
) -> None:
    """Index all messages anew for searches; servers may run meanwhile.

    After an interruption run it again: it goes on where it ended.
    """
    try:
        asyncio.run(_rebuild_search(load_settings(), from_start=from_start))
    except KeyboardInterrupt:
        print("Interrupted. To go on, type the same command again.", file=sys.stderr)
        raise SystemExit(130) from None


@imports.command("gitter")
@print_errors
def import_gitter(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Archives of rooms, TSV.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and compare everything, write nothing.")
    ] = False,
    owner: Annotated[
        str | None,
        typer.Option(metavar="USERNAME", help="An account that is to own the imported rooms."),
    ] = None,
) -> None:
    """Import rooms from Gitter; exits with 1 if file and database differ in the end.

    Nothing is imported twice: run it again after an interruption, or with a newer archive.
    """
    settings, options = load_settings(), Options(dry_run=dry_run, owner=owner)
    try:
        complete = asyncio.run(_import_gitter(settings, files, options))
    except KeyboardInterrupt:
        print("Interrupted. To go on, type the same command again.", file=sys.stderr)
        raise SystemExit(130) from None
    if not complete:
        raise SystemExit(1)


async def _check(settings: Settings, *, with_logs: bool) -> bool:
    is_usable = True
    async with open_database(settings) as database:
        async for result in run_checks(settings, database, with_logs=with_logs):
            is_usable = is_usable and result.level is not Level.ERROR
            print(f"{result.level:9}{result.name:13}{result.detail}")
            if result.hint:
                print(f"{'':22}{result.hint}")
    return is_usable


@asynccontextmanager
async def _open_migrated_database(settings: Settings) -> AsyncIterator[Database]:
    """Raises MigrationError if the schema is not up to date."""
    async with open_database_and_bus(settings) as (database, _):
        try:
            schema = await database.schema()
        except Busy as error:
            raise MigrationError(_describe_database_error(error.__cause__)) from None
        if schema not in (SchemaStatus.CURRENT, SchemaStatus.AHEAD):
            raise MigrationError("The schema is not up to date. Run: python -m app migrate")
        yield database


async def _import_gitter(settings: Settings, files: list[Path], options: Options) -> bool:
    async with _open_migrated_database(settings) as database:
        return await import_files(database, files, options, Console(rich.console.Console()))


async def _rebuild_search(settings: Settings, *, from_start: bool) -> None:
    async with _open_migrated_database(settings) as database:
        await show_rebuild(Rebuild(database, from_start=from_start), rich.console.Console())


async def _create_admin(settings: Settings, username: str, password: str) -> None:
    # Validated like any other account.
    account_request = Register(username=username, password=password)
    check_password(account_request.password, "password", account_request.username)
    passwords = create_passwords(settings)
    account = NewAccount(
        account_request.username,
        account_request.username,
        await passwords.hash(account_request.password),
        is_admin=True,
    )
    async with _open_migrated_database(settings) as database:
        await database.transact(register, account)
    passwords.close()


async def _after_restore(settings: Settings) -> ServerState:
    async with _open_migrated_database(settings) as database:
        return await database.transact(begin_epoch)


async def _moderate(
    settings: Settings, use_case: Callable[[UnitOfWork, str], Awaitable[bool]], username: str
) -> bool:
    async with _open_migrated_database(settings) as database:
        return await database.transact(use_case, username)


def _describe_database_error(error: BaseException | None) -> str:
    reason = error.orig if isinstance(error, DBAPIError) else error
    return f"{PREFIX}DATABASE__URL: the database cannot be used: {reason}"


def _ask_password() -> str:
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise typer.BadParameter("the two passwords differ")
    return password
