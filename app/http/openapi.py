"""The OpenAPI document: what it says as a whole, and what all operations share.

Each route has its own part: `operation_id`, summary, description, bodies and the problems that only
it has. This module completes it and gives schemas the names that generated clients show.
"""

from functools import cache
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from app.http.documents import JsonObject, rename_schemas, simplify
from app.http.examples import add_examples
from app.http.problems import RATE_HEADERS, Problem, problem_responses
from app.limit_settings import Limits
from app.wire.errors import ErrorCode

METADATA: JsonObject = {
    "title": "Chat",
    "summary": "A chat backend that a team can own.",
    "description": """\
**Log in** with `issue_token`, and send `Authorization: Bearer …` with every other request below
`/api/v1`. Access tokens live for minutes; renew them with the refresh token.

**Errors** are problems (RFC 9457). `code` is stable, and `retry` says what to do: `never` (the same
request fails again), `now`, or `after` so many milliseconds (`retry_after_ms`).

**Pages**: lists take `limit` and `cursor`, and answer with `items` and `next`; pass `next` as
`cursor` until it is null. Messages and events are paged by `seq` instead, their position in the
room's log.

**Conditional requests**: pages of messages and events, and single messages, have an `ETag`. With it
as `If-None-Match`, an answer that would be the same is a 304 without a body.

**Repeating** a request after a lost answer is safe where it says so: a message that is sent again
with its `nonce` is not sent twice.

**Request ids**: every response has `X-Request-ID`, which the server's log has, too. A request may
bring its own, if it is a UUID.

Events of rooms come over a WebSocket at `/ws`: see [/docs/socket](/docs/socket), and
[/asyncapi.json](/asyncapi.json) for programs.
""",
    "contact": {"name": "The administrators of this server"},
    "license_info": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
    "servers": [{"url": "/", "description": "The server that this document comes from."}],
    "openapi_tags": [
        {"name": "auth", "description": "Accounts, logins, sessions and tickets for sockets."},
        {"name": "users", "description": "The caller's own account, and other people."},
        {"name": "rooms", "description": "Rooms and their members."},
        {"name": "messages", "description": "Messages, the room's log and read markers."},
        {"name": "groups", "description": "User groups, which one `@handle` mentions together."},
        {"name": "notifications", "description": "What the caller is notified of, and why."},
        {"name": "threads", "description": "Threads, and who follows them."},
        {
            "name": "search",
            "description": "What was said, and where; docs/search.md has the words.",
        },
        {"name": "items", "description": "What the caller alone has, such as drafts."},
        {"name": "moderation", "description": "For administrators of the server."},
        {"name": "admin", "description": "Statistics, for administrators of the server."},
        {"name": "server", "description": "The server as a whole, and its first administrator."},
        {"name": "operations", "description": "For load balancers and supervisors."},
    ],
}

_EVERYWHERE = problem_responses(ErrorCode.TOO_LARGE)
_BELOW_API = problem_responses(
    *(
        ErrorCode.INVALID,
        ErrorCode.INTERNAL,
        ErrorCode.RATE_LIMITED,
        ErrorCode.BUSY,
        ErrorCode.UNKNOWN_OUTCOME,
    )
)
_WITH_BODY = problem_responses(ErrorCode.UNSUPPORTED_MEDIA_TYPE)
_WITH_TOKEN = problem_responses(
    ErrorCode.UNAUTHENTICATED, ErrorCode.TOKEN_EXPIRED, ErrorCode.SESSION_ENDED
)

_SUCCESS = {
    "200": "Found, or done: what was changed is committed.",
    "201": "Made and committed.",
    "204": "Done and committed.",
}
_REQUEST_ID = {
    "description": "The request's id in the server's log.",
    "schema": {"type": "string", "format": "uuid"},
}
_TAG = {
    "description": "Names these bytes, for `If-None-Match` (RFC 9110, 8.8.3).",
    "schema": {"type": "string"},
    "example": '"0f3a9c417d5be2860c1d24f7"',
}
_PARAMETERS = {
    "room_id": "The room's id.",
    "user_id": "The user's id.",
    "session_id": "The session's id.",
    "group_id": "The group's id.",
    "scheduled_id": "The scheduled message's id.",
    "reminder_id": "The reminder's id.",
    "seq": "The message's position in the room's log.",
}

