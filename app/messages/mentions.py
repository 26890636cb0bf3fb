"""Whom a text names."""

import re

from app.core.names import name_key

# A name after an @ that does not stand inside a word, such as an e-mail address.
_NAMED = re.compile(r"(?<![\w@])@(\w[\w.-]*)")
MOST = 50


def mentioned_keys(text: str) -> set[str]:
    """The keys of the usernames that the text may mention, at most 50.

    A name may contain dots and dashes but does not end in one: "@ada." names ada.
    """
    if "@" not in text:
        return set()
    names = (match.rstrip(".-_") for match in _NAMED.findall(text))
    return set(list(dict.fromkeys(name_key(name) for name in names))[:MOST])
