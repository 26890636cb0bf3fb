"""Clients that five generators make from the OpenAPI document, against a real server.

Each program registers, logs in, creates a room, sends three messages, reads them in pages of two,
requests a room that does not exist and reads the room's events. Its types are the generator's.
"""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from testkit.answers import assert_ok
from testkit.server import PASSWORD, TestServer, run_embedded_server, unique_username
from tests.generators import lint
from tests.generators.environments import (
    HERE,
    NODE,
    NODE_ENVIRONMENT,
    jars,
    node_packages,
    python_packages,
    run,
)

pytestmark = [pytest.mark.generators]

# Makes a client of the document in a folder, and runs it with arguments.
Generate = Callable[[Path, Path, list[str]], str]


def typescript(document: Path, folder: Path, arguments: list[str]) -> str:
    packages = node_packages("typescript")
    for name in ("client.ts", "tsconfig.json", "package.json"):
        shutil.copy(HERE / "typescript" / name, folder)
    (folder / "node_modules").symlink_to(packages / "node_modules")
    tools = packages / "node_modules/.bin"
    steps = [
        [tools / "openapi-typescript", document, "--output", "schema.ts"],
        [tools / "tsc", "--project", "."],
        [NODE / "node", "built/client.js", *arguments],
    ]
    return [run(*step, cwd=folder, env=NODE_ENVIRONMENT) for step in steps][-1]


def openapi_python_client(document: Path, folder: Path, arguments: list[str]) -> str:
    tools = python_packages("openapi_python_client")
    env = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    generate = [tools / "openapi-python-client", "generate", "--path", document, "--meta", "none"]
    run(*generate, "--output-path", "chat", "--fail-on-warning", cwd=folder, env=env)
    return _python(tools, "openapi_python_client", folder, arguments)


def datamodel_code_generator(document: Path, folder: Path, arguments: list[str]) -> str:
    tools = python_packages("datamodel_code_generator")
    generate = [tools / "datamodel-codegen", "--input", document, "--input-file-type", "openapi"]
    models = ["--output-model-type", "pydantic_v2.BaseModel", "--formatters", "builtin"]
    run(*generate, *models, "--output", "chat.py", cwd=folder)
    return _python(tools, "datamodel_code_generator", folder, arguments)


def _python(tools: Path, name: str, folder: Path, arguments: list[str]) -> str:
    shutil.copy(HERE / name / "client.py", folder)
    return run(tools / "python", "-W", "error", "client.py", *arguments, cwd=folder)


def go(document: Path, folder: Path, arguments: list[str]) -> str:
    _need("go")
    shutil.copytree(HERE / "go", folder, dirs_exist_ok=True)
    (folder / "chat").mkdir()
    run("go", "tool", "oapi-codegen", "-config", "config.yaml", document, cwd=folder)
    run("go", "vet", "./...", cwd=folder)
    return run("go", "run", ".", *arguments, cwd=folder)


def java(document: Path, folder: Path, arguments: list[str]) -> str:
    for tool in ("mvn", "java", "javac"):
        _need(tool)
    found = sorted(jars("java").glob("*.jar"))
    (generator,) = [jar for jar in found if jar.name.startswith("openapi-generator-cli")]
    names = "invokerPackage=chat,apiPackage=chat.api,modelPackage=chat.model"
    generate = ["java", "-jar", generator, "generate", "--input-spec", document, "--output", "made"]
    options = ["--generator-name", "java", "--library", "native", "--additional-properties"]
    run(*generate, *options, f"{names},openApiNullable=false", cwd=folder)
    sources = [HERE / "java/Client.java", *(folder / "made/src/main/java").rglob("*.java")]
    path = os.pathsep.join(str(jar) for jar in found if jar != generator)
    run("javac", "-cp", path, "-d", "built", *sources, cwd=folder)
    return run("java", "-cp", f"built{os.pathsep}{path}", "Client", *arguments, cwd=folder)


def _need(tool: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"there is no `{tool}` here")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[TestServer]:
    async with run_embedded_server(tmp_path) as server:
        yield server


@pytest.mark.parametrize(
    "generate",
    [typescript, openapi_python_client, datamodel_code_generator, go, java],
    ids=lambda generate: generate.__name__,
)
async def test_a_generated_client_works(
    generate: Generate, server: TestServer, tmp_path: Path
) -> None:
    document, folder = tmp_path / "openapi.json", tmp_path / "client"
    folder.mkdir()
    async with server.client() as http:
        document.write_text(json.dumps(assert_ok(await http.get("/openapi.json"))))
    arguments = [server.url, unique_username("ada"), PASSWORD]
    printed = await asyncio.to_thread(generate, document, folder, arguments)
    assert printed.split() == ["two", "three", "one", "not_found", "three"]


# The linters themselves: each finds what it is for.


@pytest.mark.parametrize("linter", [lint.spectral, lint.redocly])
def test_the_linter_refuses_an_invalid_document(
    linter: Callable[[Path], None], tmp_path: Path
) -> None:
    operation = {"responses": {"200": {"description": "Found."}}}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "A", "version": "1"},
        "paths": {"/a": {"get": operation}},
    }
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document))
    with pytest.raises(AssertionError, match="operation"):
        linter(file)
