"""Characters of text: which of them can be stored, shared with others and seen."""

import re
import unicodedata

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


def is_storable(text: str) -> bool:
    """No lone surrogate (it has no UTF-8 form) and no NUL (MySQL and C clients end there)."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_invisible(character: str) -> bool:
    """A letter or mark that is not drawn."""
    return _INVISIBLE.match(character) is not None


def is_seen(text: str) -> bool:
    """Something of it can be seen: not only spaces, and what stands on or joins other letters."""
    return any(map(_is_drawn, text))


def _is_drawn(character: str) -> bool:
    """Unassigned ones count: a newer Unicode may know them, as most new emoji."""
    if _UNSEEN.match(character):
        return False
    category = unicodedata.category(character)
    return category[0] in "LNPS" or category in {"Cn", "Co"}
