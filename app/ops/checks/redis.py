"""Checks of Redis: version, kind, and the permissions of the account."""

import secrets
from collections.abc import Iterator, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import parse_url
from redis.exceptions import NoPermissionError, ResponseError

from app.ops.checks.result import CheckResult, Level, error, warning
from app.redis_client import UNREACHABLE, connect, describe_error
from app.settings import Redis as RedisSettings

MIN_VERSION = (6, 2)
_SUBJECT = "Redis"


async def check_redis(settings: RedisSettings) -> list[CheckResult]:
    if not settings.url:
        return [CheckResult(_SUBJECT, "none; set CHAT_REDIS__URL for more than one process")]
    client = connect(settings)
    try:
        await _run(client, "PING")
        results = await _check_server(client)
        if all(result.level is not Level.ERROR for result in results):
            results.append(await _check_commands(client, settings))
        return results
    except NoPermissionError as failure:
        return [error(_SUBJECT, str(failure), _explain_refusal(settings.url))]
    except Exception as failure:
        if not isinstance(failure, UNREACHABLE):
            raise
        return [
            error(_SUBJECT, f"cannot be used: {describe_error(failure)}", "See CHAT_REDIS__URL.")
        ]
    finally:
        await client.aclose()


async def _run(client: Redis, *command: Any) -> None:
    await client.execute_command(*command)  # type: ignore[no-untyped-call]  # of redis-py


def _explain_refusal(url: str) -> str:
    number = parse_url(url).get("db")
    if number:
        return (
            f"The account may not use database {number} (SELECT): allow it, or leave the number "
            "out of CHAT_REDIS__URL."
        )
    return "Give the account of CHAT_REDIS__URL the commands that docs/operations.md lists."


async def _check_server(client: Redis) -> list[CheckResult]:
    """Needs INFO, which the program itself does not use."""
    try:
        info: dict[str, Any] = await client.info()
    except NoPermissionError:
        return [warning(_SUBJECT, "version and kind unknown", "The account may not use INFO.")]
    version, mode = str(info["redis_version"]), str(info["redis_mode"])
    return list(_check_version_and_mode(version, mode, str(info.get("role", "master"))))


def _check_version_and_mode(version: str, mode: str, role: str) -> Iterator[CheckResult]:
    text = f"{version}, {mode}, {role}"
    if tuple(map(int, version.split(".")[:2])) < MIN_VERSION:
        yield error(_SUBJECT, text, "This program needs Redis 6.2 or newer.")
    elif mode == "sentinel":
        yield error(
            _SUBJECT, text, "CHAT_REDIS__URL names a Sentinel: name the Redis that it watches."
        )
    elif mode == "cluster":
        yield error(
            _SUBJECT, text, "Redis Cluster is not supported: use one Redis, which needs no disk."
        )
    elif role != "master":
        yield error(_SUBJECT, text, "It is a replica, which takes no writes: name the primary.")
    else:
        yield CheckResult(_SUBJECT, text)


async def _check_commands(client: Redis, settings: RedisSettings) -> CheckResult:
    """Runs each command that the program uses, on a temporary key and channel, because an account
    may not read its own ACL."""
    prefix = settings.prefix
    key = f"{prefix}:check:{secrets.token_hex(8)}"
    refused = [command[0] for command in _commands(key) if not await _is_allowed(client, command)]
    try:
        async with client.pubsub() as pubsub:
            await pubsub.subscribe(key)
            await pubsub.get_message(timeout=settings.timeout_s)  # raises if it is refused
    except NoPermissionError:
        refused.append("SUBSCRIBE")
    if refused:
        hint = f"Allow the account these commands, for the keys and channels {prefix}:*"
        return error(_SUBJECT, f"not allowed: {', '.join(refused)}", hint)
    return CheckResult(_SUBJECT, f"the account may do what is needed below {prefix}:")


def _commands(key: str) -> Sequence[tuple[Any, ...]]:
    """The last command that writes removes the key."""
    return (
        *(("PUBLISH", key, ""), ("ZADD", key, 0, ""), ("ZRANGE", key, 0, -1)),
        *(("ZREMRANGEBYSCORE", key, "-inf", "inf"), ("SADD", key, ""), ("SMISMEMBER", key, "")),
        *(("SCARD", key), ("EXPIRE", key, 60), ("PEXPIRE", key, 60_000), ("SREM", key, "")),
        *(("TIME",), ("SET", key, "", "PX", 60_000), ("GET", key)),
        *(("EVAL", "return 0", 0), ("EVALSHA", "0" * 40, 0), ("DEL", key), ("MULTI",), ("EXEC",)),
    )


async def _is_allowed(client: Redis, command: Sequence[Any]) -> bool:
    try:
        await _run(client, *command)
    except NoPermissionError:
        return False
    except ResponseError:
        # No such script; or EXEC after a refused MULTI.
        if command[0] not in ("EVALSHA", "EXEC"):
            raise
    return True
