"""Examples in the OpenAPI document, put together from those that the fields have."""

import inspect
import json
from collections.abc import Iterator
from typing import Any

from app.http.problems import problem_response
from app.wire.errors import ChatError

JsonObject = dict[str, Any]

# Of what has no example of its own.
_FORMATS = {
    "uuid": "0193a4d2-7c51-7f04-8a3e-5b1c2d3e4f50",
    "date": "2026-11-28",
    "date-time": "2026-11-28T09:30:00.123456Z",
}
_TYPES = {"string": "text", "integer": 1, "number": 1.5, "boolean": False}


def add_examples(document: JsonObject) -> None:
    """One for each body, and one problem for each code that the document names."""
    schemas = document["components"]["schemas"]
    used = set()
    for operations in document["paths"].values():
        for operation in operations.values():
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for content in (c for body in bodies for c in body.get("content", {}).values()):
                used |= content.get("examples", {}).keys()
                if "examples" not in content:
                    content["example"] = _example(content["schema"], schemas)
    examples = _problems()
    document["components"]["examples"] = {name: examples[name] for name in sorted(used)}


def _problems() -> dict[str, JsonObject]:
    """By code: the answer to an error whose detail is what is said of its class."""
    found: dict[str, JsonObject] = {}
    for error in _errors(ChatError):
        answer = problem_response(error(" ".join((inspect.getdoc(error) or "").split())))
        found.setdefault(error.code, {"value": json.loads(bytes(answer.body))})
    return found


def _errors(base: type[ChatError]) -> Iterator[type[ChatError]]:
    """Those with a code of their own; others only say more of one."""
    for error in base.__subclasses__():
        if "code" in vars(error):
            yield error
        yield from _errors(error)


def _example(schema: JsonObject, schemas: JsonObject) -> Any:
    """The schema's own, or one that is put together from those of its parts."""
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
