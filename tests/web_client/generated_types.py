"""python -m tests.web_client.generated_types: the types of web/client/src/generated, made from the
OpenAPI and the AsyncAPI document of the program."""

import asyncio
import json
import tempfile
from pathlib import Path

from app.http.asyncapi import describe_socket
from app.main import VERSION, create_app
from app.settings import load_settings
from tests.web_client.node import CLIENT, install_packages, run_node

GENERATED = CLIENT / "src" / "generated"


def write_documents(folder: Path) -> None:
    settings = load_settings(auth={"secret_key": "only signs tokens" * 2})
    documents = {
        "openapi.json": create_app(settings).openapi(),
        "asyncapi.json": describe_socket(VERSION, settings.limits),
    }
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document), encoding="utf-8")


async def generate(target: Path) -> None:
    await install_packages()
    with tempfile.TemporaryDirectory() as folder:
        write_documents(Path(folder))
        await run_node("scripts/generate.mjs", folder, target, cwd=CLIENT)


if __name__ == "__main__":
    asyncio.run(generate(GENERATED))