_RATE_FIELDS = {
    "RateLimit": {
        "description": "What is left (`r`) of each limit that this request counted for, and in "
        "how many seconds (`t`) all of it is there again; of a limit that was exceeded, in how "
        "many the same request is welcome (draft-ietf-httpapi-ratelimit-headers).",
        "schema": {"type": "string"},
        "example": '"writes";r=195;t=1',
    },
    "RateLimit-Policy": {
        "description": "The limits: so much at once (`q`), which is there again after so many "
        "seconds (`w`).",
        "schema": {"type": "string"},
        "example": '"writes";q=200;w=40',
    },
}


def extend_openapi(app: FastAPI, limits: Limits, *models: type[BaseModel]) -> None:
    """Makes `app.openapi` return the whole document, with the configured limits and the schemas of
    `models`, which FastAPI does not see."""
    generate = app.openapi

    @cache
    def openapi() -> JsonObject:
        document = generate()
        schemas = document["components"]["schemas"]
        parts: tuple[type[BaseModel], ...] = (Problem, *models)
        for model in parts:
            _add_schema(schemas, model)
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        _add_limits(schemas, limits)
        document["components"]["headers"] = {
            "RequestId": _REQUEST_ID,
            "ETag": _TAG,
            **_RATE_FIELDS,
        }
        for path, operations in document["paths"].items():
            for operation in operations.values():
                _complete_operation(operation, below_api=path.startswith("/api/"))
                _limit_parameters(operation, limits)
        _name_event(schemas)
        document = rename_schemas(document)
        simplify([document["paths"], document["components"]])
        add_examples(document)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents


def _add_schema(schemas: dict[str, Any], model: type[BaseModel]) -> None:
    schema = model.model_json_schema(
        ref_template="#/components/schemas/{model}", mode="serialization"
    )
    schemas.update(schema.pop("$defs", {}))
    schemas[model.__name__] = schema


def _add_limits(schemas: dict[str, Any], limits: Limits) -> None:
    for model in ("SendMessageRequest", "EditMessage", "SaveDraft", "ScheduleMessage"):
        schemas[model]["properties"]["text"]["maxLength"] = limits.text_chars
    schemas["UpdateScheduled"]["properties"]["text"]["anyOf"][0]["maxLength"] = limits.text_chars
    for model, field in (("CreateRoom", "members"), ("AddMembers", "users")):
        schemas[model]["properties"][field]["maxItems"] = limits.max_members_per_request
    schemas["SetNotifications"]["properties"]["keywords"]["maxItems"] = limits.keywords_per_user


def _limit_parameters(operation: dict[str, Any], limits: Limits) -> None:
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        if parameter["name"] == "limit":
            max_size = limits.max_page_size
            schema |= {"maximum": max_size, "default": min(schema["default"], max_size)}
        elif parameter["name"] == "q":
            schema["maxLength"] = limits.max_query_chars


def _complete_operation(operation: JsonObject, *, below_api: bool) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    common = dict(_EVERYWHERE)
    if below_api:
        common |= _BELOW_API
    if operation.setdefault("security", []):
        common |= _WITH_TOKEN
    for status, response in common.items():
        responses.setdefault(str(status), response)
    for status, response in responses.items():
        if response["description"] == "Successful Response":
            response["description"] = _SUCCESS[status]
        headers = response.setdefault("headers", {})
        headers["X-Request-ID"] = {"$ref": "#/components/headers/RequestId"}
        if below_api and status in (*_SUCCESS, "304"):
            headers |= RATE_HEADERS
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in _PARAMETERS:
            parameter.setdefault("description", _PARAMETERS[parameter["name"]])
        _drop_null(parameter)


def _drop_null(parameter: JsonObject) -> None:
    """Removes null from a parameter's type: a parameter can be absent but not null."""
    schema = parameter["schema"]
    kinds = [kind for kind in schema.pop("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        schema |= kinds[0]
    elif kinds:
        schema["anyOf"] = kinds


def _name_event(schemas: JsonObject) -> None:
    """Makes schemas of the union of this release's events and of the union with later ones."""
    items = schemas["EventPage"]["properties"]["items"]
    known, envelope = items["items"]["anyOf"]
    schemas["Event"] = {"description": "One change of a room."} | known
    schemas["AnyEvent"] = {
        "description": "An event of this release, or the envelope of one of a newer release.",
        "anyOf": [{"$ref": "#/components/schemas/Event"}, envelope],
    }
    items["items"] = {"$ref": "#/components/schemas/AnyEvent"}
