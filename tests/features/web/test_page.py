"""The page at its addresses, its files, and what a browser may do with them."""

import gzip
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import trustme

from app.web import build
from app.web.routes import PAGES
from testkit.answers import assert_ok, assert_problem
from testkit.server import TestServer, run_server, without_limits
from testkit.server_fixtures import server_fixtures
from testkit.servers.backend import Backend
from tests.features.ops.test_tls import trusting, with_certificate
from tests.hostile.routes import every_route

SCRIPT = b"console.log('page');" * 100
FILES = {
    "index.html": b"<!doctype html><title>Chat</title>",
    "index.html.gz": gzip.compress(b"<!doctype html><title>Chat</title>"),
    "assets/index-1a2b.js": SCRIPT,
    "assets/index-1a2b.js.gz": gzip.compress(SCRIPT),
    "assets/index-1a2b.js.br": b"brotli",  # httpx cannot decode it; the bytes are compared
    "assets/index-1a2b.css": b"body{}",
    "assets/inter-1a2b.woff2": b"font",
    "worker.js": b"self.skipWaiting()",
    "manifest.webmanifest": b"{}",
    "icons/icon.svg": b"<svg/>",
    "key.pem": b"of no type that a page has",
}
ADDRESSES = [
    *("/", "/r/0190e6b0-0000-7000-8000-000000000000", "/r/x/42", "/t/a/b", "/threads", "/mentions"),
    *("/saved", "/search?q=a", "/settings", "/settings/profile", "/welcome", "/sign-in"),
]


