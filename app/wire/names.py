"""Rules for the names of users and rooms: how they are compared, and which characters they may
have. Also which text can be stored."""

import re
import unicodedata

from confusable_homoglyphs.categories import alias

# Invisible letters and marks (Unicode's Default_Ignorable_Code_Point): a name with one of
# them would look like the name without.
_INVISIBLE_CLASS = (
    r"\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef"
)
_INVISIBLE = re.compile(f"[{_INVISIBLE_CLASS}]")
# Invisible as well: U+2800 is a blank, the rest is ignorable without being assigned yet.
_UNSEEN = re.compile(f"[{_INVISIBLE_CLASS}\u2800\u2065\ufff0-\ufff8\U000e0000-\U000e0fff]")
# Characters that change the direction of the text around them (UAX 9).
BIDI_CLASS = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
# Private-use code points and noncharacters; the second class has those beyond 16 bits, which
# regular expressions of JSON Schema cannot name.
_UNSHARED_CLASS = r"\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff"
ASTRAL_UNSHARED_CLASS = "\U000f0000-\U0010ffff" + "".join(
    chr(plane << 16 | end) for plane in range(1, 15) for end in (0xFFFE, 0xFFFF)
)
# Classes of code points that one line of text cannot contain, and that several lines cannot.
LINE_CLASS = rf"\u0000-\u001f\u007f-\u009f\u2028\u2029{BIDI_CLASS}{_UNSHARED_CLASS}"
LINES_CLASS = rf"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f{BIDI_CLASS}"
_INSIDE = "._-"
MAX_NAME_CHARS = 32
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
    if not character or _INVISIBLE.match(character):
        return False
    category = unicodedata.category(character)
    return category[0] in kinds and category not in {"Nl", "No"}


def is_seen(text: str) -> bool:
    """Something of it can be seen: not only spaces, and what stands on or joins other letters."""
    return any(map(_is_drawn, text))


def _is_drawn(character: str) -> bool:
    """Unassigned ones count: a newer Unicode may know them, as most new emoji."""
    if _UNSEEN.match(character):
        return False
    category = unicodedata.category(character)
    return category[0] in "LNPS" or category in {"Cn", "Co"}


def strip_trailing_punctuation(name: str) -> str:
    """Without the punctuation that ends a sentence rather than a name."""
    return name.rstrip(_INSIDE)


def is_storable(text: str) -> bool:
    """No lone surrogate (it has no UTF-8 form) and no NUL (MySQL and C clients end there)."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


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
