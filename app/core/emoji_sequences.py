"""The emoji that Unicode recommends for interchange (RGI, UTS 51)."""

from functools import cache

import emoji

_FULLY_QUALIFIED = 2  # the package's number
_VARIATION_SELECTOR = "\ufe0f"


def canonical_emoji(text: str) -> str | None:
    """The sequence in its fully qualified form; None: the text is not one emoji. Keyboards leave
    out variation selectors, and the same emoji must not count as two."""
    return _sequences().get(text.replace(_VARIATION_SELECTOR, ""))


@cache
def _sequences() -> dict[str, str]:
    """By the sequence without variation selectors."""
    return {
        sequence.replace(_VARIATION_SELECTOR, ""): sequence
        for sequence, entry in emoji.EMOJI_DATA.items()
        if entry["status"] <= _FULLY_QUALIFIED
    }
