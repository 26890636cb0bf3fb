"""The names of users and rooms: how they are compared, and which characters a username may have."""

import unicodedata

from confusable_homoglyphs.categories import alias

from app.wire.unicode_text import is_invisible

_INSIDE = "._-"
MAX_NAME_CHARS = 32
# `@room` and `@here` mention members of a room, so no new account has these names.
ROOM_KEY, HERE_KEY = "room", "here"
RESERVED_KEYS = frozenset({ROOM_KEY, HERE_KEY})
# What of `is_name` every engine of regular expressions can say: all of it for ASCII. Python's `re`
# has no \p{L}, and Rust's `regex`, on which generated clients of pydantic rest, no look-ahead.
_NO_NAME = r"\u0000-\u002C\u002F\u003A-\u0040\u005B-\u005E\u0060\u007B-\u007F"
NAME_PATTERN = rf"^[^{_NO_NAME}._\-]([^{_NO_NAME}]*[^{_NO_NAME}._\-])?$"


def normalized_name(name: str) -> str:
    """The form in which names are compared: NFKC, case folded, then NFKC again (Unicode 3.13,
    toNFKC_Casefold without the ignorable code points)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def is_name_char(character: str) -> bool:
    """It can stand in a username: a letter, mark (vowels, in many scripts) or decimal digit of any
    script, or one of . _ - between them. What `@name` finds goes on for as long as this is true."""
    return character in _INSIDE or _is_visible(character, "LMN")


def is_name(name: str) -> bool:
    """It can be a username: begins with a letter or digit, and does not end in punctuation."""
    return (
        all(map(is_name_char, name))
        and _is_visible(name[:1], "LN")
        and name == strip_trailing_punctuation(name)
    )


def _is_visible(character: str, kinds: str) -> bool:
    """One character of these kinds: L(etter), M(ark), decimal N(umber)."""
    if not character or is_invisible(character):
        return False
    category = unicodedata.category(character)
    return category[0] in kinds and category not in {"Nl", "No"}


def strip_trailing_punctuation(name: str) -> str:
    """Without the punctuation that ends a sentence rather than a name."""
    return name.rstrip(_INSIDE)


# The scripts that one name may mix (UTS 39, 5.2, "Highly Restrictive"), as Unicode names them.
_MIXED_SCRIPTS = (
    {"LATIN", "HAN", "HIRAGANA", "KATAKANA"},
    {"LATIN", "HAN", "BOPOMOFO"},
    {"LATIN", "HAN", "HANGUL"},
)
_ANY_SCRIPT = {"COMMON", "INHERITED"}


def is_single_script(name: str) -> bool:
    """Its letters are of one script, or of several that are written together in East Asia, and its
    digits of one kind."""
    scripts = {alias(character) for character in name} - _ANY_SCRIPT
    digits = {ord(c) - unicodedata.decimal(c) for c in name if c.isdecimal()}
    is_single = len(scripts) < 2 or any(scripts <= mixed for mixed in _MIXED_SCRIPTS)
    return is_single and len(digits) < 2
