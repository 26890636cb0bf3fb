"""What a JSON text shows before it is parsed. All of it is linear in the length, and takes what is
no JSON as well."""

import json
import re
from itertools import islice
from typing import Any

_BRACKETS = re.compile(r"[\[{]+|[\]}]+")
# A member `id` with a value that could be one. A quote behind a backslash begins no name.
_ID = re.compile(r'(?<!\\)"id"\s*+:\s*+("(?:[^"\\]|\\.){1,400}+"|-?\d{1,16}(?![\d.eE]))', re.DOTALL)
_MAX_IDS = 100


def exceeds_values(text: str, max_values: int) -> bool:
    """What may be in strings counts, too, until there is enough of it to look closely."""
    if _count_values(text) <= max_values:
        return False
    if _without_escapes(text).count('"') > 4 * max_values:  # a name and a string each
        return True
    return _count_values(_without_strings(text)) > max_values


def exceeds_depth(text: str, max_depth: int) -> bool:
    """Arrays and objects are nested deeper than this."""
    if text.count("[") + text.count("{") <= max_depth:
        return False
    depth = 0
    for run in _BRACKETS.findall(_without_strings(text)):
        depth += len(run) if run[0] in "[{" else -len(run)
        if depth > max_depth:
            return True
    return False


def has_duplicate_names(text: str) -> bool:
    """Of valid JSON. Two programs could read such an object in two ways (RFC 7493)."""
    duplicated = False

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal duplicated
        duplicated = duplicated or len(dict(pairs)) < len(pairs)

    json.loads(text, object_pairs_hook=look)
    return duplicated


def find_id(text: str) -> str | int | None:
    """The text or whole number that the outermost object has as `id`, whatever else is wrong."""
    depth = end = 0
    for match in islice(_ID.finditer(text), _MAX_IDS):
        between = _without_strings(text[end : match.start()])
        depth += between.count("{") + between.count("[") - between.count("}") - between.count("]")
        end = match.end()
        if depth == 1:
            return _scalar(match[1])
    return None


def _scalar(text: str) -> str | int | None:
    try:
        scalar: str | int = json.loads(text)
    except json.JSONDecodeError:
        return None
    return scalar


def _count_values(text: str) -> int:
    """Each comma and each bracket brings one at most."""
    return text.count(",") + text.count("[") + text.count("{")


def _without_strings(text: str) -> str:
    return "".join(_without_escapes(text).split('"')[::2])


def _without_escapes(text: str) -> str:
    """Without those that matter here: each quote that is left begins or ends a string."""
    return text.replace("\\\\", "").replace('\\"', "")
