"""Pages that the server renders itself: no script, and no style but its own."""

import base64
import hashlib
from functools import cache
from html import escape
from pathlib import Path

from fastapi.responses import HTMLResponse

_STYLE_FILE = Path(__file__).with_suffix(".css")
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}</main>
</body>
</html>
"""


def render_page(title: str, body: str, status: int = 200) -> HTMLResponse:
    """`body` is HTML."""
    style, policy = _read_style()
    page = _PAGE.format(title=escape(title), style=style, body=body)
    return HTMLResponse(page, status, headers={"Content-Security-Policy": policy})


@cache
def _read_style() -> tuple[str, str]:
    """The style, and the policy that allows no other."""
    style = _STYLE_FILE.read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return style, (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
