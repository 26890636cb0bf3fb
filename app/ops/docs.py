"""/docs without a CDN: Swagger UI from the files of a package; and /docs/socket."""

import asyncio
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI, Response
from fastapi.responses import FileResponse, HTMLResponse

from app.http.documents import JsonObject
from app.http.html_pages import render_page
from app.ops.socket_page import render_socket_page

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Chat API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon.png">
</head>
<body>
<div id="ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#ui",
  deepLinking: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
});
"""
# Swagger UI sets styles inline and draws icons from data URLs.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)
_FILES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
_CACHED = {"Cache-Control": "max-age=3600"}


def mount_docs(app: FastAPI, describe_socket: Callable[[], JsonObject]) -> None:
    """Adds routes for the pages, their scripts and styles, outside of the OpenAPI document."""
    folder = _find_assets()

    @cache
    def render_socket() -> str:
        return render_socket_page(describe_socket())

    @app.get("/docs/socket", include_in_schema=False)
    async def socket() -> HTMLResponse:
        return render_page("Chat: the socket", await asyncio.to_thread(render_socket))

    @app.get("/docs", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})

    @app.get("/docs/start.js", include_in_schema=False)
    async def start() -> Response:
        return Response(_START, media_type="text/javascript", headers=_CACHED)

    for name, media_type in _FILES.items():
        _serve(app, folder / name, media_type)


def _serve(app: FastAPI, file: Path, media_type: str) -> None:
    @app.get(f"/docs/{file.name}", include_in_schema=False)
    async def asset() -> FileResponse:
        return FileResponse(file, media_type=media_type, headers=_CACHED)


def _find_assets() -> Path:
    """The folder of Swagger UI in fastapi-offline; the package itself is not used."""
    spec = find_spec("fastapi_offline")
    assert spec, "fastapi-offline is a dependency"
    assert spec.origin, "which is a package with files"
    return Path(spec.origin).parent / "static"
