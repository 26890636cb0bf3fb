"""The terms that a message is found by.

A term is 3 to 84 characters of ASCII, in small letters and digits, so that every database takes it
as one word. The first two say what it is:

- `wa` a word that begins in ASCII. Where it goes on otherwise, there are hexadecimal digits after
  `zx`, and for that a z is written as `zz`.
- `wu` another word, or a pictograph, in hexadecimal digits.
- `cu` two characters of a script without spaces, or the last one of a run of them.

A message also has terms for what it is besides its text (`MessageTrait`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import chain
from typing import Any
from uuid import UUID

import orjson

from app.core.search_words import PartKind, TextPart, find_ascii_words, split_text

MAX_TERM_CHARS = 84
# Of terms for each character of a text. Only few rare characters become many when they are folded:
# of a text of these, the end is not found.
MAX_CHARS_PER_CHAR = 20
_HEX_DIGITS = 4  # of a UTF-16 code unit
_WORD_CHARS = MAX_TERM_CHARS - 2
_LINK = re.compile(r"https?://[^\s/]", re.IGNORECASE)


class MessageTrait(StrEnum):
    """What a message can have or be besides what it says."""

    LINK = "haslink"
    POLL = "haspoll"
    PINNED = "ispinned"
    REPLY = "isthread"


_TRAIT_FIELDS = {
    "poll": MessageTrait.POLL,
    "pin": MessageTrait.PINNED,
    "thread": MessageTrait.REPLY,
}


def sender_term(user: UUID) -> str:
    return f"fr{user.hex}"


def mention_term(user: UUID) -> str:
    return f"me{user.hex}"


def make_document(sender: UUID, text: str, details: str | None) -> str:
    """All terms of a message, with spaces around each, in the order of its text; `details` is JSON
    of its further fields. Between two texts there is a space more. Nothing of a message that was
    deleted."""
    fields = orjson.loads(details) if details else {}
    if "deletion" in fields:
        return ""
    texts = list(_texts(text, fields))
    parts = [" ".join(_traits(sender, texts, fields)), *filter(None, map(_join_terms, texts))]
    return f" {'  '.join(parts)} "


def _texts(text: str, fields: Mapping[str, Any]) -> Iterator[str]:
    """Everything that a message says."""
    yield text
    if forwarded := fields.get("forwarded"):
        yield forwarded["text"]
    if poll := fields.get("poll"):
        for option in poll["options"]:
            yield option["text"]


def _join_terms(text: str) -> str:
    if text.isascii():  # most texts are: this takes a fifth of the time
        words = find_ascii_words(text.lower().replace("z", "zz"))
        if max(map(len, words), default=0) > _WORD_CHARS:
            words = [word[:_WORD_CHARS] for word in words]
        return "wa" + " wa".join(words) if words else ""
    terms, left = [], MAX_CHARS_PER_CHAR * len(text)
    for term in text_terms(text):
        left -= len(term) + 1
        if left < 0:
            break
        terms.append(term)
    return " ".join(terms)


def text_terms(text: str) -> Iterator[str]:
    return chain.from_iterable(map(part_terms, split_text(text)))


def part_terms(part: TextPart) -> list[str]:
    """One term for a word; one for each character of a run: with the next one, and the last one
    alone. So each character of a run begins a term."""
    if part.kind is not PartKind.RUN:
        return [word_term(part.folded)]
    digits = _hex(part.folded)
    if len(digits) == _HEX_DIGITS * len(part.folded):
        pairs = range(0, len(digits), _HEX_DIGITS)
        return [f"cu{digits[start : start + 2 * _HEX_DIGITS]}" for start in pairs]
    units = list(map(_hex, part.folded))
    return list(map("cu{}{}".format, units, (*units[1:], "")))


def word_term(word: str) -> str:
    """Of a word, or of the beginning of one: then it is the beginning of the word's term."""
    if word.isascii():
        return f"wa{word.replace('z', 'zz')[:_WORD_CHARS]}"
    word = word[:_WORD_CHARS]
    if not word[0].isascii():
        return f"wu{_hex(word)[: _WORD_CHARS // _HEX_DIGITS * _HEX_DIGITS]}"
    start = next(place for place, character in enumerate(word) if not character.isascii())
    letters = f"{word[:start].replace('z', 'zz')}zx{_hex(word[start:])}"
    return f"wa{letters[:_WORD_CHARS]}"


def run_start_term(character: str) -> str:
    """The beginning of all terms of a run that begin with this character."""
    return f"cu{_hex(character)}"


def _hex(text: str) -> str:
    return text.encode("utf-16-be", "surrogatepass").hex()


def _traits(sender: UUID, texts: Iterable[str], fields: Mapping[str, Any]) -> Iterator[str]:
    yield sender_term(sender)
    if any("://" in text and _LINK.search(text) for text in texts):
        yield MessageTrait.LINK
    for field, trait in _TRAIT_FIELDS.items():
        if field in fields:
            yield trait
    for user in fields.get("mentions", ()):
        yield mention_term(UUID(user))
