"""Errors as HTTP: RFC 9457 problems with the `code` that error frames have, too."""

from http import HTTPStatus
from math import ceil
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from app.core.errors import (
    ChatError,
    Code,
    Forbidden,
    Internal,
    Invalid,
    InvalidGrant,
    MethodNotAllowed,
    NotFound,
    Retry,
    TooLarge,
    TooSlow,
    Unauthenticated,
)
from app.core.fields import InvalidField, invalid

MEDIA_TYPE = "application/problem+json"

STATUS: dict[Code, HTTPStatus] = {
    Code.BAD_FRAME: HTTPStatus.BAD_REQUEST,
    Code.UNKNOWN_TYPE: HTTPStatus.BAD_REQUEST,
    Code.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Code.TOO_SLOW: HTTPStatus.REQUEST_TIMEOUT,
    Code.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    Code.INVALID_GRANT: HTTPStatus.BAD_REQUEST,
    Code.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Code.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    Code.USERNAME_TAKEN: HTTPStatus.CONFLICT,
    Code.NONCE_CONFLICT: HTTPStatus.CONFLICT,
    Code.LAST_OWNER: HTTPStatus.CONFLICT,
    Code.ROOM_ARCHIVED: HTTPStatus.CONFLICT,
    Code.TOO_MANY: HTTPStatus.CONFLICT,
    Code.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    Code.BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.UNKNOWN_OUTCOME: HTTPStatus.SERVICE_UNAVAILABLE,
    Code.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}


class Problem(BaseModel):
    """What went wrong (RFC 9457). `code` is stable; `retry` tells a client what to do."""

    type: str = Field("about:blank", description="Always about:blank: `code` says more.")
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no such room."])
    code: Code
    retry: Retry
    retry_after_ms: int | None = None
    errors: list[InvalidField] | None = Field(None, description="Which values are not acceptable.")
    error: str | None = Field(None, description="RFC 6749, 5.2; only of POST /api/v1/auth/token.")
    request_id: str | None = Field(None, description="The same as in the server's log.")


def problem(error: ChatError, request_id: str | None = None) -> JSONResponse:
    status = STATUS[error.code]
    body = Problem(
        title=status.phrase,
        status=int(status),
        detail=error.detail,
        code=error.code,
        retry=error.retry,
        retry_after_ms=error.retry_after_ms,
        errors=_fields(error),
        error="invalid_grant" if isinstance(error, InvalidGrant) else None,
        request_id=request_id,
    )
    headers = {}
    if error.retry is Retry.AFTER:
        headers["Retry-After"] = str(ceil((error.retry_after_ms or 0) / 1000))
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="chat"'
    return JSONResponse(
        body.model_dump(mode="json", exclude_none=True), int(status), headers, media_type=MEDIA_TYPE
    )


def _fields(error: ChatError) -> list[InvalidField] | None:
    if not isinstance(error, Invalid) or not error.errors:
        return None
    return [InvalidField(**field) for field in error.errors]


def _from_validation(error: RequestValidationError) -> Invalid:
    return invalid([_for_clients(e) for e in error.errors()])


def _for_clients(error: dict[str, Any]) -> dict[str, Any]:
    """What is in the body gets the path that it would have in a frame; other paths begin with where
    they are, such as `query`."""
    where, *path = error["loc"]
    match error["type"]:
        case "json_invalid":
            return error | {"loc": [where], "msg": f"Not acceptable JSON: {error['ctx']['error']}"}
        case "model_attributes_type" if not path:
            return error | {"msg": "Should be an object in `Content-Type: application/json`"}
    return error | {"loc": path} if where == "body" and path else error


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


def install(app: FastAPI) -> None:
    """Every error leaves as a problem."""

    @app.exception_handler(ChatError)
    async def chat_error(request: Request, error: ChatError) -> JSONResponse:
        return problem(error, request.state.request_id)

    @app.exception_handler(RequestValidationError)
    async def not_valid(request: Request, error: RequestValidationError) -> JSONResponse:
        return problem(_from_validation(error), request.state.request_id)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        response = problem(_from_http_exception(error), request.state.request_id)
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            response.headers["Allow"] = ", ".join(_allowed(request))
        return response


def _allowed(request: Request) -> list[str]:
    """The methods that this address takes. Starlette names only those of the first route there."""
    return [
        method
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]


_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_HEADERS: dict[int | str, dict[str, Any]] = {
    401: {
        "WWW-Authenticate": {
            "description": "`Bearer`, with the realm.",
            "required": True,
            "schema": {"type": "string"},
        }
    },
    429: _RETRY_AFTER,
    500: _RETRY_AFTER,
    503: _RETRY_AFTER,
}


def problems(*codes: Code) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of an endpoint that can answer with these codes."""
    by_status: dict[int | str, list[Code]] = {}
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
