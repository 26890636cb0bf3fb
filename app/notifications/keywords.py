"""Words that notify a user wherever they are written."""

import re
from collections.abc import Iterable
from functools import lru_cache

# A character of a word, but of no script that is written without spaces.
_PART = (
    r"[^\W\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u3040-\u312f\u3400-\u9fff\uac00-\ud7af"
    r"\uf900-\ufaff]"
)


def contains_keyword(text: str, keywords: Iterable[str]) -> bool:
    """Whether the text has one of the keywords, without regard to case, and not inside a word."""
    folded = text.casefold()
    return any(_pattern(keyword).search(folded) for keyword in keywords)


@lru_cache(maxsize=1000)
def _pattern(keyword: str) -> re.Pattern[str]:
    folded = keyword.casefold()
    before = f"(?<!{_PART})" if re.match(_PART, folded) else ""
    after = f"(?!{_PART})" if re.match(_PART, folded[-1]) else ""
    return re.compile(before + re.escape(folded) + after)
