"""Where a text has what was searched for."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from app.core.search_terms import part_terms, word_term
from app.core.search_words import PartKind, TextPart, original_spans, split_text
from app.persistence.search.criteria import Pattern

MAX_HIGHLIGHTS = 100  # of one text
# Of the texts of one page: characters that are looked at, and terms that are compared.
MAX_CHARS, MAX_COMPARED = 8_000, 16_000


class Highlight(NamedTuple):
    start: int
    end: int


# A term of a text, and where what it stands for begins and ends in the folded text.
Term = tuple[str, int, int]


class Highlighter:
    """Finds the parts of texts that match, as far as the texts of one page are looked at."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._chars_left, self._compared_left = MAX_CHARS, MAX_COMPARED
        self._by_first: dict[str, list[Pattern]] = {}
        starts: list[str] = []  # of patterns that are the beginning of one term
        for pattern in patterns:
            if len(pattern.terms) == 1 and pattern.prefix:
                starts.append(pattern.terms[0])
            else:
                self._by_first.setdefault(pattern.terms[0], []).append(pattern)
        self._starts = tuple(starts)

    def highlight(self, text: str) -> list[Highlight]:
        """In order; those that touch are one."""
        text = text[: self._chars_left]
        self._chars_left -= len(text)
        terms = _locate_terms(split_text(text))
        spans = original_spans(text)
        highlights: list[Highlight] = []
        for start, end in sorted(self._matches(terms)):
            first, last = spans[start][0], spans[end - 1][1]
            if highlights and first <= highlights[-1].end:
                highlights[-1] = Highlight(highlights[-1].start, max(last, highlights[-1].end))
            elif len(highlights) == MAX_HIGHLIGHTS:
                break
            else:
                highlights.append(Highlight(first, last))
        return highlights

    def _matches(self, terms: Sequence[Term]) -> Iterator[tuple[int, int]]:
        """Where matches begin and end in the folded text."""
        for place, (term, start, end) in enumerate(terms):
            if term.startswith(self._starts):
                yield start, start + 1 if term.startswith("cu") else end
            for pattern in self._by_first.get(term, ()):
                self._compared_left -= len(pattern.terms)
                if self._compared_left < 0:
                    return
                last = place + len(pattern.terms) - 1
                if len(pattern.terms) == 1:  # a whole one, which is the same
                    yield start, end
                elif last < len(terms) and _has(terms[place : last + 1], pattern):
                    last_term, last_start, last_end = terms[last]
                    is_character = pattern.prefix and last_term.startswith("cu")
                    yield start, last_start + 1 if is_character else last_end


def _locate_terms(parts: Iterable[TextPart]) -> list[Term]:
    located: list[Term] = []
    for kind, folded, start in parts:
        end = start + len(folded)
        if kind is PartKind.RUN:
            terms = part_terms(TextPart(kind, folded, start))
            located += [
                (term, place, min(place + 2, end)) for place, term in enumerate(terms, start)
            ]
        else:
            located.append((word_term(folded), start, end))
    return located


def _has(terms: Sequence[Term], pattern: Pattern) -> bool:
    *before, last = (term for term, *_ in terms)
    return tuple(before) == pattern.terms[:-1] and (
        last.startswith(pattern.terms[-1]) if pattern.prefix else last == pattern.terms[-1]
    )
