"""The operations of the application, as its OpenAPI document has them."""

import copy
from dataclasses import dataclass
from typing import Any

from app.main import create_app
from app.settings import load_settings


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str
    body: dict[str, Any] | None  # the example of the document
    is_form: bool
    query: dict[str, str]  # what is required

    def takes(self, parameter: str) -> bool:
        return f"{{{parameter}}}" in self.path

    def copy_body(self) -> dict[str, Any] | None:
        return copy.deepcopy(self.body)


def read_operations() -> dict[str, Operation]:
    document = create_app(load_settings(auth={"secret_key": "k" * 32})).openapi()
    return {
        operation["operationId"]: _read_operation(method.upper(), path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


def _read_operation(method: str, path: str, operation: dict[str, Any]) -> Operation:
    content = operation.get("requestBody", {}).get("content", {})
    [(media_type, body)] = content.items() or [("", {})]
    required = [
        parameter["name"]
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "query" and parameter.get("required")
    ]
    return Operation(
        id=operation["operationId"],
        method=method,
        path=path,
        body=body.get("example"),
        is_form="form" in media_type,
        query=dict.fromkeys(required, "hello"),
    )
