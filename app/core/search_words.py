"""Cuts a text into what can be searched for: words, and runs of scripts that are written without
spaces.

Text is folded first: NFKC, case, diacritics. Every part remembers its place in the text as it was
written, for highlights. It takes time in proportion to the length of the text.
"""

import re
import unicodedata
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

MAX_MARKS = 16  # after one character; to normalize thousands would take quadratic time

_ASCII_WORD = re.compile(r"[a-z0-9]+")
# Marks that are left out: of Latin, Greek and Cyrillic letters, vowels of Hebrew and Arabic.
_DIACRITICS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u1ab0-\u1aff"
    "\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
)
# What is there to join or stretch letters: soft hyphen, tatweel, joiners, selectors.
_FORMATS = "\u00ad\u0640\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff"
_LEFT_OUT = re.compile(f"[{_DIACRITICS}{_FORMATS}]+")
# A character with what may change it when both are normalized: marks, jamo, marks of kana.
_CHUNK = re.compile(
    f".[{_DIACRITICS}{_FORMATS}\u1160-\u11ff\u3099\u309a\uff9e\uff9f]{{0,{MAX_MARKS}}}", re.DOTALL
)
# Letters that are no letter with a mark in Unicode, but to those who search.
_PLAIN_LETTERS = str.maketrans(
    {
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "\u0131": "i",
        "ł": "l",
        "ŧ": "t",
        "æ": "ae",
        "œ": "oe",
    }
)
# Han, kana, bopomofo, Hangul, Thai, Lao, Myanmar, Khmer.
_UNSPACED = re.compile(
    "[\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff"
    "\u3100-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u1100-\u11ff"
    "\ua960-\ua97f\uac00-\ud7ff\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1780-\u17d3"
    "\U00020000-\U0003ffff]"
)


# Of each folded character: what it is a part of.
_WORD, _RUN, _SYMBOL, _BETWEEN = "wrs "
_PARTS = re.compile(f"{_WORD}+|{_RUN}+|{_SYMBOL}")


class PartKind(Enum):
    WORD = _WORD  # letters and digits
    RUN = _RUN  # characters of a script without spaces
    SYMBOL = _SYMBOL  # an emoji or another pictograph


class TextPart(NamedTuple):
    """`start` is the place in the folded text."""

    kind: PartKind
    folded: str
    start: int


def split_text(text: str) -> list[TextPart]:
    """The parts of a text, in order. What is between them, such as spaces and punctuation, cannot
    be searched for."""
    if text.isascii():
        matches = _ASCII_WORD.finditer(text.lower())
        return [TextPart(PartKind.WORD, match[0], match.start()) for match in matches]
    folded = "".join(map(_fold, _CHUNK.findall(text)))
    kinds = "".join(map(_kind, folded))
    return [
        TextPart(_KINDS[match[0][0]], folded[match.start() : match.end()], match.start())
        for match in _PARTS.finditer(kinds)
    ]


def find_ascii_words(text: str) -> list[str]:
    """The words of a text in ASCII and small letters."""
    return _ASCII_WORD.findall(text)


def fold_words(text: str) -> str:
    """The folded words of a text with one space around each; so is each character of a script
    without spaces, and each pictograph."""
    if text.isascii():
        return f" {' '.join(find_ascii_words(text.lower()))} "
    spaced = "".join(map(_space_chunk, _CHUNK.findall(text)))
    return f" {' '.join(spaced.split())} "


def original_spans(text: str) -> Sequence[tuple[int, int]]:
    """For each character of the folded text, where what it was made of begins and ends."""
    if text.isascii():
        return [(start, start + 1) for start in range(len(text))]
    return [chunk.span() for chunk in _CHUNK.finditer(text) for _ in _fold(chunk[0])]


_KINDS = {kind.value: kind for kind in PartKind}


@lru_cache(maxsize=20_000)
def _fold(chunk: str) -> str:
    """A character without its case and diacritics; often one, sometimes several or none."""
    if chunk.isascii():
        return chunk.lower()
    folded = unicodedata.normalize("NFKC", chunk).casefold()
    folded = _LEFT_OUT.sub("", unicodedata.normalize("NFKD", folded))
    return unicodedata.normalize("NFKC", folded).translate(_PLAIN_LETTERS)


@lru_cache(maxsize=20_000)
def _space_chunk(chunk: str) -> str:
    """A folded character; spaces around it if it is no part of a word, or instead of what cannot be
    searched for."""
    spaced = []
    for character in _fold(chunk):
        kind = _kind(character)
        apart = " " if kind == _BETWEEN else f" {character} "
        spaced.append(character if kind == _WORD else apart)
    return "".join(spaced)


@lru_cache(maxsize=20_000)
def _kind(character: str) -> str:
    if _UNSPACED.fullmatch(character):
        return _RUN
    if character.isalnum():
        return _WORD
    category = unicodedata.category(character)
    if category[0] == "M":
        return _WORD
    return _SYMBOL if category == "So" else _BETWEEN
