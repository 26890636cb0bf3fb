"""How alembic reaches the database: the server's settings and engine, one migrator at a time.

On SQLite a whole `upgrade` is one transaction, and that is its lock as well: all of it or nothing.
MySQL and MariaDB commit each DDL statement at once; there a named lock keeps migrators apart, each
migration is recorded as soon as it is done, and a failure says what has been done before it.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from logging.config import fileConfig
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import _repr_type
from alembic.autogenerate.rewriter import Rewriter
from alembic.ddl.mysql import MySQLImpl
from alembic.operations import ops
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import BINARY, Connection, Index, PrimaryKeyConstraint, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeDecorator

# Tables of Base.metadata.
from app.persistence import (  # noqa: F401
    consumer_tables,
    item_tables,
    message_tables,
    moderation_tables,
    room_tables,
)
from app.persistence.engine import create_engines
from app.persistence.failures import Failure, classify
from app.persistence.search_tables import SEARCH_INDEX
from app.persistence.tables import Base
from app.settings import PREFIX, Database, SettingsError, load_settings

LOCK_TIMEOUT_S = 60.0
MAX_LOCK_NAME = 64  # characters, MySQL

config = context.config
rerunnable = Rewriter()


class RerunnableMySQL(MySQLImpl):
    """Gives `if_not_exists` and `if_exists` of indexes a meaning on MySQL, which lacks the SQL."""

    __dialect__ = "mysql"

    def create_index(self, index: Index, *, if_not_exists: bool = False, **kw: Any) -> None:
        if not (if_not_exists and self._has(index)):
            super().create_index(index, **kw)

    def drop_index(self, index: Index, *, if_exists: bool = False, **kw: Any) -> None:
        if not if_exists or self.as_sql or self._has(index):
            super().drop_index(index, **kw)

    def _has(self, index: Index) -> bool:
        if self.as_sql or self.connection is None or index.table is None:
            return False
        present = inspect(self.connection).get_indexes(index.table.name)
        return index.name in {found["name"] for found in present}


@compiles(PrimaryKeyConstraint, "mysql", "mariadb")
def _compile_without_name(key: PrimaryKeyConstraint, compiler: Any, **options: Any) -> str:
    """MySQL calls every primary key PRIMARY, and MariaDB warns of another name."""
    sql: str = compiler.visit_primary_key_constraint(key, **options)
    return sql[sql.index("PRIMARY KEY") :]


@rerunnable.rewrites(ops.CreateTableOp)
@rerunnable.rewrites(ops.CreateIndexOp)
def _create_if_missing(
    _context: Any, _revision: Any, step: ops.CreateTableOp | ops.CreateIndexOp
) -> Any:
    step.if_not_exists = True
    return step


@rerunnable.rewrites(ops.DropTableOp)
@rerunnable.rewrites(ops.DropIndexOp)
def _drop_if_there(_context: Any, _revision: Any, step: ops.DropTableOp | ops.DropIndexOp) -> Any:
    step.if_exists = True
    return step


def _without_indexes_of_dropped_tables(directive: ops.MigrationScript) -> None:
    """They go with the table; on their own MySQL would not let go those that a foreign key uses."""
    for group in directive.downgrade_ops_list:
        dropped = {step.table_name for step in group.ops if isinstance(step, ops.DropTableOp)}
        group.ops = [
            step
            for step in group.ops
            if not (isinstance(step, ops.ModifyTableOps) and step.table_name in dropped)
        ]


def finish(_context: Any, _revision: Any, directives: list[ops.MigrationScript]) -> None:
    """Names the new migration 0002, 0003, …: two branches that both add one collide visibly."""
    script = ScriptDirectory.from_config(config)
    for directive in directives:
        if getattr(config.cmd_opts, "rev_id", None) is None:
            directive.rev_id = f"{len(list(script.walk_revisions())) + 1:04}"
        _without_indexes_of_dropped_tables(directive)
    rerunnable(_context, _revision, directives)


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Migrations name the plain type below one of ours: they do not change when the code does."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return _repr_type(item.impl_instance, autogen)
    return False


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    """What a full-text index consists of is the database's own affair."""
    return not (kind == "table" and name and name.startswith(SEARCH_INDEX))


def count_applied(**applied: Any) -> None:
    config.attributes.setdefault("applied", []).append(applied["step"].up_revision_id)


OPTIONS: dict[str, Any] = {
    "target_metadata": Base.metadata,
    "compare_type": True,
    "process_revision_directives": finish,
    "render_item": render_item,
    "include_name": include_name,
    "on_version_apply": count_applied,
}


def offline(database: Database) -> None:
    context.configure(
        url=database.url,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
        transactional_ddl=database.is_sqlite,
        transaction_per_migration=True,
        **OPTIONS,
    )
    with context.begin_transaction():
        context.run_migrations()


async def online(database: Database, lock_timeout_s: float) -> None:
    try:
        # An ALTER of a big table may take hours: the server's bound on a statement is not for it.
        engines = create_engines(database.model_copy(update={"statement_timeout_s": 0.0}))
        if database.is_sqlite:
            _prepare_sqlite(engines.write.sync_engine, lock_timeout_s)
        try:
            async with engines.write.connect() as connection:
                migrate = migrate_sqlite if database.is_sqlite else migrate_mysql
                await connection.run_sync(migrate, lock_timeout_s)
        finally:
            await engines.dispose()
    except (DBAPIError, OSError, ValueError) as error:
        where = make_url(database.url).render_as_string(hide_password=True)
        raise CommandError(
            f"{PREFIX}DATABASE__URL: the database at {where} cannot be used: "
            f"{getattr(error, 'orig', None) or error}"
        ) from error


