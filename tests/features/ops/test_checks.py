"""`python -m app check` on real servers, files and certificates."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import port_for
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from redis.asyncio import Redis
from sqlalchemy import make_url, text

from app.bootstrap import open_database
from app.core.clock import now
from app.ops.checks.report import run_checks
from app.ops.checks.result import CheckResult, Level
from app.persistence.database import Database
from app.persistence.repositories.consumers import Lease
from app.settings import Settings
from testkit.coverage import child_variables
from testkit.servers.backend import Backend, make_settings, migrate, override
from testkit.servers.mariadb import MariaDb, run_mariadb
from testkit.servers.redis import RedisServer, run_redis, run_sentinel
from tests.consumers.samples import acquire, release
from tests.persistence.factories import add_user, open_room

SECRET = "a secret that is not printed"


async def check(settings: Settings) -> list[CheckResult]:
    async with open_database(settings) as database:
        return [result async for result in run_checks(settings, database, with_logs=True)]


def problems(results: list[CheckResult]) -> list[tuple[Level, str, str]]:
    """All results that are not OK. Each has a hint."""
    found = [result for result in results if result.level is not Level.OK]
    assert all(result.hint for result in found)
    return [(result.level, result.name, result.detail) for result in found]


def run_command(directory: Path, *, max_files: int = 8192, **variables: str) -> Any:
    return subprocess.run(
        ["sh", "-c", f'ulimit -n {max_files}; exec "$0" -m app check', sys.executable],
        cwd=directory,
        env=child_variables() | {"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


# Any installation.


async def test_a_migrated_installation_passes_all_checks(backend: Backend) -> None:
    settings = backend.override(server={"environment": "production"})
    ours = {"open files", "durability"}  # the limits of the machine that runs the tests
    found = await check(settings)
    assert [result for result in problems(found) if result[1] not in ours] == []
    assert {"settings", "schema", "database", "access", "Redis", "logs"} <= {
        result.name for result in found
    }


def test_the_check_command_prints_problems_and_exits_with_1(tmp_path: Path) -> None:
    variables = {
        "CHAT_SERVER__DATA_DIR": str(tmp_path),
        "CHAT_DATABASE__URL": f"mysql://chat:{'-'.join(SECRET.split())}@127.0.0.1:1/chat",
        "CHAT_AUTH__SECRET_KEY": SECRET * 2,
        "CHAT_REDIS__URL": "redis://:password-of-redis@127.0.0.1:1/0",
    }
    done = run_command(tmp_path, max_files=256, **variables)
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert any(line.startswith("error    database     cannot be reached") for line in lines)
    assert any(line.startswith("error    Redis        cannot be used") for line in lines)
    assert any(line.startswith("warning  open files   at most 256, so about 152") for line in lines)
    assert "Traceback" not in done.stdout + done.stderr
    for secret in ("-".join(SECRET.split()), SECRET, "password-of-redis"):
        assert secret not in done.stdout + done.stderr


async def test_a_missing_schema_is_an_error(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, database=f"sqlite:///{tmp_path / 'new.db'}")
    assert (Level.ERROR, "schema", "missing, or too old for this program") in problems(
        await check(settings)
    )


async def test_a_development_server_on_a_public_address_is_a_warning(embedded: Backend) -> None:
    found = problems(await check(embedded.override(server={"host": "0.0.0.0"})))  # noqa: S104
    assert (Level.WARNING, "settings", "development, 1 process, on 0.0.0.0") in found


# Files.


async def test_a_secret_readable_by_others_is_a_warning(embedded: Backend) -> None:
    key = embedded.settings.server.data_dir / "secret-key"
    key.write_text(SECRET)
    key.chmod(0o644)
    assert (Level.WARNING, "files", f"{key} has mode 644") in problems(
        await check(embedded.settings)
    )
    key.chmod(0o600)
    assert [
        found for found in problems(await check(embedded.settings)) if "secret" in found[2]
    ] == []


def write_pair(directory: Path, **options: Any) -> tuple[Path, Path]:
    certificate, key = directory / "server.pem", directory / "server-key.pem"
    issued = trustme.CA().issue_cert("chat.example.org", "10.0.0.1", **options)
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    key.chmod(0o600)
    return certificate, key


def encrypt(key: Path) -> None:
    loaded = load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(
        loaded.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"password"),
        )
    )


async def tls_finding(embedded: Backend, certificate: Path, key: Path) -> CheckResult:
    settings = embedded.override(server={"tls_certificate": certificate, "tls_key": key})
    (found,) = (f for f in await check(settings) if f.name == "TLS")
    return found


@pytest.mark.parametrize(
    ("lifetime", "level", "advice"),
    [
        (timedelta(days=60), Level.OK, ""),
        (timedelta(days=20), Level.WARNING, "expires soon"),
        (timedelta(days=-1), Level.ERROR, "has expired"),
    ],
)
async def test_the_expiry_of_a_certificate_is_checked(
    embedded: Backend, tmp_path: Path, lifetime: timedelta, level: Level, advice: str
) -> None:
    end = now() + lifetime
    pair = write_pair(tmp_path, not_before=end - timedelta(days=90), not_after=end)
    found = await tls_finding(embedded, *pair)
    assert (found.level, f"until {end:%Y-%m-%d}" in found.detail) == (level, True)
    assert "chat.example.org, 10.0.0.1" in found.detail
    assert advice in found.hint


async def test_a_certificate_that_is_not_valid_yet_is_an_error(
    embedded: Backend, tmp_path: Path
) -> None:
    start = now() + timedelta(days=2)
    pair = write_pair(tmp_path, not_before=start, not_after=start + timedelta(days=90))
    found = await tls_finding(embedded, *pair)
    assert (found.level, "valid from" in found.hint) == (Level.ERROR, True)


async def test_an_encrypted_key_is_an_error_without_a_prompt(
    embedded: Backend, tmp_path: Path
) -> None:
    certificate, key = write_pair(tmp_path)
    encrypt(key)
    found = await tls_finding(embedded, certificate, key)
    assert (found.level, "encrypted" in found.hint) == (Level.ERROR, True)


async def test_a_key_that_does_not_match_the_certificate_is_an_error(
    embedded: Backend, tmp_path: Path
) -> None:
    certificate, _ = write_pair(tmp_path)
    (tmp_path / "other").mkdir()
    _, key = write_pair(tmp_path / "other")
    assert (await tls_finding(embedded, certificate, key)).level is Level.ERROR


# MariaDB.


@dataclass
class Installation:
    """A database server of its own, whose global settings a test may change."""

    server: MariaDb
    settings: Settings

    async def run(self, *statements: str) -> None:
        async with self.server.connect(self.database) as connection:
            for statement in statements:
                await connection.execute(text(statement))

    @property
    def database(self) -> str:
        name = make_url(self.settings.database.url).database
        assert name
        return name

    def login(self, user: str) -> Settings:
        url = make_url(self.server.url(self.database)).set(username=user, password="chat")
        return override(self.settings, database={"url": url.render_as_string(hide_password=False)})


@pytest.fixture(scope="module")
def own_mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    directory = tmp_path_factory.mktemp("own-mariadb")
    with run_mariadb(directory, "--log-bin", "--binlog-format=ROW", "--server-id=1") as server:
        server.server  # noqa: B018  # skips where it is not ours to change
        yield server


@pytest.fixture
async def installation(own_mariadb: MariaDb, tmp_path: Path) -> AsyncIterator[Installation]:
    async with own_mariadb.database("checked") as url:
        settings = make_settings(tmp_path, database=url, server={"environment": "production"})
        await migrate(settings)
        yield Installation(own_mariadb, settings)


async def mariadb_problems(settings: Settings) -> list[tuple[Level, str, str]]:
    return [found for found in problems(await check(settings)) if found[1] != "open files"]


@pytest.mark.cluster
async def test_a_correctly_configured_database_passes_all_checks(
    installation: Installation,
) -> None:
    assert await mariadb_problems(installation.settings) == []


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("variable", "value", "usual", "expected"),
    [
        ("binlog_format", "STATEMENT", "ROW", (Level.ERROR, "binlog", "binlog_format=STATEMENT")),
        (
            "innodb_flush_log_at_trx_commit",
            "2",
            "1",
            (Level.WARNING, "durability", "innodb_flush_log_at_trx_commit=2"),
        ),
        ("wait_timeout", "60", "28800", (Level.WARNING, "connections", "wait_timeout=60")),
        (
            "max_connections",
            "20",
            "151",
            (Level.WARNING, "connections", "20 allowed, at most 40 used by one server"),
        ),
        (
            "max_allowed_packet",
            "1048576",
            "16777216",
            (Level.WARNING, "packets", "max_allowed_packet=1048576"),
        ),
    ],
)
async def test_risky_database_settings_are_reported(
    installation: Installation,
    variable: str,
    value: str,
    usual: str,
    expected: tuple[Level, str, str],
) -> None:
    await installation.run(f"SET GLOBAL {variable} = {value}")
    try:
        assert await mariadb_problems(installation.settings) == [expected]
    finally:
        await installation.run(f"SET GLOBAL {variable} = {usual}")


@pytest.mark.cluster
async def test_a_read_only_server_is_an_error(installation: Installation) -> None:
    """GRANT ALL would include READ ONLY ADMIN, which may write to a read-only server."""
    name = installation.database
    await installation.run(
        "CREATE OR REPLACE USER plain@'127.0.0.1' IDENTIFIED BY 'chat'",
        f"GRANT ALL ON `{name}`.* TO plain@'127.0.0.1'",
        "SET GLOBAL read_only = 1",
    )
    try:
        schema, (level, subject, message) = await mariadb_problems(installation.login("plain"))
    finally:
        await installation.run("SET GLOBAL read_only = 0")
    assert schema == (Level.ERROR, "schema", "the database takes no changes")
    assert (level, subject, message[:5]) == (Level.ERROR, "access", "1290:")


@pytest.mark.cluster
async def test_missing_grants_are_reported(installation: Installation) -> None:
    name = installation.database
    await installation.run(
        "CREATE OR REPLACE USER poor@'127.0.0.1' IDENTIFIED BY 'chat'",
        f"GRANT SELECT, INSERT, UPDATE ON `{name}`.* TO poor@'127.0.0.1'",
    )
    first, second = await mariadb_problems(installation.login("poor"))
    assert first[:2] == (Level.ERROR, "access")
    assert "DELETE command denied" in first[2]
    assert second == (
        Level.WARNING,
        "access",
        "the account has no ALTER, CREATE, DROP, INDEX, REFERENCES",
    )


@pytest.mark.cluster
async def test_grants_of_a_pattern_count(installation: Installation) -> None:
    await installation.run(
        "CREATE OR REPLACE USER patterned@'127.0.0.1' IDENTIFIED BY 'chat'",
        "GRANT ALL ON `check%`.* TO patterned@'127.0.0.1'",
    )
    assert await mariadb_problems(installation.login("patterned")) == []


@pytest.mark.cluster
async def test_a_table_without_transactions_or_unicode_is_an_error(
    installation: Installation,
) -> None:
    await installation.run(
        "ALTER TABLE ws_tickets CONVERT TO CHARACTER SET latin1",
    )
    assert await mariadb_problems(installation.settings) == [
        (Level.ERROR, "tables", "ws_tickets: not InnoDB with utf8mb4")
    ]


# Redis.


async def redis_problems(embedded: Backend, url: str) -> list[tuple[Level, str, str]]:
    found = problems(await check(embedded.override(redis={"url": url})))
    return [result for result in found if result[1] == "Redis"]


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with run_redis(tmp_path_factory.mktemp("own-redis")) as server:
        server.server  # noqa: B018  # skips where it is not ours to change
        yield server


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("rules", "path", "expected"),
    [
        ("~* &* +@all", "/0", []),
        ("~* &* +@all", "/3", []),
        ("~* &* +@all -info", "/0", [(Level.WARNING, "version and kind unknown")]),
        ("~* &* +@all -smismember -publish", "/0", [(Level.ERROR, "PUBLISH, SMISMEMBER")]),
        ("~* &* +@all -evalsha -eval -time", "/0", [(Level.ERROR, "TIME, EVAL, EVALSHA")]),
        ("~* &* +@all -subscribe", "/0", [(Level.ERROR, "not allowed: SUBSCRIBE")]),
        ("~other:* &* +@all", "/0", [(Level.ERROR, "ZADD")]),
        ("~* &other:* +@all", "/0", [(Level.ERROR, "PUBLISH, SUBSCRIBE")]),
        ("~* &* +@all -select", "/3", [(Level.ERROR, "select")]),
    ],
)
async def test_missing_redis_permissions_are_reported(
    embedded: Backend,
    own_redis: RedisServer,
    rules: str,
    path: str,
    expected: list[tuple[Level, str]],
) -> None:
    admin = Redis.from_url(own_redis.url)
    await admin.execute_command(  # type: ignore[no-untyped-call]
        "ACL", "SETUSER", "limited", "reset", "on", ">secret", *rules.split()
    )
    await admin.aclose()
    address = own_redis.url.partition("//")[2].partition("/")[0]
    found = await redis_problems(embedded, f"redis://limited:secret@{address}{path}")
    assert len(found) == len(expected)
    for (level, _, message), (expected_level, part) in zip(found, expected, strict=True):
        assert (level, part in message) == (expected_level, True), message


@pytest.mark.cluster
async def test_the_check_leaves_no_keys_in_redis(embedded: Backend, own_redis: RedisServer) -> None:
    assert await redis_problems(embedded, own_redis.url) == []
    async with Redis.from_url(own_redis.url) as client:
        assert await client.keys("*") == []


@pytest.mark.cluster
async def test_a_redis_replica_is_an_error(embedded: Backend, tmp_path: Path) -> None:
    with run_redis(tmp_path, "--replicaof", "127.0.0.1", "1") as server:
        ((level, _, message),) = await redis_problems(embedded, server.url)
    assert (level, message.endswith("standalone, slave")) == (Level.ERROR, True)


@pytest.mark.cluster
async def test_a_redis_cluster_is_an_error(embedded: Backend, tmp_path: Path) -> None:
    options = ("--cluster-enabled", "yes", "--cluster-port", str(port_for.select_random()))
    with run_redis(tmp_path, *options) as server:
        ((level, _, message),) = await redis_problems(embedded, server.url)
    assert (level, "cluster" in message) == (Level.ERROR, True)


@pytest.mark.cluster
async def test_a_redis_sentinel_is_an_error(embedded: Backend, tmp_path: Path) -> None:
    with run_sentinel(tmp_path) as server:
        ((level, _, message),) = await redis_problems(embedded, server.url)
    assert (level, "sentinel" in message) == (Level.ERROR, True)


async def test_a_consumer_that_is_behind_while_no_process_runs_it_is_a_warning(
    backend: Backend, database: Database
) -> None:
    lease = Lease("counting", uuid4(), 3600)
    await database.transact(open_room, await database.transact(add_user, "ann"))
    await database.transact(acquire, lease)
    line = "counting, 1 events behind"
    assert CheckResult("consumers", line) in await check(backend.settings)
    await database.transact(release, lease)
    warnings = [
        found for found in problems(await check(backend.settings)) if found[1] == "consumers"
    ]
    assert warnings == [(Level.WARNING, "consumers", f"{line}, and no process runs it")]
