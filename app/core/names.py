"""How names are compared, what can be one, and which text can be stored at all."""

import re
import unicodedata

# Letters and marks that nobody sees (Unicode's Default_Ignorable_Code_Point): a name with one of
# them would look like the name without.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_INSIDE = "._-"


def name_key(name: str) -> str:
    """Two names are the same name when their keys are: NFKC, then case folded, then NFKC again
    (Unicode 3.13, toNFKC_Casefold without the ignorable code points)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def in_name(character: str) -> bool:
    """It can stand in a username: a letter, digit or mark (vowels, in many scripts) of any script,
    or one of . _ - between them. What `@name` finds goes on for as long as this is true."""
    if character in _INSIDE:
        return True
    is_letter = character.isalnum() or unicodedata.category(character).startswith("M")
    return is_letter and not _INVISIBLE.match(character)


def is_name(name: str) -> bool:
    """It can be a username, as it is written and as it is compared: begins with a letter or digit,
    and does not end in punctuation."""
    return all(
        all(map(in_name, form)) and form[:1].isalnum() and form == bare_name(form)
        for form in (name, name_key(name))
    )


def bare_name(name: str) -> str:
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
