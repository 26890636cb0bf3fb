"""The built page: what `web/app` was compiled to, read once.

The files are kept in memory, so a server goes on with the page that it was started with while a
newer one is built, and no path of a request ever reaches the file system.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.http.conditional import make_tag

FOLDER = Path(__file__).parent / "static"
INDEX = "/index.html"
IMMUTABLE = "/assets/"  # their names hold a hash of their content

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
# The best first; `web/compress.mjs` writes them beside the files.
ENCODINGS = {"br": ".br", "gzip": ".gz"}
IDENTITY = "identity"


@dataclass(frozen=True, slots=True)
class Variant:
    """The bytes of a file in one encoding, and their tag."""

    body: bytes
    tag: str


@dataclass(frozen=True, slots=True)
class BuiltFile:
    media_type: str
    is_immutable: bool
    variants: Mapping[str, Variant]  # by their encoding, the best first


Build = Mapping[str, BuiltFile]  # by path, such as /assets/index-1a2b3c.js


def is_built(folder: Path) -> bool:
    return (folder / INDEX[1:]).is_file()


def load_build(folder: Path) -> Build:
    """Empty if the page is not built. Files of unknown types are left out."""
    if not is_built(folder):
        return {}
    return {
        f"/{file.relative_to(folder).as_posix()}": _load(file, folder)
        for file in sorted(folder.rglob("*"))
        if file.suffix in MEDIA_TYPES and file.is_file()
    }


def _load(file: Path, folder: Path) -> BuiltFile:
    path = f"/{file.relative_to(folder).as_posix()}"
    sources = {
        **{name: file.with_name(file.name + suffix) for name, suffix in ENCODINGS.items()},
        IDENTITY: file,
    }
    variants = {
        name: Variant(body := source.read_bytes(), make_tag(body))
        for name, source in sources.items()
        if source.is_file()
    }
    return BuiltFile(MEDIA_TYPES[file.suffix], path.startswith(IMMUTABLE), variants)
