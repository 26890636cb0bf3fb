"""What every operation has in common, said once in the OpenAPI document."""

from typing import Any

from fastapi import FastAPI

from app.core.errors import Code
from app.settings import Limits
from app.web.problems import Problem, problems

_REF = "#/components/schemas/{model}"
_ALWAYS = problems(Code.INVALID, Code.INTERNAL, Code.BUSY, Code.UNKNOWN_OUTCOME)
_WITH_BODY = problems(Code.TOO_LARGE)
_WITH_TOKEN = problems(Code.UNAUTHENTICATED)

_SUCCESS = {
    "200": "Found, or done: what was changed is committed.",
    "201": "Made and committed.",
    "204": "Done and committed.",
}


def complete(app: FastAPI, limits: Limits) -> None:
    """Adds to each operation below /api the problems that any of them can answer with, and the
    limits that are settings."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            _add_problem_schema(document)
            _add_limits(document["components"]["schemas"], limits)
            for path, item in document["paths"].items():
                if path.startswith("/api/"):
                    for operation in item.values():
                        _add_common(operation)
                        _add_page_limit(operation, limits.page)
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents


def _add_limits(schemas: dict[str, Any], limits: Limits) -> None:
    schemas["Draft"]["properties"]["text"]["maxLength"] = limits.text_chars
    for model, field in (("CreateRoom", "members"), ("AddMembers", "users")):
        schemas[model]["properties"][field]["maxItems"] = limits.room_members_add


def _add_page_limit(operation: dict[str, Any], page: int) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["name"] == "limit":
            schema = parameter["schema"]
            schema |= {"maximum": page, "default": min(schema["default"], page)}


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
        if responses.get(status, {}).get("description") == "Successful Response":
            responses[status]["description"] = meaning
