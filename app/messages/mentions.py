"""The usernames that a text mentions."""

from app.wire.user_and_room_names import (
    MAX_NAME_CHARS,
    is_name_char,
    normalized_name,
    strip_trailing_punctuation,
)

MAX_MENTIONS = 50


def mentioned_keys(text: str) -> set[str]:
    """The keys of the usernames that the text may mention, at most 50.

    A name follows an @ that does not stand inside a word, as in an e-mail address, and reaches as
    far as a name can, but does not end in punctuation: "@ada." names ada. No name is longer than
    `MAX_NAME_CHARS`, and normalising thousands of marks takes quadratic time.
    """
    keys: set[str] = set()
    at = text.find("@")
    while at >= 0 and len(keys) < MAX_MENTIONS:
        end = at + 1
        while end < len(text) and is_name_char(text[end]):
            end += 1
        name = strip_trailing_punctuation(text[at + 1 : end])
        if 0 < len(name) <= MAX_NAME_CHARS and not _in_word(text, at):
            keys.add(normalized_name(name))
        at = text.find("@", end)
    return keys


def _in_word(text: str, at: int) -> bool:
    before = text[at - 1] if at else " "
    return before in "@_" or (before not in ".-" and is_name_char(before))
