"""What every operation has in common, said once in the OpenAPI document."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from app.core.errors import Code
from app.settings import Limits
from app.web.problems import RATE_HEADERS, Problem, problems

_REF = "#/components/schemas/{model}"
_ALWAYS = problems(Code.INVALID, Code.INTERNAL, Code.RATE_LIMITED, Code.BUSY, Code.UNKNOWN_OUTCOME)
_WITH_BODY = problems(Code.TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE)
_WITH_TOKEN = problems(Code.UNAUTHENTICATED, Code.TOKEN_EXPIRED, Code.SESSION_ENDED)

_SUCCESS = {
    "200": "Found, or done: what was changed is committed.",
    "201": "Made and committed.",
    "204": "Done and committed.",
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


def complete(app: FastAPI, limits: Limits, *models: type[BaseModel]) -> None:
    """Adds to each operation below /api the problems that any of them can answer with, the limits
    that are settings, and the schemas of models that FastAPI does not see."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            schemas = document["components"]["schemas"]
            _add_schema(schemas, Problem)
            for model in models:
                _add_schema(schemas, model)
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            _add_limits(schemas, limits)
            document["components"]["headers"] = _RATE_FIELDS
            for path, item in document["paths"].items():
                if path.startswith("/api/"):
                    for operation in item.values():
                        _add_common(operation)
                        _add_page_limit(operation, limits.page)
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents


def _add_schema(schemas: dict[str, Any], model: type[BaseModel]) -> None:
    schema = model.model_json_schema(ref_template=_REF, mode="serialization")
    schemas.update(schema.pop("$defs", {}))
    schemas[model.__name__] = schema


def _add_limits(schemas: dict[str, Any], limits: Limits) -> None:
    schemas["Draft"]["properties"]["text"]["maxLength"] = limits.text_chars
    for model, field in (("CreateRoom", "members"), ("AddMembers", "users")):
        schemas[model]["properties"][field]["maxItems"] = limits.room_members_add


def _add_page_limit(operation: dict[str, Any], page: int) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["name"] == "limit":
            schema = parameter["schema"]
            schema |= {"maximum": page, "default": min(schema["default"], page)}


def _add_common(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    common = dict(_ALWAYS)
    if "requestBody" in operation:
        common |= _WITH_BODY
    if "security" in operation:
        common |= _WITH_TOKEN
    for status, response in common.items():
        responses.setdefault(str(status), response)
    for status, meaning in _SUCCESS.items():
        if status in responses:
            responses[status].setdefault("headers", {}).update(RATE_HEADERS)
            if responses[status]["description"] == "Successful Response":
                responses[status]["description"] = meaning
