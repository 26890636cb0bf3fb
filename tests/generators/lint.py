"""python -m tests.generators.lint: checks the OpenAPI document with Spectral and Redocly, and the
AsyncAPI document with its official parser."""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.http.asyncapi import describe_socket
from app.main import VERSION, create_app
from app.settings import Settings, load_settings
from tests.generators.environments import HERE, NODE, NODE_ENVIRONMENT, node_packages, run

RULES = HERE / "linters"


def spectral(document: Path) -> None:
    """Raises AssertionError for any finding."""
    rules = ["--ruleset", RULES / "spectral.yaml", "--fail-severity", "hint"]
    _run("spectral", "lint", *rules, document)


def redocly(document: Path) -> None:
    """Raises AssertionError for errors and warnings."""
    printed = _run("redocly", "lint", "--config", RULES / "redocly.yaml", document)
    assert "warning" not in printed, printed


def asyncapi(document: Path) -> None:
    """Raises AssertionError for any finding of the official parser."""
    folder = node_packages("asyncapi")
    shutil.copy(HERE / "asyncapi/validate.mjs", folder)  # beside its node_modules
    run(NODE / "node", "validate.mjs", document, cwd=folder)


def _run(tool: str, *arguments: object) -> str:
    folder = node_packages("linters")
    command = folder / "node_modules/.bin" / tool
    return run(command, *arguments, cwd=folder, env=NODE_ENVIRONMENT)


def describe() -> dict[str, Any]:
    """The AsyncAPI document."""
    return describe_socket(VERSION, _settings().limits)


def main() -> None:
    try:
        _check(create_app(_settings()).openapi(), spectral, redocly)
        _check(describe(), asyncapi)
    except AssertionError as error:
        sys.exit(str(error))
    print("The OpenAPI and the AsyncAPI document are clean.")


def _settings() -> Settings:
    return load_settings(auth={"secret_key": "k" * 32})


def _check(document: dict[str, Any], *linters: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "document.json"
        file.write_text(json.dumps(document))
        for linter in linters:
            linter(file)


if __name__ == "__main__":
    main()
