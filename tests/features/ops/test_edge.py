"""What every response has: headers, a request id, and a problem if it refuses."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import structlog.testing

from app.core.clock import now
from app.users import accounts
from testkit.answers import assert_ok, assert_problem
from testkit.people import API, UNKNOWN_ID, Person
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend
from testkit.waiting import eventually

SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
NOTHING_MAY_RUN = "default-src 'none'; frame-ancestors 'none'"
ORIGIN = "https://chat.example"


async def every_kind_of_answer(http: httpx.AsyncClient, ada: Person) -> list[httpx.Response]:
    return [
        await ada.get("/users/me"),
        await ada.post("/ws-tickets"),
        await ada.post("/rooms", kind="nonsense"),
        await ada.get(f"/rooms/{uuid4()}"),
        await http.get(f"{API}/users/me"),
        await http.get("/nowhere"),
        await http.put("/health/live"),
        await http.post(f"{API}/auth/token", content=b"x" * 300_000),
        await http.get("/docs"),
        await http.get("/docs/swagger-ui.css"),
        await http.get("/openapi.json"),
        await http.get("/health/ready"),
        await http.options(f"{API}/rooms"),
        await ada.post("/auth/logout"),
    ]


async def test_security_headers_are_on_every_response(http: httpx.AsyncClient, ada: Person) -> None:
    answers = await every_kind_of_answer(http, ada)
    assert {answer.status_code for answer in answers} == {200, 201, 204, 401, 404, 405, 413, 422}
    for answer in answers:
        path = answer.request.url.path
        assert SECURITY.items() <= dict(answer.headers).items(), path
        UUID(answer.headers["x-request-id"])
        assert "server" not in answer.headers
        assert "strict-transport-security" not in answer.headers  # a promise for HTTPS only
        if path != "/docs":
            assert answer.headers["content-security-policy"] == NOTHING_MAY_RUN, path
        if not path.startswith("/docs/"):
            assert answer.headers["cache-control"] == "no-store", path


async def test_a_request_keeps_its_request_id(http: httpx.AsyncClient) -> None:
    given = str(uuid4())
    answer = await http.get("/health/live", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] == given
    problem = assert_problem(
        await http.get("/nowhere", headers={"X-Request-ID": given}), "not_found"
    )
    assert problem["request_id"] == given


@pytest.mark.parametrize("given", ["", "x", "{id}x", "{id}\t{id}", "{upper}", "1" * 3000, "{{}}"])
async def test_an_invalid_request_id_is_replaced(http: httpx.AsyncClient, given: str) -> None:
    some = str(uuid4()).replace("0", "a")
    given = given.format(id=some, upper=some.upper())
    answer = await http.get("/health/live", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] != given
    assert UUID(answer.headers["x-request-id"]).version == 7


@pytest.mark.parametrize(
    "path",
    [
        *("/nowhere", "/api", "/api/v1", "/api/v1/", "/api/v2/rooms", "/favicon.ico", "/metrics"),
        *("/docs/", "/docs/x.js", "/docs/%2e%2e/%2e%2e/pyproject.toml"),
        *("/api/v1/rooms/", "//api/v1/rooms", "/API/v1/rooms", "/health", "/health/live/"),
        *("/%00", "/%c3%a9", "/" + "x" * 5000),
    ],
    ids=lambda path: ascii(path)[:40],
)
async def test_an_unknown_path_is_not_found(http: httpx.AsyncClient, path: str) -> None:
    url = http.base_url.copy_with(raw_path=path.encode())
    assert_problem(await http.get(url), "not_found")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/health/live", {"GET"}),
        ("/ws", {"GET"}),
        (f"{API}/auth/token", {"POST"}),
        (f"{API}/users/me", {"GET", "PATCH"}),
        (f"{API}/rooms", {"GET", "POST"}),
        (f"{API}/rooms/{UNKNOWN_ID}", {"GET", "PATCH", "DELETE"}),
        (f"{API}/rooms/{UNKNOWN_ID}/members", {"GET", "POST"}),
        (f"{API}/rooms/{UNKNOWN_ID}/members/{UNKNOWN_ID}", {"PATCH", "DELETE"}),
        (f"{API}/rooms/{UNKNOWN_ID}/messages", {"GET", "POST"}),
        (f"{API}/rooms/{UNKNOWN_ID}/read", {"PUT"}),
        (f"{API}/rooms/{UNKNOWN_ID}/unread", {"POST"}),
    ],
    ids=lambda value: value.replace(UNKNOWN_ID, "id") if isinstance(value, str) else "",
)
async def test_a_wrong_method_is_405(http: httpx.AsyncClient, path: str, allowed: set[str]) -> None:
    if "GET" in allowed:
        allowed = {"HEAD", *allowed}
    methods = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "LOCK"}
    for method in methods - allowed:
        answer = await http.request(method, path)
        if method != "HEAD":
            assert_problem(answer, "method_not_allowed")
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == allowed, method


@pytest.mark.parametrize("method", ["SMUGGLE", "GE", "PROP-FIND"])
async def test_an_unknown_method_is_405(http: httpx.AsyncClient, method: str) -> None:
    answer = await http.request(method, "/health/live")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, POST, PUT, PATCH, DELETE"


@pytest.mark.parametrize(
    "path",
    [
        *("/health/live", "/health/ready", "/docs", "/docs/start.js", "/docs/swagger-ui.css"),
        *("/openapi.json", f"{API}/rooms", f"{API}/users/me", f"{API}/rooms/{UNKNOWN_ID}"),
        *(f"{API}/rooms/public?limit=x", "/ws", "/nowhere"),
    ],
)
async def test_head_answers_like_get_without_the_body(
    server: TestServer, http: httpx.AsyncClient, ada: Person, path: str
) -> None:
    headers = {"Authorization": f"Bearer {ada.access}"}
    get = await http.get(path, headers=headers)
    with structlog.testing.capture_logs() as logged:
        answer = await http.head(path, headers=headers)
        await eventually(lambda: any(line.get("method") == "HEAD" for line in logged))
    assert answer.content == b""
    assert answer.status_code == get.status_code
    changing = {"x-request-id", "date"}
    assert set(answer.headers) == set(get.headers)
    assert {k: v for k, v in answer.headers.items() if k not in changing} == {
        k: v for k, v in get.headers.items() if k not in changing
    }


async def test_head_is_not_in_the_openapi_document(http: httpx.AsyncClient) -> None:
    paths = assert_ok(await http.get("/openapi.json"))["paths"]
    assert not [path for path, item in paths.items() if "head" in item]


async def test_a_plain_request_to_the_socket_is_upgrade_required(http: httpx.AsyncClient) -> None:
    answer = await http.get("/ws")
    problem = assert_problem(answer, "upgrade_required")
    assert "proxy" in problem["detail"]
    assert answer.headers["upgrade"] == "websocket"
    assert answer.headers["connection"] == "Upgrade"
    other = await http.post("/ws")
    assert_problem(other, "method_not_allowed")
    assert set(other.headers["allow"].split(", ")) == {"GET", "HEAD"}


async def test_an_internal_error_is_a_problem(
    server: TestServer, http: httpx.AsyncClient, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The response names the request id in the log, and nothing of the error."""

    async def fail(*_: object) -> None:
        raise RuntimeError("a secret of the house")

    with monkeypatch.context() as broken, structlog.testing.capture_logs() as logged:
        broken.setattr(accounts, "get_user", fail)
        answer = await ada.get("/users/me")
    problem = assert_problem(answer, "internal")
    assert problem["request_id"] in problem["detail"]
    assert "secret" not in answer.text
    assert SECURITY.items() <= dict(answer.headers).items()
    failure, line = logged
    assert (failure["event"], failure["log_level"]) == ("http.request_failed", "error")
    assert failure["exc_info"]
    assert (line["event"], line["status"]) == ("http.request", 500)
    assert_ok(await ada.get("/users/me"))


