"""Conditional requests (RFC 9110, 13): what the caller has already is not sent again."""

from hashlib import blake2b
from typing import Annotated, Any

from fastapi import Header, Response

MAX_TAGS = 100  # that are looked at; clients send one
TAG_BYTES = 12
IfNoneMatch = Annotated[
    str | None,
    Header(
        alias="If-None-Match",
        description="The `ETag` of what the caller has. If that is current, the answer is 304.",
        examples=['"0f3a9c417d5be2860c1d24f7"'],
    ),
]
CONDITIONAL_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"headers": {"ETag": {"$ref": "#/components/headers/ETag"}}},
    304: {
        "description": "The caller has it already: it has one of the tags of `If-None-Match`.",
        "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
    },
}
# It may be kept by the caller alone, who asks each time: access may have ended.
_CACHED = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}


def conditional_response(body: bytes, if_none_match: str | None) -> Response:
    """JSON with its tag, or 304."""
    tag = make_tag(body)
    headers = {"ETag": tag} | _CACHED
    if matches_tag(tag, if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def make_tag(body: bytes) -> str:
    return f'"{blake2b(body, digest_size=TAG_BYTES).hexdigest()}"'


def matches_tag(tag: str, if_none_match: str | None) -> bool:
    """The weak comparison: a proxy that compresses makes a weak tag of a strong one."""
    if if_none_match is None:
        return False
    listed = if_none_match.split(",", MAX_TAGS)[:MAX_TAGS]
    tags = [text.strip().removeprefix("W/") for text in listed]
    return tag in tags or "*" in tags
