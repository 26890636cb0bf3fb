"""How names are compared, and which text can be stored at all."""

import unicodedata


def name_key(name: str) -> str:
    """Two names are the same name when their keys are: NFKC, then case folded, then NFKC again
    (Unicode 3.13, toNFKC_Casefold without the ignorable code points)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def is_storable(text: str) -> bool:
    """No lone surrogate (it has no UTF-8 form) and no NUL (MySQL and C clients end there)."""
    if "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
