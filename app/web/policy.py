"""What the page may do: its scripts, styles and requests are those of this server."""

import re
from functools import lru_cache

_HOST = re.compile(r"[A-Za-z0-9._-]{1,255}(?::[0-9]{1,5})?")  # no IPv6: a policy cannot name it
_RULES = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "font-src 'self'",
    "manifest-src 'self'",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
)
HEADERS = {
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), "
    "payment=(), usb=()",
}


@lru_cache(100)
def format_policy(host: str, *, secure: bool) -> str:
    """The Content-Security-Policy for requests that named `host`.

    The socket is named beside `'self'`, which does not include it in older browsers. `wss:` is
    always there: a proxy may terminate TLS without telling the server.
    """
    sources = ["'self'"]
    if _HOST.fullmatch(host):
        sources += [f"wss://{host}"] if secure else [f"ws://{host}", f"wss://{host}"]
    return "; ".join((*_RULES, f"connect-src {' '.join(sources)}"))
