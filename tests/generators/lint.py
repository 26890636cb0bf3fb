"""python -m tests.generators.lint: the OpenAPI document, before Spectral and Redocly."""

import json
import sys
import tempfile
from pathlib import Path

from app.main import create_app
from app.settings import load_settings
from tests.generators.environments import HERE, NODE_ENVIRONMENT, node_packages, run

RULES = HERE / "linters"


def spectral(document: Path) -> None:
    """Raises AssertionError for the least hint."""
    rules = ["--ruleset", RULES / "spectral.yaml", "--fail-severity", "hint"]
    _run("spectral", "lint", *rules, document)


def redocly(document: Path) -> None:
    """Raises AssertionError for errors and warnings."""
    printed = _run("redocly", "lint", "--config", RULES / "redocly.yaml", document)
    assert "warning" not in printed, printed


def _run(tool: str, *arguments: object) -> str:
    folder = node_packages("linters")
    command = folder / "node_modules/.bin" / tool
    return run(command, *arguments, cwd=folder, env=NODE_ENVIRONMENT)


def main() -> None:
    document = create_app(load_settings(auth={"secret_key": "k" * 32})).openapi()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "openapi.json"
        file.write_text(json.dumps(document))
        try:
            spectral(file)
            redocly(file)
        except AssertionError as error:
            sys.exit(str(error))
    print("Spectral and Redocly have nothing to say about the OpenAPI document.")


if __name__ == "__main__":
    main()
