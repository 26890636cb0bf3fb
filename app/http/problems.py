"""Errors over HTTP: RFC 9457 problems with the same `code` as error frames."""

from http import HTTPStatus
from math import ceil
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from app.core.rate_limit import LimitExceeded
from app.http.rate_fields import FIELDS, format_rate_fields
from app.wire.errors import (
    ChatError,
    ErrorCode,
    Forbidden,
    Internal,
    Invalid,
    InvalidGrant,
    MethodNotAllowed,
    NotFound,
    Retry,
    TokenMissing,
    TooLarge,
    TooSlow,
    Unauthenticated,
    UnsupportedGrantType,
)
from app.wire.validation import InvalidField, invalid_from_pydantic

MEDIA_TYPE = "application/problem+json"
TOKEN_PATH = "/api/v1/auth/token"  # noqa: S105  # not a secret
REALM = 'Bearer realm="chat"'
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

STATUS: dict[ErrorCode, HTTPStatus] = {
    ErrorCode.BAD_FRAME: HTTPStatus.BAD_REQUEST,
    ErrorCode.UNKNOWN_TYPE: HTTPStatus.BAD_REQUEST,
    ErrorCode.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorCode.TOO_SLOW: HTTPStatus.REQUEST_TIMEOUT,
    ErrorCode.BAD_REQUEST: HTTPStatus.BAD_REQUEST,
    ErrorCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    ErrorCode.TOKEN_EXPIRED: HTTPStatus.UNAUTHORIZED,
    ErrorCode.SESSION_ENDED: HTTPStatus.UNAUTHORIZED,
    ErrorCode.INVALID_REQUEST: HTTPStatus.BAD_REQUEST,
    ErrorCode.UNSUPPORTED_GRANT_TYPE: HTTPStatus.BAD_REQUEST,
    ErrorCode.INVALID_GRANT: HTTPStatus.BAD_REQUEST,
    ErrorCode.FORBIDDEN: HTTPStatus.FORBIDDEN,
    ErrorCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ErrorCode.UPGRADE_REQUIRED: HTTPStatus.UPGRADE_REQUIRED,
    ErrorCode.USERNAME_TAKEN: HTTPStatus.CONFLICT,
    ErrorCode.NONCE_CONFLICT: HTTPStatus.CONFLICT,
    ErrorCode.VERSION_CONFLICT: HTTPStatus.CONFLICT,
    ErrorCode.LAST_OWNER: HTTPStatus.CONFLICT,
    ErrorCode.ROOM_ARCHIVED: HTTPStatus.CONFLICT,
    ErrorCode.TOO_MANY: HTTPStatus.CONFLICT,
    ErrorCode.NOT_PENDING: HTTPStatus.CONFLICT,
    ErrorCode.FILTERED: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    ErrorCode.BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.UNKNOWN_OUTCOME: HTTPStatus.SERVICE_UNAVAILABLE,
    ErrorCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}

# RFC 9110, 15.5; Python has these names only from 3.13 on.
_TITLES = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Content Too Large",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Unprocessable Content",
}


class Problem(BaseModel):
    """What went wrong (RFC 9457). `code` is stable; `retry` tells a client what to do."""

    type: str = Field("about:blank", description="Always about:blank: `code` says more.")
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no such room."])
    code: ErrorCode
    retry: Retry
    retry_after_ms: int | None = None
    errors: list[InvalidField] | None = Field(None, description="Which values are not acceptable.")
    error: str | None = Field(None, description="RFC 6749, 5.2; only of POST /api/v1/auth/token.")
    request_id: str | None = Field(None, description="The same as in the server's log.")


def problem_response(
    error: ChatError, request_id: str | None = None, path: str | None = None
) -> JSONResponse:
    """`path` is that of the request; problems of the token endpoint also have OAuth's fields."""
    status = STATUS[error.code]
    body = Problem(
        title=_TITLES.get(status, status.phrase),
        status=int(status),
        detail=error.detail,
        code=error.code,
        retry=error.retry,
        retry_after_ms=error.retry_after_ms,
        errors=_fields(error),
        error=_oauth_error(error) if path == TOKEN_PATH else None,
        request_id=request_id,
    )
    headers = {}
    if error.retry is Retry.AFTER:
        headers["Retry-After"] = str(ceil((error.retry_after_ms or 0) / 1000))
    if path == TOKEN_PATH:
        headers["Pragma"] = "no-cache"  # RFC 6749, 5.2
    if isinstance(error, LimitExceeded):
        headers |= format_rate_fields([error.decision])
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = _challenge(error)
    if status is HTTPStatus.UPGRADE_REQUIRED:
        headers |= {"Upgrade": "websocket", "Connection": "Upgrade"}
    if status is HTTPStatus.METHOD_NOT_ALLOWED:  # overwritten where the route is known
        headers["Allow"] = ", ".join(METHODS)
    return JSONResponse(
        body.model_dump(mode="json", exclude_none=True), int(status), headers, media_type=MEDIA_TYPE
    )


