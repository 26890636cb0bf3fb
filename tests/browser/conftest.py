"""Chromium with the built page, and servers that serve it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

import app
from testkit.browser import run_browser
from testkit.people import Person
from testkit.server import CLUSTER_IS_LONG, TestServer, fast_settings
from testkit.server_fixtures import server_fixtures, shared_server
from testkit.waiting import LIMIT_S
from tests.browser.visitor import Visit, Visitor, new_visitor

LIMIT_MS = LIMIT_S * 1000
STATIC = Path(app.__file__).parent / "web" / "static"

embedded_server, cluster_server, _ = server_fixtures("session", fast_settings)
# What a page shows does not depend on the database. Modules about delivery have a `server` of their
# own, on both.
server = shared_server("session", CLUSTER_IS_LONG)


@pytest.fixture(scope="session", autouse=True)
def built_page() -> None:
    if not (STATIC / "index.html").is_file():
        pytest.fail("The page is not built. Run `make page`.", pytrace=False)


@pytest.fixture(scope="session")
async def browser(built_page: None) -> AsyncIterator[Browser]:
    expect.set_options(timeout=LIMIT_MS)
    async with run_browser() as running:
        yield running


@pytest.fixture
async def new_context(browser: Browser) -> AsyncIterator[Callable[..., Awaitable[BrowserContext]]]:
    """Makes browsers without a history: each has cookies and a storage of its own."""
    contexts: list[BrowserContext] = []

    async def new(**options: Any) -> BrowserContext:
        given = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB"} | options
        context = await browser.new_context(**given)
        context.set_default_timeout(LIMIT_MS)
        contexts.append(context)
        return context

    yield new
    for context in contexts:
        await context.close()


@pytest.fixture
async def visit(new_context: Callable[..., Awaitable[BrowserContext]]) -> Visit:
    """Signs a person in, in a browser of their own."""

    async def start(person: Person, url: str, **options: Any) -> Visitor:
        context = await new_context(**options)
        visitor = await new_visitor(context, person, url)
        await visitor.sign_in()
        return visitor

    return start


@pytest.fixture
async def http(server: TestServer) -> AsyncIterator[httpx.AsyncClient]:
    async with server.client() as client:
        yield client


@pytest.fixture
async def page(new_context: Callable[..., Awaitable[BrowserContext]]) -> Page:
    """A page without a session."""
    return await (await new_context()).new_page()
