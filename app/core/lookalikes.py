"""Usernames that look alike: UTS 39, with the tables of Unicode 15.1 that `confusable-homoglyphs`
carries.

Its own functions compare a text with scripts, not two texts; only its tables are used.
"""

import unicodedata
from functools import cache
from importlib.resources import files

import orjson

SKELETON_CHARS = 100


def skeleton(key: str) -> str:
    """Two names whose keys (`normalized_name`) have one skeleton look alike (UTS 39, 4)."""
    prototypes = _prototypes()
    decomposed = unicodedata.normalize("NFD", key)
    drawn = "".join(prototypes.get(character, character) for character in decomposed)
    return unicodedata.normalize("NFD", drawn)[:SKELETON_CHARS]


@cache
def _prototypes() -> dict[str, str]:
    """For each character what it looks like. The package lists both ways: a character has its
    prototype, and a prototype all of its characters."""
    tables = orjson.loads(files("confusable_homoglyphs").joinpath("confusables.json").read_bytes())
    alike = {_text(one): [_text(other["c"]) for other in found] for one, found in tables.items()}
    return {
        one: others[0]
        for one, others in alike.items()
        if len(one) == len(others) == 1 and _is_prototype(others[0], one, len(alike[others[0]]))
    }


def _is_prototype(other: str, one: str, characters: int) -> bool:
    """Of the two. Of a pair without others it is the longer one, or the one that comes first."""
    return characters > 1 or len(other) > 1 or other < one


def _text(listed: str) -> str:
    """The package leaves the marks in that the file of Unicode sets around right-to-left text."""
    return listed.replace("\u200e", "")
