"""python -m app check: finds problems of the installation before users do."""

from collections.abc import AsyncIterator
from uuid import UUID

from app.ops.checks.database import check_database_server
from app.ops.checks.host import check_files, check_open_files, check_settings
from app.ops.checks.redis import check_redis
from app.ops.checks.result import CheckResult, error, warning
from app.ops.checks.tls import check_tls
from app.ops.service import MIGRATE_COMMAND, DatabaseState, check_database
from app.persistence.database import Database
from app.persistence.migrations import SchemaStatus
from app.persistence.repositories.consumers import Standing
from app.persistence.uow import ReadSession
from app.settings import Settings
from app.wire.errors import ChatError

ANSWER_WITHIN_S = 5.0
LOGS_PER_LINE = 5


async def run_checks(
    settings: Settings, database: Database, *, with_logs: bool
) -> AsyncIterator[CheckResult]:
    """Yields each result as soon as it is available."""
    for result in (
        *check_settings(settings),
        *check_files(settings),
        *check_tls(settings),
        *check_open_files(settings),
    ):
        yield result
    state = await check_database(database, ANSWER_WITHIN_S)
    yield _describe_schema(state)
    if state != "unreachable":
        for result in await check_database_server(settings, database):
            yield result
    if state in (SchemaStatus.CURRENT, SchemaStatus.AHEAD):
        for result in await _check_consumers(database):
            yield result
    for result in await check_redis(settings.redis):
        yield result
    if with_logs and state in (SchemaStatus.CURRENT, SchemaStatus.AHEAD):
        yield await _check_logs(database)


def _describe_schema(state: DatabaseState) -> CheckResult:
    match state:
        case SchemaStatus.CURRENT:
            return CheckResult("schema", "up to date")
        case SchemaStatus.AHEAD:
            return CheckResult("schema", "of a newer program")
        case SchemaStatus.BEHIND:
            return error("schema", "the newest migration is missing", MIGRATE_COMMAND)
        case SchemaStatus.TOO_OLD:
            return error("schema", "missing, or too old for this program", MIGRATE_COMMAND)
        case "refuses changes":
            return error("schema", "the database takes no changes", "See `access` below.")
        case "unreachable":
            return error(
                "database",
                "cannot be reached",
                "See CHAT_DATABASE__URL: host, port, user, password and the name of the database.",
            )


async def _check_consumers(database: Database) -> list[CheckResult]:
    """One result for each consumer that has ever run; none before the first start of a server."""
    try:
        standings = await database.read(_read_standings)
    except ChatError as failure:
        return [error("consumers", "not read", failure.detail)]
    return [_describe_consumer(standing) for standing in standings]


def _describe_consumer(standing: Standing) -> CheckResult:
    text = f"{standing.consumer}, {standing.lag:,} events behind"
    if standing.is_running or not standing.lag:
        return CheckResult("consumers", text)
    return warning(
        "consumers",
        f"{text}, and no process runs it",
        "Start a server with CHAT_CONSUMERS__ENABLED.",
    )


async def _read_standings(reads: ReadSession) -> list[Standing]:
    return await reads.consumers.standings()


async def _check_logs(database: Database) -> CheckResult:
    try:
        rooms, broken = await database.read(_read_density)
    except ChatError as failure:
        return error("logs", "not read", failure.detail)
    if not broken:
        return CheckResult("logs", f"{rooms} rooms, each dense from 1 to its head")
    names = ", ".join(map(str, broken[:LOGS_PER_LINE]))
    return error(
        "logs",
        f"{len(broken)} of {rooms} rooms have a log that is not 1, 2, 3, …: {names}",
        "A restore may have been incomplete. Clients of these rooms cannot resume.",
    )


async def _read_density(reads: ReadSession) -> tuple[int, list[UUID]]:
    rooms, broken = await reads.events.find_broken_logs()
    return rooms, list(broken)
