"""JSON of plain values, byte for byte as pydantic writes it, without an object for each of them."""

from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson

# JSON that is written already, to be put into a value.
Fragment = orjson.Fragment

_OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z


def encode_json(value: Any) -> bytes:
    """Of dicts with text as keys, lists, text, numbers, ids (as UUIDs or as their 16 bytes), and
    times in UTC, with or without their zone."""
    return orjson.dumps(value, _format_id, _OPTIONS)


@lru_cache(maxsize=10_000)
def _format_id(value: bytes) -> str:
    """Called for what orjson does not know. Most messages have the same few senders."""
    return str(UUID(bytes=value))
