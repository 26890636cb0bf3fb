"""MariaDB for a test run: a process of its own, or any MySQL or MariaDB in TEST_MYSQL_URL."""

import os
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import port_for
import pytest
from sqlalchemy import URL, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from testkit.servers.process import HOST, Server, own_server, require

VARIABLE = "TEST_MYSQL_URL"
EXAMPLE = f"mysql://user:password@{HOST}:3306/"


@dataclass(frozen=True)
class MariaDb:
    """A server with an account that may create databases."""

    address: URL
    own: Server | None

    @property
    def server(self) -> Server:
        """The process, to kill or freeze."""
        return own_server(self.own, VARIABLE)

    def url(self, database: str) -> str:
        """The URL of a database, as in the settings of the program."""
        return self.address.set(database=database).render_as_string(hide_password=False)

    @asynccontextmanager
    async def connect(self, database: str | None = None) -> AsyncIterator[AsyncConnection]:
        """A connection without the program; each statement is its own transaction."""
        engine = create_async_engine(
            self.address.set(drivername="mysql+asyncmy", database=database),
            isolation_level="AUTOCOMMIT",
        )
        try:
            async with engine.connect() as connection:
                yield connection
        finally:
            await engine.dispose()

    @asynccontextmanager
    async def database(self, name: str) -> AsyncIterator[str]:
        """An empty database, which is dropped at the end. Its default is the old one of Debian, so
        that tables have to name their character set."""
        async with self.connect() as connection:
            await connection.execute(text(f"CREATE DATABASE `{name}` CHARACTER SET latin1"))
        try:
            yield self.url(name)
        finally:
            async with self.connect() as connection:
                await connection.execute(text(f"DROP DATABASE `{name}`"))


@contextmanager
def run_mariadb(
    directory: Path, *options: str, variables: Mapping[str, str] | None = None
) -> Iterator[MariaDb]:
    """`options` of mariadbd come last and take precedence. They are for a process of this test
    run, and so are `variables` of its environment."""
    given = os.environ.get(VARIABLE)
    if given:
        yield MariaDb(make_url(given), None)
        return
    server = _own(directory, options, variables or {})
    server.start()
    try:
        yield MariaDb(make_url(f"mysql://chat:chat@{HOST}:{server.port}/"), server)
    finally:
        server.stop()


def _own(directory: Path, options: Sequence[str], variables: Mapping[str, str]) -> Server:
    mariadbd = require("mariadbd", VARIABLE, EXAMPLE)
    install = require("mariadb-install-db", VARIABLE, EXAMPLE)
    data = directory / "data"
    # A server that starts deletes the temporary tables that it finds in its folder, and those of
    # a server that starts beside it would be among them.
    temporary = directory / "tmp"
    temporary.mkdir()
    common = ["--no-defaults", f"--datadir={data}", f"--tmpdir={temporary}"]
    if os.geteuid() == 0:
        common.append("--user=root")  # it refuses root unless told
    made = subprocess.run(
        [install, *common, "--auth-root-authentication-method=normal", "--skip-test-db"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if made.returncode:
        pytest.fail(f"mariadb-install-db failed:\n{made.stdout[:4000]}", pytrace=False)
    accounts = directory / "accounts.sql"
    accounts.write_text(
        f"CREATE USER IF NOT EXISTS chat@'{HOST}' IDENTIFIED BY 'chat';\n"
        f"GRANT ALL ON *.* TO chat@'{HOST}' WITH GRANT OPTION;\n"
    )
    port = port_for.select_random()
    command = [
        *("env", *(f"{name}={value}" for name, value in variables.items())),
        mariadbd,
        *common,
        f"--bind-address={HOST}",
        f"--port={port}",
        f"--socket={directory / 'socket'}",
        f"--pid-file={directory / 'pid'}",
        f"--init-file={accounts}",
        "--skip-name-resolve",
        "--innodb-buffer-pool-size=64M",
        "--innodb-flush-log-at-trx-commit=1",  # durable, as in production
        *options,
    ]
    return Server(command, port, directory / "log")
