"""URLs of the database and of Redis, checked strictly: drivers ignore what they do not know.

The text of a ValueError continues a sentence for the operator. It never quotes the URL, which may
contain a password.
"""

import os
import re
import tempfile
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import redis.asyncio as redis
from redis.exceptions import RedisError
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

SQLITE, MYSQL = "sqlite+aiosqlite", "mysql+asyncmy"
_SCHEMES = {"sqlite": SQLITE, "mysql": MYSQL, "mariadb": MYSQL, "mariadb+asyncmy": MYSQL}
# SQLAlchemy takes everything up to the first `@` for the user and password.
_CREDENTIALS = re.compile(r"[^:/]*:[^@]*@")
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+(%[A-Za-z0-9._-]+)?")
_ESCAPES = "in a password write / as %2F, ? as %3F, # as %23, @ as %40, : as %3A and % as %25"
_MYSQL_FORM = "such as mysql://chat:secret@127.0.0.1:3306/chat"
_REDIS_FORM = "such as redis://:secret@127.0.0.1:6379/0"


def read_database_url(url: str) -> str:
    """The URL with this program's driver. Raises ValueError."""
    scheme, separator, rest = url.partition("://")
    scheme = _SCHEMES.get(scheme, scheme)
    if not separator or scheme not in (SQLITE, MYSQL):
        raise ValueError(f"must start with mysql://, mariadb:// or sqlite:///, {_MYSQL_FORM}")
    url = f"{scheme}://{rest}"
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError(f"must have one host and a port in digits, {_MYSQL_FORM}") from None
    if scheme == SQLITE:
        _check_sqlite(parts)
    else:
        _check_mysql(parts)
        if (credentials := _CREDENTIALS.match(rest)) and re.search(r"[/?#]", credentials[0]):
            raise ValueError(f"must not have /, ? or # in its password; {_ESCAPES}")
    return url


def check_sqlite_file(file: Path) -> None:
    """Raises ValueError if the file can be neither opened nor created, or SQLite could not create
    its own files beside it."""
    file = file.absolute()
    try:
        tempfile.TemporaryFile(dir=file.parent).close()
    except FileNotFoundError:
        raise ValueError(f"the folder {file.parent} does not exist") from None
    except OSError as error:
        raise ValueError(f"nothing can be written to {file.parent}: {error.strerror}") from None
    if file.exists() and not file.is_file():
        raise ValueError(f"{file} is not a file")
    if file.exists() and not os.access(file, os.R_OK | os.W_OK):
        raise ValueError(f"the file {file} cannot be read and written")


def check_redis_url(url: str) -> None:
    """Raises ValueError."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError(
            f"must have one host and a port in digits, {_REDIS_FORM}; {_ESCAPES}"
        ) from None
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ValueError(f"must start with redis://, rediss:// or unix://, {_REDIS_FORM}")
    if parts.fragment:
        raise ValueError(f"must not have a #; {_ESCAPES}")
    if parts.scheme == "unix":
        if not parts.path.strip("/"):
            raise ValueError("must name a socket, such as unix:///run/redis/redis.sock")
    elif not _HOST.fullmatch(parts.hostname or ""):
        raise ValueError(f"must have one host, {_REDIS_FORM}; {_ESCAPES}")
    elif not re.fullmatch(r"/?|/[0-9]+", unquote(parts.path)):
        raise ValueError(f"must end with the number of a database, {_REDIS_FORM}; {_ESCAPES}")
    _check_redis_options(url, parts.scheme, [name for name, _ in parse_qsl(parts.query, True)])


def _check_sqlite(url: URL) -> None:
    if url.host or url.username or url.port:
        raise ValueError("must have three slashes before a path, such as sqlite:///var/chat.db")
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise ValueError(
            "must name a file, such as sqlite:///var/chat.db; a database in memory is not supported"
        )
    if url.query:
        raise ValueError("must not have parameters: SQLite gets none from here")


def _check_mysql(url: URL) -> None:
    unknown = sorted(url.query.keys() - {"unix_socket"})
    if unknown:
        raise ValueError(
            f"has the parameter {unknown[0]}, which is not supported; only unix_socket is"
        )
    if not url.query and not _HOST.fullmatch(url.host or ""):
        raise ValueError(f"must have one host, {_MYSQL_FORM}; {_ESCAPES}")
    if url.port is not None and not 0 < url.port <= 65535:
        raise ValueError("must have a port from 1 to 65535")
    if not url.database or "/" in url.database:
        raise ValueError(f"must end with the name of a database, {_MYSQL_FORM}; {_ESCAPES}")


def _check_redis_options(url: str, scheme: str, names: list[str]) -> None:
    """Rejects parameters that would override settings or fail at the first connection."""
    allowed = {"redis": (), "rediss": ("ssl_",), "unix": ("db", "username", "password")}[scheme]
    for name in names:
        if not name.startswith(allowed or ("\0",)):
            raise ValueError(f"has the parameter {name}, which is not supported")
    try:
        pool = redis.ConnectionPool.from_url(url, protocol=2)
        connection = pool.make_connection()  # type: ignore[no-untyped-call]
        if isinstance(connection, redis.SSLConnection):
            connection.ssl_context.get()
    except (TypeError, ValueError, OSError, RedisError) as error:
        raise ValueError(f"has parameters that cannot be used: {error}") from None
