"""Two processes of one installation during a key rotation, process by process."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

import httpx
import pytest

from app.core.clock import now
from app.core.sync_tokens import ListPosition
from app.settings import Settings
from testkit.answers import assert_ok, assert_problem
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend, override
from tests.features.users.auth import log_in, renew, set_token_times, whoami

OLD, NEW = "the old key" * 3, '{"new": "a key that looks like JSON"}'
# docs/operations.md, "Signing keys": the key, and its fallbacks.
STEPS = [(OLD, ""), (OLD, NEW), (NEW, OLD), (NEW, "")]


@asynccontextmanager
async def pair(settings: Settings, *keys: tuple[str, str]) -> AsyncIterator[list[TestServer]]:
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                run_server(
                    override(settings, auth={"secret_key": key, "secret_key_fallbacks": others})
                )
            )
            for key, others in keys
        ]


@pytest.mark.parametrize("step", [*pairwise(STEPS)], ids=["accept", "sign", "drop"])
@pytest.mark.setting("CHAT_AUTH__SECRET_KEY_FALLBACKS")
async def test_processes_accept_tokens_of_each_other_during_key_rotation(
    backend: Backend, step: tuple[tuple[str, str], tuple[str, str]]
) -> None:
    async with pair(without_limits(backend.settings), *step) as servers, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(server.client()) for server in servers]
        for here, there in ((0, 1), (1, 0)):
            await goes_on(servers[here], servers[there], clients[here], clients[there])


async def goes_on(
    here: TestServer, there: TestServer, client: httpx.AsyncClient, other: httpx.AsyncClient
) -> None:
    person = await here.person(client)
    login = assert_ok(await log_in(client, person.username))
    assert_ok(await whoami(other, login["access_token"]))
    # A lost answer is asked for again at the other one, long after.
    renewed = assert_ok(await renew(client, login["refresh_token"]))
    await set_token_times(here, login["refresh_token"], used_at=now() - timedelta(hours=1))
    again = assert_ok(await renew(other, login["refresh_token"]))
    assert again["refresh_token"] == renewed["refresh_token"]
    assert_ok(await whoami(client, again["access_token"]))
    assert_ok(await renew(other, again["refresh_token"]))
    # And a snapshot.
    user, at = UUID(person.id), ListPosition(7, now())
    state = await here.context.server_state.get()
    snapshot = here.context.sync_tokens.issue(user, at, state)
    assert there.context.sync_tokens.parse(user, snapshot, state) == at


async def test_replacing_the_key_without_fallbacks_invalidates_only_access_tokens(
    backend: Backend,
) -> None:
    settings = without_limits(backend.settings)
    async with (
        pair(settings, (OLD, ""), (NEW, "")) as (old, new),
        old.client() as http,
        new.client() as other,
    ):
        ada = await old.person(http)
        assert_problem(await whoami(other, ada.access), "unauthenticated")
        assert_ok(await whoami(other, assert_ok(await renew(other, ada.refresh))["access_token"]))