def _challenge(error: ChatError) -> str:
    """RFC 6750, 3.1: an answer to a request without a token says nothing about a token."""
    if isinstance(error, TokenMissing):
        return REALM
    return f'{REALM}, error="invalid_token", error_description="{error.detail}"'


def _oauth_error(error: ChatError) -> str:
    """The codes of RFC 6749, 5.2, and for other errors those of 4.1.2.1 and RFC 8628, 3.5."""
    match error:
        case InvalidGrant() | UnsupportedGrantType():
            return error.code
        case Forbidden():
            return "access_denied"
        case Internal():
            return "server_error"
        case _ if error.retry is not Retry.NEVER:
            return "temporarily_unavailable"
        case _:
            return "invalid_request"


def _fields(error: ChatError) -> list[InvalidField] | None:
    if not isinstance(error, Invalid) or not error.errors:
        return None
    return [InvalidField(**field) for field in error.errors]


def _from_validation(error: RequestValidationError) -> Invalid:
    return invalid_from_pydantic([_for_clients(e) for e in error.errors()])


def _for_clients(error: dict[str, Any]) -> dict[str, Any]:
    """The path of a value in the body is the same as in a frame; other paths begin with their
    place, such as `query`."""
    place, *path = error["loc"]
    match error["type"]:
        case "json_invalid":
            return error | {"loc": [place], "msg": f"Not acceptable JSON: {error['ctx']['error']}"}
        case "model_attributes_type" if not path:
            return error | {"msg": "Should be an object in `Content-Type: application/json`"}
    return error | {"loc": path} if place == "body" and path else error


def _from_http_exception(error: HTTPException) -> ChatError:
    match error.status_code:
        case 404:
            return NotFound(
                "There is nothing at this address. GET /openapi.json lists what there is."
            )
        case 405:
            return MethodNotAllowed(
                "This address does not take that method. See GET /openapi.json."
            )
        case 408:
            return TooSlow("The body did not arrive.")
        case 413:
            return TooLarge("The body is larger than this server accepts.")
        case 401:
            return Unauthenticated(str(error.detail))
        case 403:
            return Forbidden(str(error.detail))
        case status if 400 <= status < 500:
            return Invalid(f"{error.detail}.")
        case _:
            return Internal("The server failed on this request.")


def install_error_handlers(app: FastAPI) -> None:
    """Makes the application answer every error with a problem."""

    @app.exception_handler(ChatError)
    async def chat_error(request: Request, error: ChatError) -> JSONResponse:
        return problem_response(error, request.state.request_id, request.url.path)

    @app.exception_handler(RequestValidationError)
    async def not_valid(request: Request, error: RequestValidationError) -> JSONResponse:
        return problem_response(_from_validation(error), request.state.request_id)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        chat_error = _from_http_exception(error)
        response = problem_response(chat_error, request.state.request_id, request.url.path)
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            response.headers["Allow"] = ", ".join(_allowed(request))
        return response


def _allowed(request: Request) -> list[str]:
    """The methods of all routes at this address. Starlette names only those of the first route;
    it sees HEAD as GET (`RequestLogMiddleware`)."""
    return [
        method
        for method in METHODS
        if any(
            route.matches({**request.scope, "method": method.replace("HEAD", "GET")})[0]
            is Match.FULL
            for route in request.app.routes
        )
    ]


_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
RATE_HEADERS: dict[str, Any] = {
    field: {"$ref": f"#/components/headers/{field}"} for field in FIELDS
}
_HEADERS: dict[int | str, dict[str, Any]] = {
    401: {
        "WWW-Authenticate": {
            "description": "`Bearer`, and what is wrong with the token (RFC 6750, 3).",
            "required": True,
            "schema": {"type": "string"},
        }
    },
    429: _RETRY_AFTER | RATE_HEADERS,
    500: _RETRY_AFTER,
    503: _RETRY_AFTER,
}


def problem_responses(*codes: ErrorCode) -> dict[int | str, dict[str, Any]]:
    """The value of `responses=` for an endpoint that can answer with these codes."""
    by_status: dict[int | str, list[ErrorCode]] = {}
    for code in codes:
        by_status.setdefault(int(STATUS[code]), []).append(code)
    return {
        status: {
            "description": ", ".join(f"`{code}`" for code in names),
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "examples": {c.value: {"$ref": f"#/components/examples/{c}"} for c in names},
                }
            },
            "headers": _HEADERS.get(status, {}),
        }
        for status, names in by_status.items()
    }
