"""The wheel, installed without a checkout, with the packages of each extra and no more."""

import asyncio
import os
import re
import shutil
import sys
import tarfile
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from app.main import VERSION
from testkit.server import PASSWORD
from tests.architecture.source import ROOT

UV = (sys.executable, "-m", "uv")
STANDARD = ("--exclude-standard",)
PAGE = {
    "app/web/static/index.html": "<title>The page</title>",
    "app/web/static/assets/index-1a2b.js": "start()",
    "app/web/static/assets/index-1a2b.js.br": "compressed",
}


async def run(*command: object, cwd: Path, stdin: str = "", **env: str) -> str:
    """The output of a command; a failure shows it."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=cwd,
        env=os.environ | env,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate(stdin.encode())
    assert process.returncode == 0, output.decode()[-10_000:]
    return output.decode()


@pytest.fixture(scope="module")
async def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist, made from the files that git has, and a page."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("packages")
    listed = await run("git", "-c", "safe.directory=*", "ls-files", "-c", "-o", *STANDARD, cwd=ROOT)
    for name in filter(lambda name: (ROOT / name).is_file(), listed.splitlines()):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
    for name, text in PAGE.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    build = [*UV, "build", "--quiet", "--no-build-isolation", "--wheel", "--sdist"]
    await run(*build, "--out-dir", folder, source, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(packages: Path) -> Path:
    (file,) = packages.glob("*.whl")
    return file


async def installed(wheel: Path, extra: str, folder: Path) -> Path:
    """The `bin` of a new virtual environment, with the versions of requirements.lock."""
    lock = ["--constraints", ROOT / "requirements.lock", "--output-file", "lock"]
    await run(
        *(*UV, "pip", "compile", "--quiet", "--system-certs", "--no-python-downloads"),
        *("--generate-hashes", "--extra", extra, *lock, ROOT / "pyproject.toml"),
        cwd=folder,
    )
    await run(*UV, "venv", "--quiet", "--python", sys.executable, "installed", cwd=folder)
    install = [*UV, "pip", "install", "--quiet", "--system-certs", "--python", "installed"]
    await run(*install, "--require-hashes", "--requirement", "lock", cwd=folder)
    await run(*install, "--no-deps", wheel, cwd=folder)
    return folder / "installed" / "bin"


@pytest.fixture(scope="module")
async def server(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return await installed(wheel, "server", tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
async def client(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return await installed(wheel, "client", tmp_path_factory.mktemp("client"))


@asynccontextmanager
async def serving(server: Path, folder: Path) -> AsyncIterator[str]:
    """The address of `chat-server serve`, started in that folder."""
    process = await asyncio.create_subprocess_exec(
        *(server / "chat-server", "serve"),
        cwd=folder,
        env=os.environ | {"CHAT_SERVER__PORT": "0"},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        printed = ""
        while not (found := re.search(r"http://\S+", printed)):
            line = await process.stderr.readline()
            assert line, f"it ended: {printed}"
            printed += line.decode()
        yield found[0]
    finally:
        process.terminate()
        await process.communicate()


def contents(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_the_wheel_has_the_program_its_migrations_and_its_licence(wheel: Path) -> None:
    assert wheel.name.startswith(f"chat_server-{VERSION}-")
    names = zipfile.ZipFile(wheel).namelist()
    migrations = {file.name for file in (ROOT / "alembic/versions").glob("*.py")}
    packed = {Path(name).name for name in names if "/alembic/versions/" in name}
    assert packed == migrations
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.partition("/")[0] for name in names} == {"app", f"chat_server-{VERSION}.dist-info"}


def test_both_packages_have_the_built_page(packages: Path, wheel: Path) -> None:
    (sdist,) = packages.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        sources = {name.partition("/")[2] for name in archive.getnames()}
    assert PAGE.keys() <= sources
    assert PAGE.keys() <= set(zipfile.ZipFile(wheel).namelist())
    assert {"Makefile", "web/compress.mjs"} <= sources


async def test_the_server_works_in_any_folder_and_a_client_without_its_packages(
    server: Path, client: Path, tmp_path: Path
) -> None:
    assert "applied 0001" in await run(server / "chat-server", "migrate", cwd=tmp_path)
    assert (tmp_path / "var" / "chat.db").exists()
    async with serving(server, tmp_path) as url:
        async with httpx.AsyncClient(base_url=url, timeout=30) as http:
            ready = (await http.get("/health/ready")).json()
            assert (ready["ready"], ready["database"]) == (True, "ok")
            assert (await http.get("/")).text == PAGE["app/web/static/index.html"]
            assert (await http.get("/openapi.json")).json()["info"]["version"] == VERSION
        chat = [client / "chat-client", "--user", "ada", "--server", url, "--register"]
        said = await run(*chat, cwd=tmp_path, stdin="Hello\n", TERMINAL_CHAT_PASSWORD=PASSWORD)
        assert "Hello" in said
    assert contents(tmp_path) == ["var"]


async def test_the_client_extra_installs_nothing_of_the_server(
    client: Path, tmp_path: Path
) -> None:
    listed = await run(*UV, "pip", "list", "--python", client / "python", cwd=tmp_path)
    assert not {"fastapi", "sqlalchemy", "uvicorn", "redis"} & set(listed.lower().split())
    await run(client / "python", "-W", "error", "-c", "import app.client.chat", cwd=tmp_path)


async def test_every_command_has_a_help_text(server: Path, client: Path, tmp_path: Path) -> None:
    assert "migrate" in await run(server / "chat-server", "--help", cwd=tmp_path)
    assert "--room" in await run(client / "chat-client", "--help", cwd=tmp_path)


async def test_the_import_extra_installs_what_the_importer_needs(
    wheel: Path, tmp_path: Path
) -> None:
    tools = await installed(wheel, "import", tmp_path)
    assert "FILE" in await run(tools / "chat-server", "import", "gitter", "--help", cwd=tmp_path)
