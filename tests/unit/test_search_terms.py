"""What a text can be found by."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.search_terms import MAX_TERM_CHARS, make_document, text_terms, word_term
from app.core.search_words import PartKind, original_spans, split_text

SENDER = UUID(int=1)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=60)


def words(text: str) -> list[str]:
    return [part.folded for part in split_text(text)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Hello, World_2!", ["hello", "world", "2"]),
        ("don't", ["don", "t"]),
        ("ÉCOLE cafe\u0301 straße ŁÓDŹ Ærø", ["ecole", "cafe", "strasse", "lodz", "aero"]),
        ("Ёлка", ["елка"]),
        ("ΟΔΥΣΣΕΎΣ", ["οδυσσευσ"]),
        ("مُحَمَّد كـتاب", ["محمد", "كتاب"]),
        ("שָׁלוֹם", ["שלום"]),
        ("हिन्दी", ["हिन्दी"]),
        ("ｆｕｌｌ ﬁne ½", ["full", "fine", "1", "2"]),
        ("東京、大阪", ["東京", "大阪"]),
        ("がｶﾞか", ["がガか"]),
        ("한국어", ["한국어"]),
        ("\u1112\u1161\u11ab", ["한"]),  # jamo
        ("iPhone手机x", ["iphone", "手机", "x"]),
        ("so 👍🏽!", ["so", "👍"]),
        ("co\u00adoperate zero\u200bwidth", ["cooperate", "zerowidth"]),
        (" .,-_\n", []),
    ],
)
def test_a_text_is_cut_into_folded_parts(text: str, parts: list[str]) -> None:
    assert words(text) == parts


def test_each_character_of_a_run_begins_a_term() -> None:
    assert list(text_terms("東京都")) == ["cu67714eac", "cu4eac90fd", "cu90fd"]
    assert list(text_terms("京")) == ["cu4eac"]
    assert list(text_terms("𠀀京")) == ["cud840dc004eac", "cu4eac"]
    assert list(text_terms("Hi é")) == ["wahi", "wae"]
    assert list(text_terms("да")) == ["wu04340430"]
    assert list(text_terms("Zoo 6й zzй")) == ["wazzoo", "wa6zx0438", "wazzzzzx0438"]


@given(TEXTS)
def test_terms_are_short_ascii(text: str) -> None:
    for term in text_terms(text):
        assert 3 <= len(term) <= MAX_TERM_CHARS
        assert term.isascii()
        assert term.isalnum()
        assert term == term.lower()


@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=40), st.data())
def test_the_term_of_a_beginning_is_the_beginning_of_the_term(
    word: str, data: st.DataObject
) -> None:
    for part in split_text(word):
        if part.kind is not PartKind.RUN:
            end = data.draw(st.integers(1, len(part.folded)))
            assert word_term(part.folded).startswith(word_term(part.folded[:end]))


@given(TEXTS)
def test_every_folded_character_has_a_place_in_the_text(text: str) -> None:
    spans = original_spans(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert list(spans) == sorted(spans)
    for part in split_text(text):
        assert part.start + len(part.folded) <= len(spans)


@given(TEXTS, TEXTS)
def test_texts_with_a_space_between_have_the_terms_of_both(one: str, other: str) -> None:
    """So a text in ASCII, which is cut in another way, has the same terms beside another one."""
    both = list(text_terms(f"{one} {other}"))
    assert both == [*text_terms(one), *text_terms(other)]
    assert list(text_terms(f"{one} é"))[:-1] == list(text_terms(one))


@given(TEXTS)
def test_a_document_has_the_terms_of_its_text(text: str) -> None:
    document = make_document(SENDER, text, None)
    sender, _, terms = document[1:-1].partition("  ")
    assert sender.split()[0] == f"fr{SENDER.hex}"
    if len(" ".join(text_terms(text))) < 20 * len(text):
        assert terms.split() == list(text_terms(text))


def test_a_document_has_what_the_message_is_besides() -> None:
    user = UUID(int=2)
    details = (
        '{"poll":{"options":[{"text":"tea"},{"text":"coffee"}]},"pin":{},"thread":4,'
        f'"mentions":["{user}"],"forwarded":{{"text":"see http://x.org"}}}}'
    )
    document = make_document(SENDER, "one two", details)
    assert document == (
        f" fr{SENDER.hex} haslink haspoll ispinned isthread me{user.hex}  waone watwo  "
        "wasee wahttp wax waorg  watea  wacoffee "
    )
    assert make_document(SENDER, "", '{"deletion":{"by":"x"}}') == ""


@pytest.mark.parametrize("text", ["\ufdfa" * 4000, "漢" * 16_000, "а " * 8000, "\u0301" * 16_000])
def test_a_document_is_bounded(text: str) -> None:
    assert len(make_document(SENDER, text, None)) <= 20 * len(text) + 100
