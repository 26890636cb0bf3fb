"""Plain GET requests, answered without the routing and the dependencies of FastAPI, which cost more
than all the rest of such a request.

A request is plain if its path, its query and its token are written as clients write them. All other
requests go on to the routes, whose rules are the only ones: this layer recognises a part of what
they accept, and refuses nothing. A route of which it takes requests documents them, too.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from fastapi import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.application.app_context import AppContext
from app.application.session_lookup import identify, read_as_caller
from app.core.rate_limit import PolicyName
from app.core.tokens import Claims
from app.http.conditional import conditional_response
from app.http.problems import problem_response
from app.http.rate_fields import record_decision
from app.persistence.direct_reads import DirectReads
from app.wire.errors import ChatError, SessionEnded
from app.wire.seq import MAX_SEQ

_NUMBER = re.compile(rb"0|[1-9][0-9]{0,15}")
_BEARER = b"Bearer "

# Of the path and the query, by name: a UUID for an id, numbers otherwise.
Parameters = Mapping[str, Any]
ReadBody = Callable[[DirectReads, UUID, Parameters], Awaitable[bytes]]  # for a user


@dataclass(frozen=True, slots=True)
class DirectRoute:
    """`path` is that of the route, and `pattern` has a named group for each of its parameters. At
    most one of `alternatives` is given. Without a `limit`, the query has none."""

    path: str
    pattern: re.Pattern[str]
    read: ReadBody
    parameters: frozenset[str] = frozenset()
    alternatives: frozenset[str] = frozenset()
    limit: int | None = None


class PlainRequest(NamedTuple):
    route: DirectRoute
    parameters: Parameters
    token: str
    claims: Claims
    if_none_match: str | None


class DirectReadMiddleware:
    """The innermost layer."""

    def __init__(self, app: ASGIApp, routes: tuple[DirectRoute, ...], prefix: str) -> None:
        """`prefix` is that of the paths of all routes."""
        self._app, self._routes, self._prefix = app, routes, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = self._parse(scope)
        if request is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = request.route
        try:
            response = await _respond(scope, request)
        except ChatError as error:
            response = problem_response(error, scope["state"]["request_id"], scope["path"])
        await response(scope, receive, send)

    def _parse(self, scope: Scope) -> PlainRequest | None:
        if (
            scope["type"] != "http"
            or scope["method"] != "GET"
            or not scope["path"].startswith(self._prefix)
        ):
            return None
        for route in self._routes:
            if match := route.pattern.fullmatch(scope["path"]):
                return _parse_request(scope, route, match)
        return None


def _parse_request(scope: Scope, route: DirectRoute, match: re.Match[str]) -> PlainRequest | None:
    context: AppContext = scope["state"]["context"]
    parameters = _parse_query(scope["query_string"], route, context.settings.limits.max_page_size)
    headers = _read_headers(scope)
    if parameters is None or headers is None:
        return None
    token, if_none_match = headers
    try:
        claims = context.tokens.verify(token)
    except ChatError:
        return None
    for name, text in match.groupdict().items():
        parameters[name] = UUID(text) if name.endswith("_id") else int(text)
    if parameters.get("seq", 0) > MAX_SEQ:
        return None
    return PlainRequest(route, parameters, token, claims, if_none_match)


def _parse_query(query: bytes, route: DirectRoute, max_size: int) -> dict[str, Any] | None:
    parameters: dict[str, Any] = {}
    for pair in query.split(b"&") if query else ():
        name, _, number = pair.partition(b"=")
        key = name.decode("latin-1")
        if key in parameters or key not in route.parameters or not _NUMBER.fullmatch(number):
            return None
        parameters[key] = int(number)
    if parameters and max(parameters.values()) > MAX_SEQ:
        return None
    if len(parameters) > 1 and len(route.alternatives.intersection(parameters)) > 1:
        return None
    if route.limit is not None:
        limit = parameters.setdefault("limit", min(route.limit, max_size))
        if not 1 <= limit <= max_size:
            return None
    return parameters


def _read_headers(scope: Scope) -> tuple[str, str | None] | None:
    """The token and the tags; None if one of them is there twice, or no token."""
    token: bytes | None = None
    tags: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            if token is not None or not value.startswith(_BEARER):
                return None
            token = value[len(_BEARER) :]
        elif name == b"if-none-match":
            if tags is not None:
                return None
            tags = value
    if token is None:
        return None
    return token.decode("latin-1"), None if tags is None else tags.decode("latin-1")


async def _respond(scope: Scope, request: PlainRequest) -> Response:
    """The request is charged before its session is looked up: the claims are verified, and the
    question for the session goes to the database with the others."""
    context: AppContext = scope["state"]["context"]
    decision = await context.limiter.spend(PolicyName.READS, request.claims.user, 1)
    if decision.wait_s:
        await identify(context, request.token)  # an ended session is refused as such
        decision.enforce()
    try:
        body = await read_as_caller(context, request.claims, request.route.read, request.parameters)
    except SessionEnded:
        raise
    except ChatError:
        record_decision(scope, decision)
        raise
    record_decision(scope, decision)
    return conditional_response(body, request.if_none_match)
