"""What a real browser makes of the cookie and of the policy of the page."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
import trustme
from playwright.async_api import Browser, BrowserContext, Page

from app.web import build
from testkit.browser import new_context, run_browser
from testkit.people import Person
from testkit.server import PASSWORD, TestServer, run_server, without_limits
from testkit.servers.backend import Backend
from testkit.waiting import eventually
from tests.features.ops.test_tls import with_certificate
from tests.features.web.cookies import COOKIE

pytestmark = pytest.mark.cluster  # as the servers of `make test`, a browser is not everywhere

# The attempts of this page that its policy forbids are `blocked`.
INDEX = """<!doctype html>
<html><head><title>Chat</title>
<script type="module" src="/assets/index-1a2b.js"></script>
<script>document.title = "inline"</script>
<style>body { color: rgb(1, 2, 3) }</style>
</head><body onload="document.title = 'handler'"><div id="app"></div></body></html>
"""
SCRIPT = """
window.blocked = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.blocked.push(event.effectiveDirective);
});
document.getElementById("app").textContent = "started";
"""
POST = """async ([path, body]) => {
  const answer = await fetch(path, { method: "POST", body: body && new URLSearchParams(body) });
  return [answer.status, await answer.text()];
}"""
POST_ELSEWHERE = """async (url) => {
  const options = { method: "POST", credentials: "include", mode: "no-cors" };
  return await fetch(url, options).then((answer) => answer.type, (error) => error.name);
}"""


@asynccontextmanager
async def run_stranger() -> AsyncIterator[str]:
    """The address of a page of another origin, but of the same site: the port differs."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
        writer.write(head + b"<!doctype html>a page")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("build")
    (folder / "assets").mkdir()
    (folder / "index.html").write_text(INDEX)
    (folder / "assets" / "index-1a2b.js").write_text(SCRIPT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "FOLDER", folder)
        yield folder


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with run_browser() as browser:
        yield browser


@pytest.fixture
async def server(embedded: Backend) -> AsyncIterator[TestServer]:
    async with run_server(without_limits(embedded.settings)) as server:
        yield server


@pytest.fixture
async def person(server: TestServer) -> AsyncIterator[Person]:
    async with server.client() as http:
        yield await server.person(http)


@pytest.fixture
async def context(browser: Browser, server: TestServer) -> AsyncIterator[BrowserContext]:
    async with new_context(browser, server.url) as context:
        yield context


async def post(page: Page, path: str, body: dict[str, str] | None = None) -> tuple[int, str]:
    status, text = await page.evaluate(POST, [path, body])
    return status, text


async def sign_in(page: Page, person: Person) -> None:
    form = {"grant_type": "password", "username": person.username, "password": PASSWORD}
    status, _ = await post(page, COOKIE, form)
    assert status == 200


async def test_a_page_stays_signed_in_and_never_sees_the_refresh_token(
    context: BrowserContext, person: Person
) -> None:
    page = await context.new_page()
    await page.goto("/")
    await sign_in(page, person)
    assert await page.evaluate("document.cookie") == ""
    [cookie] = await context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    for _ in range(2):
        await page.reload()
        status, text = await post(page, f"{COOKIE}/refresh")
        assert status == 200
        [renewed] = await context.cookies()
        assert renewed["value"] not in text
    other = await context.new_page()  # a second tab
    await other.goto("/r/x")
    assert (await post(other, f"{COOKIE}/refresh"))[0] == 200
    assert (await post(other, f"{COOKIE}/logout"))[0] == 204
    assert await context.cookies() == []
    assert (await post(page, f"{COOKIE}/refresh"))[0] == 401


async def test_a_page_of_another_origin_neither_renews_nor_logs_out(
    context: BrowserContext, server: TestServer, person: Person
) -> None:
    """The browser sends the cookie, because the site is the same."""
    page, stranger = await context.new_page(), await context.new_page()
    await page.goto("/")
    await sign_in(page, person)
    before = await context.cookies()
    async with run_stranger() as url:
        await stranger.goto(url)
    with structlog.testing.capture_logs() as logged:
        for what in ("refresh", "logout"):
            url = f"{server.url}{COOKIE}/{what}"
            assert await stranger.evaluate(POST_ELSEWHERE, url) in ("opaque", "TypeError")
        await eventually(lambda: [line.get("status") for line in logged] == [403, 403])
    assert await context.cookies() == before
    assert (await post(page, f"{COOKIE}/refresh"))[0] == 200


async def test_the_policy_lets_the_page_start_and_use_the_socket_and_nothing_else(
    context: BrowserContext,
) -> None:
    page = await context.new_page()
    await page.goto("/")
    await page.get_by_text("started").wait_for()
    assert await page.title() == "Chat"  # neither the inline script nor the handler ran
    color = "getComputedStyle(document.body).color"
    assert await page.evaluate(color) != "rgb(1, 2, 3)"
    opened = """new Promise((resolve) => {
      const socket = new WebSocket(`ws://${location.host}/ws`, "chat.v1");
      socket.onopen = () => resolve("open");
      socket.onerror = () => resolve("failed");
    })"""
    assert await page.evaluate(opened) == "open"
    fetched = "fetch('http://127.0.0.1:1/').catch((error) => error.name)"
    assert await page.evaluate(fetched) == "TypeError"
    await page.evaluate("new Image().src = 'http://127.0.0.1:1/x.png'")
    await page.wait_for_function("window.blocked.length >= 2")
    assert set(await page.evaluate("window.blocked")) == {"connect-src", "img-src"}


async def test_over_tls_the_cookie_is_secure(
    browser: Browser, embedded: Backend, tmp_path: Path
) -> None:
    settings = without_limits(with_certificate(embedded, trustme.CA(), tmp_path, "127.0.0.1"))
    async with (
        run_server(settings) as server,
        server.client() as http,
        new_context(browser, server.url, trusts_everybody=True) as context,
    ):
        person = await server.person(http)
        page = await context.new_page()
        await page.goto("/")
        await sign_in(page, person)
        [cookie] = await context.cookies()
        assert (cookie["secure"], cookie["name"].startswith("__Secure-")) == (True, True)
        assert (await post(page, f"{COOKIE}/refresh"))[0] == 200


async def test_the_page_about_the_socket_has_its_style(context: BrowserContext) -> None:
    page = await context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    await page.goto("/docs/socket#close-codes")
    width = await page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth")
    assert width == "960px"
    assert problems == []
