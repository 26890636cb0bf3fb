"""GET / and the other addresses of the page."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from app.http.conditional import matches_tag
from app.web.build import IDENTITY, IMMUTABLE, INDEX, Build, BuiltFile
from app.web.missing import missing_page
from app.web.policy import HEADERS, format_policy
from app.wire.errors import NotFound

# What the page shows at an address is decided there; here only that it is one of the page's.
PAGES = (
    *("/", "/welcome", "/sign-in", "/register", "/search", "/threads", "/mentions", "/saved"),
    *("/scheduled", "/reminders", "/drafts", "/rooms", "/people", "/shortcuts", "/settings"),
    "/invite/{code}",
    *("/r/{rest:path}", "/t/{rest:path}", "/settings/{rest:path}"),
)
_FOREVER, _ASK_FIRST = "public, max-age=31536000, immutable", "no-cache"
MAX_ENCODINGS = 20  # that are looked at; browsers send four


class PageRoute(Route):
    """A route that metrics know by its template, as those of FastAPI."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        return match, {**child, "route": self} if child else child


def page_routes(build: Build) -> list[Route]:
    """The page at its addresses, and its files. Without a build the page says how to make one."""
    if not build:
        return [PageRoute(path, _missing, methods=["GET"]) for path in PAGES]

    async def page(request: Request) -> Response:
        return _file_response(request, build[INDEX])

    async def asset(request: Request) -> Response:
        return _file_response(request, _find(build, request.url.path))

    single = [path for path in build if not path.startswith(IMMUTABLE) and path != INDEX]
    return [
        *(PageRoute(path, page, methods=["GET"]) for path in PAGES),
        *(PageRoute(path, asset, methods=["GET"]) for path in single),
        PageRoute(f"{IMMUTABLE}{{name:path}}", asset, methods=["GET"]),
    ]


async def _missing(_: Request) -> Response:
    return missing_page()


def _find(build: Build, path: str) -> BuiltFile:
    file = build.get(path)
    if file is None:
        raise NotFound("This release of the page has no such file. Reload the page.")
    return file


def _file_response(request: Request, file: BuiltFile) -> Response:
    encoding = _choose_encoding(file.variants, request.headers.get("accept-encoding", ""))
    variant = file.variants[encoding]
    host, secure = request.headers.get("host", ""), request.scope["scheme"] == "https"
    headers = {
        **HEADERS,
        # Workers are under the policy of their own file.
        "Content-Security-Policy": format_policy(host, secure=secure),
        "Cache-Control": _FOREVER if file.is_immutable else _ASK_FIRST,
        "ETag": variant.tag,
    }
    if len(file.variants) > 1:
        headers["Vary"] = "Accept-Encoding"
    if matches_tag(variant.tag, request.headers.get("if-none-match")):
        return Response(status_code=304, headers=headers)
    if encoding != IDENTITY:
        headers["Content-Encoding"] = encoding
    return Response(variant.body, headers=headers, media_type=file.media_type)


def _choose_encoding(variants: Mapping[str, Any], accepted: str) -> str:
    """The best one that the caller takes (RFC 9110, 12.5.3), without regard to weights but 0."""
    names = set()
    for item in accepted.split(",", MAX_ENCODINGS)[:MAX_ENCODINGS]:
        name, _, weight = item.partition(";")
        if weight.strip() not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            names.add(name.strip().lower())
    return next(name for name in variants if name in names or name == IDENTITY)
