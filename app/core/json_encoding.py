"""JSON of plain values, byte for byte as pydantic writes it, without an object for each of them."""

from typing import Any

import orjson

# JSON that is written already, to be put into a value.
Fragment = orjson.Fragment


def encode_json(value: Any) -> bytes:
    """Of dicts with text as keys, lists, text, numbers, ids, and times in UTC."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)