async def test_each_request_is_logged_once(http: httpx.AsyncClient, ada: Person) -> None:
    started = now()
    with structlog.testing.capture_logs() as logged:
        answers = [
            await ada.get("/rooms/public", query="hidden"),
            await http.get("/nowhere?hidden"),
            await http.post(f"{API}/auth/token", content=b"x" * 300_000),
        ]
    elapsed_ms = (now() - started).total_seconds() * 1000
    assert [(line["event"], line["method"], line["path"], line["status"]) for line in logged] == [
        ("http.request", "GET", f"{API}/rooms/public", 200),
        ("http.request", "GET", "/nowhere", 404),
        ("http.request", "POST", f"{API}/auth/token", 413),
    ]
    assert all(
        type(line["status"]) is int and line["client_address"] == "127.0.0.1" for line in logged
    )
    assert all(0 < line["duration_ms"] < elapsed_ms for line in logged)
    assert len(answers) == len(logged)


@pytest.fixture
def settings(backend: Backend) -> Any:
    """Settings with two allowed origins."""
    origins = f"{ORIGIN.upper()}:443/, http://localhost:5173"
    return without_limits(backend.override(server={"allowed_origins": origins}))


async def preflight(http: httpx.AsyncClient, origin: str, method: str = "PUT") -> httpx.Response:
    return await http.options(
        f"{API}/rooms",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization,content-type,if-none-match",
        },
    )


