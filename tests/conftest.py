"""What the tests run on. `backend` is the one to ask for: each test then runs on both kinds."""

import json
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import Phase, settings

from app.core.publications import Publication
from app.limits import redis as redis_limits
from app.ops import routes
from app.persistence.database import Database
from app.persistence.engine import create_engines
from app.settings import Settings
from testkit import coverage
from testkit.peer import Peers
from testkit.people import Person
from testkit.server import BACKENDS, TestServer
from testkit.servers.backend import Backend, delete_all_rows, make_settings, migrate, unique_name
from testkit.servers.mariadb import MariaDb, run_mariadb
from testkit.servers.redis import RedisServer, run_redis
from testkit.waiting import LIMIT_S
from tests.settings import ignore_setting

# Speed is measured in bench/, never asserted here.
settings.register_profile("default", deadline=None)
settings.load_profile("default")
# For those who only want to know whether anything fails, and not the smallest example of it.
settings.register_profile(
    "any-failure", deadline=None, phases=set(Phase) - {Phase.shrink, Phase.explain}
)


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "Run what is marked with a setting as if the program did not read it: it has to fail."
    parser.addoption("--ignore-settings", action="store_true", help=text)


def pytest_configure() -> None:
    """A developer's own settings do not reach the tests, nor the processes that these start. Nor
    do ignored signals: a shell ignores SIGINT for what it runs in the background, nohup SIGHUP."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)  # ignored here, and not in new processes
    for name in [name for name in os.environ if name.startswith("CHAT_")]:
        del os.environ[name]
    coverage.measure_children()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marks = metafunc.definition.iter_markers("setting")
    variables = [variable for mark in marks for variable in mark.args]
    if variables and metafunc.config.getoption("--ignore-settings"):
        metafunc.parametrize("ignored_setting", variables, indirect=True)


@pytest.fixture(autouse=True)
def ignored_setting(request: pytest.FixtureRequest) -> None:
    """Before every other fixture of a test. Not in processes that the test starts."""
    if hasattr(request, "param"):
        ignore_setting(request.param, request.getfixturevalue("monkeypatch"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Coverage of app/, over the workers of `make test`. A whole run fails below its floors."""
    file = Path(os.environ.get("SLIPCOVER_COVERAGE_DIR", ""), "merged.json")
    if "PYTEST_XDIST_WORKER" in os.environ or not file.is_file():
        return
    measured = json.loads(file.read_text())
    shares = [coverage.share(measured, kind) for kind in ("lines", "branches")]
    terminalreporter.write_line(f"Coverage of app/: {', '.join(shares)}")
    config = terminalreporter.config
    is_whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if is_whole and not config.option.keyword and (found := coverage.below_floors(measured)):
        terminalreporter.write_line("\n  ".join(["Not executed by any test:", *found]))
        terminalreporter._session.exitstatus = pytest.ExitCode.TESTS_FAILED  # type: ignore[union-attr]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test that asks for a server by name needs it as much as one that has it as parameter."""
    if config.getoption("--ignore-settings"):
        items[:] = [item for item in items if item.get_closest_marker("setting")]
        for item in items:
            item.add_marker(pytest.mark.xfail(strict=True))
    for item in items:
        if {"mariadb", "redis_server", "proxy"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("cluster")


@pytest.fixture(scope="session", autouse=True)
def _patience() -> Iterator[None]:
    """A database or a Redis that is slow because the machine is, counts as available."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(routes, "DATABASE_TIMEOUT_S", LIMIT_S)
        patch.setattr(redis_limits, "ANSWER_TIMEOUT_S", LIMIT_S)
        yield


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    with run_mariadb(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with run_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
async def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("sqlite")
    file = directory / "template.db"
    await migrate(make_settings(directory, database=f"sqlite:///{file}"))
    return file


@pytest.fixture(scope="session")
async def _mariadb_schema(
    mariadb: MariaDb, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[str]:
    name = unique_name()
    async with mariadb.database(name) as url:
        await migrate(make_settings(tmp_path_factory.mktemp("schema"), database=url))
        yield name


@pytest.fixture
def embedded(_sqlite_template: Path, tmp_path: Path) -> Backend:
    file = tmp_path / "chat.db"
    shutil.copyfile(_sqlite_template, file)
    return Backend("embedded", make_settings(tmp_path, database=f"sqlite:///{file}"))


@pytest.fixture
async def cluster(
    mariadb: MariaDb, _mariadb_schema: str, redis_server: RedisServer, tmp_path: Path
) -> Backend:
    async with mariadb.connect(_mariadb_schema) as connection:
        await delete_all_rows(connection)
    return Backend(
        "cluster",
        make_settings(tmp_path, database=mariadb.url(_mariadb_schema), redis=redis_server.url),
    )


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    """A migrated, empty database and a bus: first the default, then what many processes share."""
    found: Backend = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def announced() -> list[Publication]:
    """What `database` has announced, in order."""
    return []


@pytest.fixture
async def open_database(
    announced: list[Publication],
) -> AsyncIterator[Callable[[Settings], Database]]:
    """Opens databases with settings of one's own; they announce into `announced`."""
    opened: list[Database] = []

    def open_one(settings: Settings) -> Database:
        engines = create_engines(settings.database)
        max_attempts, max_unread = settings.database.max_attempts, settings.limits.max_unread
        opened.append(Database(engines, announced.extend, max_attempts, max_unread))
        return opened[-1]

    yield open_one
    for database in opened:
        await database.dispose()


@pytest.fixture
def database(backend: Backend, open_database: Callable[[Settings], Database]) -> Database:
    """The database of `backend`, as the product uses it."""
    return open_database(backend.settings)


@pytest.fixture
async def http(server: TestServer) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a user."""
    async with server.client() as client:
        yield client


@pytest.fixture
async def peers() -> AsyncIterator[Peers]:
    async with Peers() as peers:
        yield peers


@pytest.fixture
async def ada(server: TestServer, http: httpx.AsyncClient) -> Person:
    return await server.person(http, "ada")


@pytest.fixture
async def bob(server: TestServer, http: httpx.AsyncClient) -> Person:
    return await server.person(http, "bob")


@pytest.fixture
async def eve(server: TestServer, http: httpx.AsyncClient) -> Person:
    return await server.person(http, "eve")
