"""Usernames that look alike (UTS 39), by the Unicode 15.1 tables of `confusable-homoglyphs`.

The functions of that package compare a text with scripts, not two texts, so only its tables are
used.
"""

import unicodedata
from functools import cache
from importlib.resources import files

import orjson

SKELETON_CHARS = 100


def skeleton(key: str) -> str:
    """Two names look alike if their keys (`normalized_name`) have the same skeleton (UTS 39, 4)."""
    prototypes = _load_prototypes()
    decomposed = unicodedata.normalize("NFD", key)
    mapped = "".join(prototypes.get(character, character) for character in decomposed)
    return unicodedata.normalize("NFD", mapped)[:SKELETON_CHARS]


@cache
def _load_prototypes() -> dict[str, str]:
    """The prototype of each character that has one. The package lists both directions: the
    prototype of a character, and all characters of a prototype."""
    tables = orjson.loads(files("confusable_homoglyphs").joinpath("confusables.json").read_bytes())
    lookalikes = {
        _strip_marks(text): [_strip_marks(entry["c"]) for entry in entries]
        for text, entries in tables.items()
    }
    return {
        character: prototypes[0]
        for character, prototypes in lookalikes.items()
        if len(character) == len(prototypes) == 1
        and _is_prototype(prototypes[0], character, len(lookalikes[prototypes[0]]))
    }


def _is_prototype(candidate: str, character: str, characters: int) -> bool:
    """Whether `candidate`, listed with so many `characters`, is the prototype. In a pair, it is the
    longer text, or the first in code point order."""
    return characters > 1 or len(candidate) > 1 or candidate < character


def _strip_marks(text: str) -> str:
    """Removes the marks that Unicode's file sets around right-to-left text."""
    return text.replace("\u200e", "")