def _prepare_sqlite(engine: Any, lock_timeout_s: float) -> None:
    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        # Batch mode replaces a table by a copy: the DROP would delete what refers to its rows.
        cursor.execute("PRAGMA foreign_keys=OFF")
        cursor.execute(f"PRAGMA busy_timeout={int(lock_timeout_s * 1000)}")
        cursor.close()


def migrate_sqlite(connection: Connection, lock_timeout_s: float) -> None:
    # Read back, BINARY(16) would be NUMERIC(16): a difference to `check`, and kept by batch mode.
    dialect: Any = connection.dialect
    dialect.ischema_names = dialect.ischema_names | {"BINARY": BINARY}
    try:
        transaction = connection.begin()
    except DBAPIError as error:
        if classify(error) is not Failure.CONFLICT:
            raise
        raise CommandError(
            "Another process has been writing to this database for more than "
            f"{lock_timeout_s:g} s. Wait for it, or stop it, and run this again."
        ) from error
    with transaction, _explained(connection):
        context.configure(
            connection=connection, render_as_batch=True, transactional_ddl=True, **OPTIONS
        )
        context.run_migrations()
        if config.attributes.get("applied"):
            _check_foreign_keys(connection)


def _check_foreign_keys(connection: Connection) -> None:
    broken = connection.execute(text("PRAGMA foreign_key_check")).all()
    if broken:
        raise CommandError(
            f"After the migration {len(broken)} rows would refer to rows that do not exist, "
            f"the first in table {broken[0][0]}. Nothing was changed."
        )


def migrate_mysql(connection: Connection, lock_timeout_s: float) -> None:
    _take_lock(connection, lock_timeout_s)
    context.configure(
        connection=connection, render_as_batch=True, transaction_per_migration=True, **OPTIONS
    )
    with context.begin_transaction(), _explained(connection):
        context.run_migrations()


def _take_lock(connection: Connection, timeout_s: float) -> None:
    """Held until the connection ends, however it ends. Such names are the whole server's."""
    name = f"chat-migrate:{connection.engine.url.database}"
    if len(name) > MAX_LOCK_NAME:
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        name = f"{name[: MAX_LOCK_NAME - 17]}:{digest}"
    got = connection.scalar(
        text("SELECT GET_LOCK(:name, :timeout)"), {"name": name, "timeout": timeout_s}
    )
    connection.commit()  # alembic leaves the transactions to a caller who has begun one
    if got != 1:
        raise CommandError(
            f"Another process has been migrating this database for more than {timeout_s:g} s. "
            "Wait for it and run this again. Which connection it is, the server can say: "
            f"SELECT IS_USED_LOCK('{name}')"
        )


@contextmanager
def _explained(connection: Connection) -> Iterator[None]:
    """A statement that fails: which one, why, and in what state the database is now."""
    done: list[str] = []

    def remember(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "alembic_version" in statement:
            done.clear()  # the migration is recorded: what belongs to it is finished
        elif statement.split(maxsplit=1)[0].upper() not in ("SELECT", "SHOW", "PRAGMA", "DESCRIBE"):
            done.append(" ".join(statement.split())[:200])

    event.listen(connection, "after_cursor_execute", remember)
    try:
        yield
    except DBAPIError as error:
        if error.connection_invalidated or not error.statement:
            raise
        statement = " ".join(error.statement.split())[:500]
        raise CommandError(
            f"The migration failed at: {statement}\n{error.orig}\n{_state(connection, done)}"
        ) from error
    finally:
        event.remove(connection, "after_cursor_execute", remember)


def _state(connection: Connection, done: list[str]) -> str:
    if connection.dialect.name == "sqlite":
        return "Nothing was changed."
    if not done:
        return (
            "Nothing of this migration has been done. Migrations before it are done and recorded."
        )
    return (
        "This database cannot roll DDL back. Of this migration these statements have been done:\n"
        + "".join(f"  {statement}\n" for statement in done)
        + "Remove the cause and run it again: its steps bear that if they say if_not_exists or "
        "if_exists.\nElse undo these by hand first; or do the rest by hand and say "
        "`alembic stamp REVISION`."
    )


def main() -> None:
    if config.cmd_opts is not None and config.config_file_name:  # typed, not called by the program
        fileConfig(config.config_file_name, disable_existing_loggers=False)
    try:
        # Nothing is signed here: no key needs to be set, nor made up in var/.
        settings = config.attributes.get("settings") or load_settings(
            auth={"secret_key": secrets.token_hex(32)}
        )
    except SettingsError as error:
        raise CommandError(str(error)) from None
    given = context.get_x_argument(as_dictionary=True).get("lock_timeout")
    timeout = float(given or config.attributes.get("lock_timeout_s", LOCK_TIMEOUT_S))
    if context.is_offline_mode():
        offline(settings.database)
    else:
        asyncio.run(online(settings.database, timeout))


main()
