"""The sources of the TypeScript client: generated types, and tests that need no server."""

from pathlib import Path

from tests.web_client.generated_types import GENERATED, generate
from tests.web_client.node import CLIENT, WEB, install_packages, run_node


async def test_generated_types_are_those_of_the_program(tmp_path: Path) -> None:
    await generate(tmp_path)
    for file in sorted(GENERATED.iterdir()):
        assert file.read_text() == (tmp_path / file.name).read_text(), (
            f"{file.name} is not up to date: run `python -m tests.web_client.generated_types`"
        )


async def test_the_parts_of_the_client_work_alone() -> None:
    await install_packages()
    await run_node(WEB / "node_modules/vitest/vitest.mjs", "run", cwd=CLIENT)


async def test_the_client_type_checks_and_is_linted() -> None:
    await install_packages()
    modules = WEB / "node_modules"
    await run_node(modules / "typescript/bin/tsc", "--noEmit", cwd=CLIENT)
    await run_node(modules / "eslint/bin/eslint.js", "client", cwd=WEB)
    await run_node(modules / "prettier/bin/prettier.cjs", "--check", "client", cwd=WEB)