embedded_server, cluster_server, server = server_fixtures("module")


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a build, beside a file that is not part of it."""
    folder = tmp_path_factory.mktemp("build") / "static"
    for name, content in {"../secret.txt": b"secret", **FILES}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "FOLDER", folder)
        yield folder


@pytest.fixture
async def page(server: TestServer) -> AsyncIterator[httpx.AsyncClient]:
    async with server.client() as http:
        yield http


@pytest.fixture
async def unbuilt(
    embedded: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setattr(build, "FOLDER", tmp_path)
    async with run_server(without_limits(embedded.settings)) as server, server.client() as http:
        yield http


def rules(answer: httpx.Response) -> dict[str, str]:
    policy = answer.headers["content-security-policy"]
    return {name: sources for name, _, sources in (r.partition(" ") for r in policy.split("; "))}


async def test_every_address_of_the_page_has_the_page(page: httpx.AsyncClient) -> None:
    for address in ADDRESSES:
        answer = await page.get(address)
        assert answer.status_code == 200, address
        assert answer.content == FILES["index.html"]
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"
    assert (await page.head("/")).headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    [
        *("/api", "/api/", "/api/v1/nowhere", "/docs/nowhere", "/health", "/metrics/x", "/ws/x"),
        *("/nowhere", "/index.html", "/r", "/assets", "/assets/", "/assets/other-1a2b.js"),
        *("/key.pem", "/assets/index-1a2b.js.gz", "/worker.js/", "/welcome/x"),
        *("/assets/../../secret.txt", "/assets/%2e%2e/%2e%2e/secret.txt", "/..%2fsecret.txt"),
        *("/assets//etc/passwd", "/assets/..%5c..%5csecret.txt", "/assets/%00", "//assets/x"),
        "/assets/" + "../" * 600 + "etc/passwd",
    ],
    ids=lambda path: ascii(path)[:40],
)
async def test_other_addresses_are_not_found(page: httpx.AsyncClient, path: str) -> None:
    url = page.base_url.copy_with(raw_path=path.encode())
    assert_problem(await page.get(url), "not_found")


async def test_another_method_is_refused(page: httpx.AsyncClient) -> None:
    for path in ("/", "/r/x", "/worker.js", "/assets/index-1a2b.js"):
        answer = await page.post(path)
        assert_problem(answer, "method_not_allowed")
        assert answer.headers["allow"] == "GET, HEAD"


async def test_files_have_their_types_and_may_be_kept(page: httpx.AsyncClient) -> None:
    forever = "public, max-age=31536000, immutable"
    for path, media_type, caching in (
        ("/assets/index-1a2b.js", "text/javascript; charset=utf-8", forever),
        ("/assets/index-1a2b.css", "text/css; charset=utf-8", forever),
        ("/assets/inter-1a2b.woff2", "font/woff2", forever),
        ("/worker.js", "text/javascript; charset=utf-8", "no-cache"),
        ("/manifest.webmanifest", "application/manifest+json", "no-cache"),
        ("/icons/icon.svg", "image/svg+xml", "no-cache"),
    ):
        answer = await page.get(path)
        assert answer.status_code == 200
        assert answer.content == FILES[path[1:]]
        assert answer.headers["content-type"] == media_type
        assert answer.headers["cache-control"] == caching
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_current_copy_is_not_sent_again(page: httpx.AsyncClient) -> None:
    for path in ("/", "/worker.js", "/assets/index-1a2b.js"):
        tag = (await page.get(path)).headers["etag"]
        for named in (tag, f"W/{tag}", f'"other", {tag}'):
            answer = await page.get(path, headers={"If-None-Match": named})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == tag
            assert "content-security-policy" in answer.headers
        assert (await page.get(path, headers={"If-None-Match": '"other"'})).status_code == 200


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("", None),
        ("identity", None),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("BR;q=0.5, gzip", "br"),
        ("br;q=0, gzip", "gzip"),
        ("br; q=0, gzip;q=0.0", None),
        ("a," * 1000 + "gzip", None),
    ],
)
async def test_files_are_sent_as_the_build_has_compressed_them(
    page: httpx.AsyncClient, accepted: str, encoding: str | None
) -> None:
    path, suffix = "/assets/index-1a2b.js", {None: "", "gzip": ".gz", "br": ".br"}[encoding]
    async with page.stream("GET", path, headers={"Accept-Encoding": accepted}) as answer:
        body = b"".join([piece async for piece in answer.aiter_raw()])
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert body == FILES[path[1:] + suffix]
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"


async def test_each_encoding_has_a_tag_of_its_own(page: httpx.AsyncClient) -> None:
    tags = set()
    for accepted in ("identity", "gzip", "br"):
        headers = {"Accept-Encoding": accepted}
        async with page.stream("GET", "/assets/index-1a2b.js", headers=headers) as answer:
            tags.add(answer.headers["etag"])
    assert len(tags) == 3


async def test_the_page_may_use_only_its_own_server(page: httpx.AsyncClient) -> None:
    host = page.base_url.netloc.decode()
    for path in ("/", "/r/x", "/worker.js", "/assets/index-1a2b.js"):
        answer = await page.get(path)
        assert rules(answer) == {
            "default-src": "'none'",
            "script-src": "'self'",
            "style-src": "'self'",
            "img-src": "'self' data: blob:",
            "font-src": "'self'",
            "manifest-src": "'self'",
            "worker-src": "'self'",
            "base-uri": "'none'",
            "form-action": "'self'",
            "frame-ancestors": "'none'",
            "connect-src": f"'self' ws://{host} wss://{host}",
        }
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert "camera=()" in answer.headers["permissions-policy"]


@pytest.mark.parametrize("host", ["", "a b", "a;script-src *", "[::1]:8000", "é", "a" * 300, "a,b"])
async def test_a_host_that_a_policy_cannot_name_is_left_out(
    page: httpx.AsyncClient, host: str
) -> None:
    answer = await page.get("/", headers={b"Host": host.encode()})
    if answer.status_code == 200:  # the edge refuses some
        assert rules(answer)["connect-src"] == "'self'"


async def test_over_tls_the_socket_is_one_over_tls(embedded: Backend, tmp_path: Path) -> None:
    authority = trustme.CA()
    settings = with_certificate(embedded, authority, tmp_path, "127.0.0.1")
    async with run_server(settings) as server, server.client(trusting(authority)) as http:
        answer = await http.get("/")
        host = http.base_url.netloc.decode()
        assert rules(answer)["connect-src"] == f"'self' wss://{host}"
        assert "max-age" in answer.headers["strict-transport-security"]


async def test_a_running_server_keeps_the_page_that_it_was_started_with(
    embedded: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, script = tmp_path / "index.html", tmp_path / "assets" / "index.js"
    script.parent.mkdir()
    index.write_bytes(b"first")
    script.write_bytes(SCRIPT)
    monkeypatch.setattr(build, "FOLDER", tmp_path)
    async with run_server(embedded.settings) as running, running.client() as http:
        script.unlink()
        index.write_bytes(b"second")
        assert (await http.get("/")).content == b"first"
        assert (await http.get("/assets/index.js")).content == SCRIPT


# Without the page.


async def test_a_page_that_is_not_built_says_how_to_build_it(unbuilt: httpx.AsyncClient) -> None:
    for address in ("/", "/r/x", "/welcome"):
        answer = await unbuilt.get(address)
        assert answer.status_code == 503
        assert "make page" in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert rules(answer)["default-src"] == "'none'"
        assert "script-src" not in rules(answer)
    assert_problem(await unbuilt.get("/worker.js"), "not_found")
    assert_ok(await unbuilt.get("/health/ready"))


@pytest.mark.setting("CHAT_WEB__ENABLED")
async def test_the_page_can_be_turned_off(embedded: Backend) -> None:
    async with run_server(embedded.override(web={"enabled": False})) as server:
        assert await _is_answered(server, "/health/ready")
        for path in ("/", "/r/x", "/worker.js", "/assets/index-1a2b.js"):
            assert not await _is_answered(server, path)


async def _is_answered(server: TestServer, path: str) -> bool:
    async with server.client() as http:
        return (await http.get(path)).status_code == 200


def test_the_addresses_of_the_page_are_those_of_nothing_else() -> None:
    others = {route.path.split("/")[1] for route in every_route()}
    assert {"api", "docs", "health", "metrics", "openapi.json"} <= others
    assert not others & {path.split("/")[1] for path in PAGES}
