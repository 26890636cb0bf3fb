"""Schemathesis compares the server with its OpenAPI document."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from testkit.answers import assert_ok
from testkit.people import API, Person
from testkit.server import CLUSTER_IS_LONG, TestServer
from testkit.server_fixtures import server_fixtures, shared_server

HERE = Path(__file__).parent
# `make test` does not depend on luck. Look for more: CONTRACT_SEED=$RANDOM CONTRACT_EXAMPLES=500
SEED = os.environ.get("CONTRACT_SEED", "2")
EXAMPLES = os.environ.get("CONTRACT_EXAMPLES", "12")
# These end the session that asks, and would leave nothing to look at but 401.
ENDING = [f"{API}/auth/logout", f"{API}/auth/sessions/{{session_id}}"]

embedded_server, cluster_server, _ = server_fixtures("module")
server = shared_server("module", CLUSTER_IS_LONG)


@pytest.fixture
async def ada(server: TestServer) -> AsyncIterator[Person]:
    """A user with rooms and messages, so that requests find something."""
    async with server.client() as http:
        ada, bob = await server.people(http, "ada", "bob")
        for kind in ("public", "private", "group", "direct"):
            room = await ada.makes_room(kind, bob)
            await bob.says(room, "hello", f"@{ada.username} 👋")
        yield ada


async def schemathesis(server: TestServer, person: Person, directory: Path, *options: str) -> None:
    """Runs in a process of its own: it blocks, and the server runs in this event loop."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli"),
        *("--config-file", str(HERE / "schemathesis.toml"), "run", f"{server.url}/openapi.json"),
        *("--header", f"Authorization: Bearer {person.access}"),
        *("--checks", "all", "--max-examples", EXAMPLES, "--seed", SEED, "--no-color"),
        *("--continue-on-failure", "--request-timeout", "20", *options),
        cwd=directory,
        env=os.environ
        | {
            "SCHEMATHESIS_HOOKS": "tests.contracts.schemathesis_hooks",
            "PYTHONPATH": str(HERE.parent.parent),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-20_000:]


@pytest.mark.parametrize(
    "phases",
    # `coverage` asks for the bounds of each value, which takes minutes.
    ["examples,fuzzing,stateful", pytest.param("coverage", marks=pytest.mark.long)],
)
async def test_the_server_conforms_to_the_openapi_document(
    server: TestServer, ada: Person, tmp_path: Path, phases: str
) -> None:
    without = [part for path in ENDING for part in ("--exclude-path", path)]
    await schemathesis(server, ada, tmp_path, *without, "--phases", phases)
    assert_ok(await ada.get("/users/me"))  # it was logged in until the end


async def test_operations_that_end_a_session_conform_to_the_openapi_document(
    server: TestServer, ada: Person, tmp_path: Path
) -> None:
    only = [part for path in ENDING for part in ("--include-path", path)]
    await schemathesis(server, ada, tmp_path, *only, "--phases", "examples,coverage,fuzzing")