@pytest.mark.setting("CHAT_SERVER__ALLOWED_ORIGINS")
async def test_cors_allows_configured_origins(settings: Any) -> None:
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        for origin in (ORIGIN, "http://localhost:5173"):
            answer = await preflight(http, origin)
            assert answer.status_code == 200
            assert answer.headers["access-control-allow-origin"] == origin
            assert "authorization" in answer.headers["access-control-allow-headers"].lower()
            # Answers that are refusals can be read by the page, too; whoever refuses.
            for answer in (
                await ada.call("GET", "/users/me", headers={"Origin": origin}),
                await http.get(f"{API}/users/me", headers={"Origin": origin}),
                await ada.call(
                    "POST", "/rooms", headers={"Origin": origin}, content=b"x" * 300_000
                ),
            ):
                assert answer.headers["access-control-allow-origin"] == origin
                assert "Origin" in answer.headers["vary"]
                exposed = answer.headers["access-control-expose-headers"]
                names = {"ETag", "X-Request-ID", "Retry-After", "WWW-Authenticate", "RateLimit"}
                assert names | {"RateLimit-Policy"} <= set(exposed.split(", "))
                assert answer.headers["access-control-allow-credentials"] == "true"


async def test_cors_allows_no_cookies_to_all_origins(embedded: Backend) -> None:
    settings = embedded.override(server={"allowed_origins": "*"})
    async with run_server(settings) as server, server.client() as http:
        for answer in (
            await preflight(http, ORIGIN),
            await http.get("/health/live", headers={"Origin": ORIGIN}),
        ):
            assert answer.headers["access-control-allow-origin"] in ("*", ORIGIN)
            assert "access-control-allow-credentials" not in answer.headers


async def test_cors_refuses_other_origins(settings: Any) -> None:
    async with run_server(settings) as server, server.client() as http:
        for origin in ("https://evil.example", "null", f"{ORIGIN}.evil.example", ORIGIN.upper()):
            for answer in (
                await preflight(http, origin),
                await http.get("/health/live", headers={"Origin": origin}),
            ):
                assert "access-control-allow-origin" not in answer.headers


async def test_cors_is_off_by_default(http: httpx.AsyncClient) -> None:
    assert_problem(await preflight(http, ORIGIN), "method_not_allowed")
    answer = await http.get("/health/live", headers={"Origin": ORIGIN})
    assert not [name for name in answer.headers if name.startswith("access-control")]
