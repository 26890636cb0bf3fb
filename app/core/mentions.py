"""The mentions in a text: `@name`, `@room`, `@here`.

A mention stands in text, not in code, block quotes, destinations of links and URLs.
markdown-it-py finds these. Most texts have no character that could begin one of them, and are
scanned as they are.
"""

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from confusable_homoglyphs.categories import alias
from markdown_it import MarkdownIt
from markdown_it.token import Token

from app.wire.user_and_room_names import (
    HERE_KEY,
    MAX_NAME_CHARS,
    ROOM_KEY,
    is_name_char,
    normalized_name,
    strip_trailing_punctuation,
)

MAX_MENTIONS = 50
MAX_ATS = 1000  # how many @ are looked at
MAX_KEYS = 200
# Blocks in blocks; mentions deeper inside are not found. A list has two levels, so five lists.
MAX_NESTING = 12
# Of parsing, in some microseconds: a line or a marker with a space may begin a block, and a bracket
# a link. Where the text has cost this much it is cut: what follows mentions nobody.
MAX_COST = 20_000
_COSTS = {"\n": 80, " ": 40, "\t": 40, ">": 40, "[": 40}
_OTHER_COST = 4

_COSTLY = re.compile(r"[-+*.)][ \t]|[\n\[\]<>`~\\!&*_#$%+\-:=^{}@]")
_MARKUP = re.compile(r"[`<>\[~\t]|\\@| {4}")
_ASCII_NAME = re.compile(r"[A-Za-z0-9._-]+")
_URL = re.compile(r"https?://[^\s<>]*", re.IGNORECASE)
_BLOCK_RULES = ["code", "fence", "blockquote", "hr", "list", "reference", "heading", "lheading"]
_INLINE_RULES = ["escape", "backticks", "link", "autolink"]
# Of scripts that are written without spaces, or append particles to names.
_UNSPACED = frozenset(
    {"BOPOMOFO", "HAN", "HANGUL", "HIRAGANA", "KATAKANA", "KHMER", "LAO", "MYANMAR", "THAI"}
)


class Mentions(NamedTuple):
    """`places` has the keys that each `@` may name, the longest first: in "@bobさん" the name is
    bob, unless there is a bobさん."""

    places: tuple[tuple[str, ...], ...] = ()
    room: bool = False
    here: bool = False

    @property
    def names(self) -> frozenset[str]:
        """The keys of all users and groups that the text may name."""
        return frozenset(key for keys in self.places for key in keys)

    def named(self, existing: Container[str]) -> set[str]:
        """The keys that the text names, of those that exist."""
        named = (next((key for key in keys if key in existing), None) for keys in self.places)
        return {key for key in named if key is not None}


NO_MENTIONS = Mentions()


@lru_cache(maxsize=256)  # a send asks twice: for who is online, and in its batch
def parse_mentions(text: str) -> Mentions:
    """Of the first 50 names, in less than 50 ms for a text of the greatest length.

    A name follows an @ that does not stand inside a word, as in an e-mail address, and reaches as
    far as a name can, but does not end in punctuation: "@ada." names ada. Letters of scripts
    without spaces may stand right before the @ and after the name.
    """
    if "@" not in text:
        return NO_MENTIONS
    return _scan(_plain_text(text) if _MARKUP.search(text) else text)


def _scan(text: str) -> Mentions:
    places: dict[tuple[str, ...], None] = {}
    keys_left, room, here = MAX_KEYS, False, False
    for keys in map(tuple, map(_keys, _names(_URL.sub(" ", text)))):
        if ROOM_KEY in keys:
            room = True
        elif HERE_KEY in keys:
            here = True
        elif keys:
            keys_left -= len(keys)
            if keys_left < 0:
                break
            places[keys] = None
    return Mentions(tuple(places), room, here)


def _names(text: str) -> Iterable[str]:
    """What could be a name after an @, up to 50 of them."""
    names: dict[str, None] = {}
    at = text.find("@")
    for _ in range(MAX_ATS):
        if at < 0 or len(names) == MAX_MENTIONS:
            break
        end = _end_of_name(text, at + 1)
        if end > at + 1 and not _is_in_word(text, at):
            names[text[at + 1 : end]] = None
        at = text.find("@", end)
    return names


def _end_of_name(text: str, at: int) -> int:
    while at < len(text) and is_name_char(text[at]):
        match = _ASCII_NAME.match(text, at)
        at = match.end() if match else at + 1
    return at


def _is_in_word(text: str, at: int) -> bool:
    """Underscores in front of it may emphasize it, and do not count."""
    while at and text[at - 1] == "_":
        at -= 1
    before = text[at - 1] if at else " "
    return before == "@" or (
        before not in ".-" and is_name_char(before) and not _is_unspaced(before)
    )


def _keys(name: str) -> Iterator[str]:
    """The keys of the longest name and of those that end before a letter of a script without
    spaces. Normalizing thousands of marks would take quadratic time, but names are short."""
    longest = strip_trailing_punctuation(name)
    if 0 < len(longest) <= MAX_NAME_CHARS:
        yield normalized_name(longest)
    for end in range(min(len(longest) - 1, MAX_NAME_CHARS), 0, -1):
        if _is_unspaced(longest[end]) and (shorter := strip_trailing_punctuation(longest[:end])):
            yield normalized_name(shorter)


def _is_unspaced(character: str) -> bool:
    return not character.isascii() and alias(character) in _UNSPACED


def _plain_text(text: str) -> str:
    """The text without code, quotes and destinations of links."""
    parts: list[str] = []
    quotes = 0
    for token in _parser().parse(_affordable(text)):
        if token.type in {"blockquote_open", "blockquote_close"}:
            quotes += token.nesting
        elif token.type == "inline" and not quotes:
            parts.extend(_plain_inline(token.children or ()))
            parts.append("\n")
    return "".join(parts)


def _plain_inline(tokens: Sequence[Token]) -> Iterator[str]:
    is_address = False
    for token in tokens:
        if token.markup == "autolink":
            is_address = token.nesting > 0
        is_escaped_at = token.type == "text_special" and token.content == "@"
        is_text = token.type in {"text", "text_special"} and not is_address and not is_escaped_at
        yield token.content if is_text else ("" if token.nesting else " ")


def _affordable(text: str) -> str:
    """As much of the text as can be parsed in `MAX_COST`."""
    cost = 0
    for match in _COSTLY.finditer(text):
        cost += _COSTS.get(match[0], _OTHER_COST)
        if cost > MAX_COST:
            return text[: match.start()]
    return text


class _Parser(MarkdownIt):
    """Destinations of links are not used: to normalize them would take most of the time."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 - a name of the library
        return True

    def normalizeLink(self, url: str) -> str:  # noqa: N802
        return url

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802
        return link


@cache
def _parser() -> _Parser:
    """With the rules that say where code, quotes and links are. Emphasis does not matter, and what
    stands in a table is found as in a paragraph."""
    parser = _Parser("zero", {"maxNesting": MAX_NESTING})
    parser.enable([*_BLOCK_RULES, *_INLINE_RULES])
    parser.inline.ruler2.disable(["balance_pairs", "fragments_join"])
    parser.core.ruler.enableOnly(["normalize", "block", "inline"])
    return parser
