"""Which pages may use the cookie of a session."""

from collections.abc import Set

from fastapi import Request

from app.core.origins import ANY, is_same_origin
from app.wire.errors import Forbidden

_SAME_ORIGIN = "same-origin"


def check_origin(request: Request, allowed: Set[str], *, is_required: bool) -> None:
    """Raises Forbidden unless a page of this server sends the request, or one of an origin that
    `allowed` names. `*` names none: with the cookie any page could use the session.

    A browser sends `Origin` with every POST. Without it a request is refused if it `is_required`.
    """
    origin = request.headers.get("origin")
    if origin is None:
        if is_required or not _is_from(request, _SAME_ORIGIN, "none"):
            raise Forbidden("The request has no `Origin`: only pages in a browser use the cookie.")
        return
    if origin in allowed - {ANY}:
        return
    host, secure = request.headers.get("host", ""), request.scope["scheme"] == "https"
    if not is_same_origin(origin, host, secure=secure) or not _is_from(request, _SAME_ORIGIN):
        raise Forbidden(
            f"Pages of {origin[:200]!r} may not use the cookie of a session here. "
            "CHAT_SERVER__ALLOWED_ORIGINS lists those that may."
        )


def _is_from(request: Request, *sites: str) -> bool:
    """Whether the browser says that the request comes from one of these; older ones say nothing."""
    site = request.headers.get("sec-fetch-site")
    return site is None or site in sites
