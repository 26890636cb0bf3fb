"""Checks of the database server: version, access, replication, durability, capacity, clock."""

import re
from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import make_url

from app.ops.checks.result import CheckResult, error, warning
from app.persistence.database import Database
from app.persistence.server_info import ServerInfo
from app.settings import Settings
from app.wire.errors import ChatError

MIN_VERSIONS = {"MariaDB": (10, 6), "MySQL": (8, 0)}
MIN_SQLITE = (3, 51, 3)  # first version without the WAL-reset bug
# A batch of messages is one statement of a few megabytes.
MIN_PACKET_BYTES = 16 * 1024**2
MAX_CLOCK_OFFSET = timedelta(seconds=2)
_OFF = ("OFF", "0", "", "NO")
_LOCAL = ("127.0.0.1", "localhost", "::1")


async def check_database_server(settings: Settings, database: Database) -> list[CheckResult]:
    try:
        info = await database.server_info()
    except ChatError as failure:
        return [error("database", "not read", failure.detail)]
    if settings.database.is_sqlite:
        return [*_check_sqlite(info), *_check_access(info)]
    return [
        _check_version(info),
        *_check_access(info),
        *_check_replication(info),
        *_check_durability(info),
        *_check_capacity(settings, info),
        *_check_connection(settings, info),
        _check_clock(info),
    ]


def _check_sqlite(info: ServerInfo) -> Iterator[CheckResult]:
    version = info.variables["version"]
    text = f"SQLite {version}, for one process"
    if _parse_version(version) < MIN_SQLITE:
        yield warning(
            "database",
            text,
            "This version can damage a database when its WAL is reset. The package pysqlite3 "
            "brings a newer one.",
        )
    else:
        yield CheckResult("database", text)
    if info.variables["journal_mode"] != "wal":
        yield error(
            "database",
            f"journal mode {info.variables['journal_mode']}",
            "WAL cannot be used there, as on a network file system: move the file.",
        )


def _check_version(info: ServerInfo) -> CheckResult:
    version = info.variables["version"]
    product = "MariaDB" if "mariadb" in version.lower() else "MySQL"
    text = f"{product} {version}"
    minimum = MIN_VERSIONS[product]
    if _parse_version(version) < minimum:
        required = ".".join(map(str, minimum))
        return error("database", text, f"This program needs {product} {required} or newer.")
    return CheckResult("database", text)


def _parse_version(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))


def _check_access(info: ServerInfo) -> Iterator[CheckResult]:
    for refusal in info.refusals:
        yield error(
            "access",
            refusal,
            "The account of CHAT_DATABASE__URL needs SELECT, INSERT, UPDATE and DELETE on a server "
            "that is not read-only.",
        )
    if not info.refusals:
        yield CheckResult("access", "the account may read and write")
    if info.missing_privileges:
        yield warning(
            "access",
            f"the account has no {', '.join(sorted(info.missing_privileges))}",
            "Run `python -m app migrate` with an account that has them.",
        )


def _check_replication(info: ServerInfo) -> Iterator[CheckResult]:
    binlog = info.variables.get("log_bin", "OFF")
    kind = info.variables.get("binlog_format", "ROW")
    if binlog not in _OFF and kind == "STATEMENT":
        yield error(
            "binlog",
            "binlog_format=STATEMENT",
            "With READ COMMITTED, which this program needs, InnoDB then refuses to write (error "
            "1665): set binlog_format=ROW or MIXED.",
        )
    elif binlog not in _OFF:
        yield CheckResult("binlog", kind)


def _check_durability(info: ServerInfo) -> Iterator[CheckResult]:
    flush = info.variables.get("innodb_flush_log_at_trx_commit", "1")
    if flush == "1":
        yield CheckResult("durability", "each COMMIT is on the disk")
    else:
        yield warning(
            "durability",
            f"innodb_flush_log_at_trx_commit={flush}",
            "A crash can lose up to a second of acknowledged messages: set it to 1.",
        )
    if info.foreign_tables:
        yield error(
            "tables",
            f"{', '.join(info.foreign_tables)}: not InnoDB with utf8mb4",
            "Transactions and texts need both: ALTER TABLE … ENGINE=InnoDB, CONVERT TO CHARACTER "
            "SET utf8mb4 COLLATE utf8mb4_bin.",
        )


def _check_capacity(settings: Settings, info: ServerInfo) -> Iterator[CheckResult]:
    needed = 2 * settings.database.pool_size * settings.server.workers
    allowed = min(
        int(info.variables["max_connections"]),
        int(info.variables.get("max_user_connections", "0")) or 2**31,
    )
    text = f"{allowed:,} allowed, at most {needed:,} used by one server"
    if needed > allowed:
        yield warning(
            "connections",
            text,
            "Under load some requests are `busy`: raise max_connections, or lower "
            "CHAT_DATABASE__POOL_SIZE (used for reading and for writing, in each process).",
        )
    else:
        yield CheckResult("connections", text)
    if int(info.variables["max_allowed_packet"]) < MIN_PACKET_BYTES:
        yield warning(
            "packets",
            f"max_allowed_packet={info.variables['max_allowed_packet']}",
            "Large batches of messages are refused: set it to 16M or more.",
        )
    if int(info.variables["wait_timeout"]) <= settings.database.pool_recycle_s:
        yield warning(
            "connections",
            f"wait_timeout={info.variables['wait_timeout']}",
            "The server closes idle connections before they are replaced: lower "
            "CHAT_DATABASE__POOL_RECYCLE_S below it.",
        )


def _check_connection(settings: Settings, info: ServerInfo) -> Iterator[CheckResult]:
    host = make_url(settings.database.url).host
    if info.encrypted or host in _LOCAL or host is None:
        return
    yield warning(
        "connection",
        f"to {host}, not encrypted",
        "Passwords and messages can be read on the way: set CHAT_DATABASE__TLS_CA.",
    )


def _check_clock(info: ServerInfo) -> CheckResult:
    text = f"the database is {info.clock_offset.total_seconds():+.3f} s ahead of this machine"
    if abs(info.clock_offset) > MAX_CLOCK_OFFSET:
        return warning("clock", text, "Times of messages and lists go wrong: run NTP on both.")
    return CheckResult("clock", text)
