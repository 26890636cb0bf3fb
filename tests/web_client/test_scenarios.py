"""The TypeScript client against a real server that fails: web/client/scenarios."""

import pytest

from testkit.servers.backend import Backend
from tests.web_client.node import CLIENT, install_packages, run_node
from tests.web_client.stage import run_stage, scenario_names

SCENARIOS = CLIENT / "scenarios"


@pytest.mark.parametrize("name", scenario_names(SCENARIOS))
async def test_nothing_is_lost_doubled_or_swapped(name: str, backend: Backend) -> None:
    await install_packages()
    async with run_stage(backend.settings) as (stage, port):
        vitest = CLIENT.parent / "node_modules/vitest/vitest.mjs"
        await run_node(
            *(vitest, "run", "--config", "vitest.scenarios.config.ts", f"scenarios/{name}.test.ts"),
            cwd=CLIENT,
            CHAT_STAGE=str(port),
            CHAT_ADDRESS=stage.url,
        )
