"""Examples in the OpenAPI document, composed from the examples of the fields."""

import json
from typing import Any

from app.http.documents import JsonObject
from app.http.problems import problem_response
from app.wire.errors import error_classes, meaning

# Examples of fields that have none.
_FORMATS = {
    "uuid": "0193a4d2-7c51-7f04-8a3e-5b1c2d3e4f50",
    "date": "2026-11-28",
    "date-time": "2026-11-28T09:30:00.123456Z",
}
_TYPES = {"string": "text", "integer": 1, "number": 1.5, "boolean": False}


def add_examples(document: JsonObject) -> None:
    """Adds an example to each body, and a problem for each error code in the document."""
    schemas = document["components"]["schemas"]
    used = set()
    for operations in document["paths"].values():
        for operation in operations.values():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for content in (c for body in bodies for c in body.get("content", {}).values()):
                used |= content.get("examples", {}).keys()
                if "examples" not in content:
                    content["example"] = _example(content["schema"], schemas)
    examples = _create_problem_examples()
    document["components"]["examples"] = {name: examples[name] for name in sorted(used)}


def _create_problem_examples() -> dict[str, JsonObject]:
    """By code: the answer to an error whose detail is the meaning of the code."""
    return {
        code: {"value": json.loads(bytes(problem_response(cls(meaning(code))).body))}
        for code, cls in error_classes().items()
    }


def _example(schema: JsonObject, schemas: JsonObject) -> Any:
    """The schema's own example, or one composed from those of its parts."""
    match schema:
        case {"$ref": ref}:
            return _example(schemas[ref.rpartition("/")[2]], schemas)
        case {"examples": [example, *_]} | {"const": example} | {"enum": [example, *_]}:
            return example
        case {"anyOf": [first, *_]} | {"oneOf": [first, *_]}:
            return _example(first, schemas)
        case {"items": items}:
            return [_example(items, schemas)]
        case {"properties": properties}:
            return {name: _example(part, schemas) for name, part in properties.items()}
        case {"format": ("uuid" | "date" | "date-time") as name}:
            return _FORMATS[name]
        case {"type": [name, *_]} | {"type": name}:
            return _TYPES[name]
        case _:
            return None
