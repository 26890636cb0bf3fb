"""Names: which are the same, which can be one, and which a text mentions."""

import unicodedata

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.core.fields import Text, Username
from app.core.names import NAME_PATTERN, is_name, is_storable, name_key
from app.messages.mentions import MOST, mentioned_keys

USERNAME: TypeAdapter[str] = TypeAdapter(Username)
TEXTS: TypeAdapter[str] = TypeAdapter(Text)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NAMES = st.text(
    st.one_of(
        st.sampled_from("abzABZ09._-éßİıſﬁ字カﾊﾞｱहिंदीไทยﷺ"),
        st.characters(categories=["L", "M", "N"]),
    ),
    min_size=2,
    max_size=32,
).filter(is_name)


@given(TEXT)
def test_a_key_is_its_own_key(text: str) -> None:
    assert name_key(name_key(text)) == name_key(text)


@given(TEXT)
def test_no_spelling_has_another_key(text: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert name_key(unicodedata.normalize(form, text)) == name_key(text)
    assert name_key(text.casefold()) == name_key(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ada", "ADA"), ("ﬁ", "FI"), ("ß", "ss"), ("ａ", "A"), ("Å", "Å"), ("ｶﾞ", "ガ")],
)
def test_the_same_name(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(("one", "other"), [("ada", "аda"), ("o", "0"), ("é", "e"), ("a.b", "ab")])
def test_not_the_same_name(one: str, other: str) -> None:
    """Neither are look-alikes of other scripts: no table of those is complete."""
    assert name_key(one) != name_key(other)


@given(NAMES)
def test_whoever_can_have_a_name_can_be_mentioned_by_it(name: str) -> None:
    for text in (
        f"@{name}",
        f"hello @{name}",
        f"(@{name})",
        f"@{name}, hello",
        f"Yes, @{name}.",
        f"@{name}…",
        f"@{name}@",
        f"\n@{name}\n",
        f"@{name}'s",
        f"-@{name}",
        f"x @@ @{name}",
    ):
        assert name_key(name) in mentioned_keys(text), text


@given(NAMES)
def test_a_name_inside_a_word_is_no_mention(name: str) -> None:
    for text in (f"x@{name}", f"ada.l@{name}", f"é@{name}", f"字@{name}", f"@@{name}", name):
        assert name_key(name) not in mentioned_keys(text), text


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", set()),
        ("@", set()),
        ("@ @. @- @_ @@", set()),
        ("mail ada@example.org", set()),
        ("@ada and @bob", {"ada", "bob"}),
        ("@ada@bob", {"ada"}),
        ("@Ada @ADA @ａｄａ", {"ada"}),
        ("@ada.lovelace.", {"ada.lovelace"}),
        ("@ada...", {"ada"}),
        ("@o'brien", {"o"}),
        ("@हिन्दी है", {"हिन्दी"}),
        ("@ada/@bob", {"ada", "bob"}),
        ("@ada\u200bx", {"ada"}),
    ],
)
def test_mentions(text: str, keys: set[str]) -> None:
    assert mentioned_keys(text) == keys


def test_mentions_have_a_limit() -> None:
    assert len(mentioned_keys(" ".join(f"@u{number}" for number in range(200)))) == MOST
    assert mentioned_keys("@" * 4000) == set()
    assert mentioned_keys("@" + "a" * 3999) == {"a" * 3999}


@given(st.text(min_size=2, max_size=32))
def test_a_username_is_a_name_whose_key_fits(name: str) -> None:
    fits = is_name(name) and len(name_key(name)) <= 64
    try:
        assert USERNAME.validate_python(name) == name
    except ValidationError:
        assert not fits
    else:
        assert fits


@given(st.text(), st.sampled_from(["\0", "\ud800", "\udfff"]))
def test_what_cannot_be_stored(text: str, wrong: str) -> None:
    assert is_storable(text.replace("\0", ""))
    assert not is_storable(text + wrong + text)


@given(st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=6) | NAMES)
def test_the_document_says_the_same_about_names(name: str) -> None:
    """No name is refused by the pattern; beyond ASCII only the function decides."""
    documented = jsonschema_rs.validator_for({"type": "string", "pattern": NAME_PATTERN})
    assert documented.is_valid(name) or not is_name(name)


@given(st.text(st.characters(codec="ascii"), max_size=6))
def test_of_ascii_the_document_says_all_about_names(name: str) -> None:
    documented = jsonschema_rs.validator_for({"type": "string", "pattern": NAME_PATTERN})
    assert documented.is_valid(name) == is_name(name)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6))
def test_the_document_says_the_same_about_texts(text: str) -> None:
    documented = jsonschema_rs.validator_for(TEXTS.json_schema())
    try:
        TEXTS.validate_python(text)
    except ValidationError:
        assert not documented.is_valid(text)
    else:
        assert documented.is_valid(text)
