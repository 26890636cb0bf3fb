"""What every operation has in common, said once in the OpenAPI document."""

from typing import Any

from fastapi import FastAPI

from app.core.errors import Code
from app.web.problems import RATE_HEADERS, Problem, problems

_REF = "#/components/schemas/{model}"
_ALWAYS = problems(Code.INVALID, Code.INTERNAL, Code.RATE_LIMITED, Code.BUSY, Code.UNKNOWN_OUTCOME)
_WITH_BODY = problems(Code.TOO_LARGE)
_WITH_TOKEN = problems(Code.UNAUTHENTICATED)

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


def complete(app: FastAPI, text_chars: int) -> None:
    """Adds to each operation below /api the problems that any of them can answer with, and the
    limit of a text, which is a setting."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            _add_problem_schema(document)
            document["components"]["schemas"]["Draft"]["properties"]["text"]["maxLength"] = (
                text_chars
            )
            document["components"]["headers"] = _RATE_FIELDS
            for path, item in document["paths"].items():
                if path.startswith("/api/"):
                    for operation in item.values():
                        _add_common(operation)
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents


def _add_problem_schema(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    problem = Problem.model_json_schema(ref_template=_REF, mode="serialization")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)


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
