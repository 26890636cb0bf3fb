"""Names: equality, validity, look-alikes and mentions."""

import re
import unicodedata

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.core.lookalikes import SKELETON_CHARS, skeleton
from app.wire.unicode_text import is_storable
from app.wire.user_and_room_names import NAME_PATTERN, is_name, is_single_script, normalized_name
from app.wire.validation import RoomName, Text, Topic, Username

USERNAME: TypeAdapter[str] = TypeAdapter(Username)
TEXTS: TypeAdapter[str] = TypeAdapter(Text)
TITLES, TOPICS = (TypeAdapter[str](kind) for kind in (RoomName, Topic))
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
def test_normalizing_a_name_is_idempotent(text: str) -> None:
    assert normalized_name(normalized_name(text)) == normalized_name(text)


@given(TEXT)
def test_unicode_forms_of_a_name_normalize_equally(text: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert normalized_name(unicodedata.normalize(form, text)) == normalized_name(text)
    assert normalized_name(text.casefold()) == normalized_name(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ada", "ADA"), ("ﬁ", "FI"), ("ß", "ss"), ("ａ", "A"), ("Å", "Å"), ("ｶﾞ", "ガ")],
)
def test_equal_names_normalize_equally(one: str, other: str) -> None:
    assert normalized_name(one) == normalized_name(other)


@pytest.mark.parametrize(("one", "other"), [("ada", "аda"), ("o", "0"), ("é", "e"), ("a.b", "ab")])
def test_different_names_normalize_differently(one: str, other: str) -> None:
    """Look-alikes of other scripts have different keys; `skeleton` compares them."""
    assert normalized_name(one) != normalized_name(other)


@given(st.text(min_size=2, max_size=32))
def test_the_normalized_username_has_a_limited_length(name: str) -> None:
    fits = is_name(name) and len(normalized_name(name)) <= 64 and is_single_script(name)
    try:
        assert USERNAME.validate_python(name) == name
    except ValidationError:
        assert not fits
    else:
        assert fits


@given(st.text(), st.sampled_from(["\0", "\ud800", "\udfff"]))
def test_nul_and_lone_surrogates_are_not_storable(text: str, wrong: str) -> None:
    assert is_storable(text.replace("\0", ""))
    assert not is_storable(text + wrong + text)


@given(st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=6) | NAMES)
def test_the_schema_pattern_accepts_valid_usernames(name: str) -> None:
    """Beyond ASCII only the function decides."""
    documented = jsonschema_rs.validator_for({"type": "string", "pattern": NAME_PATTERN})
    assert documented.is_valid(name) or not is_name(name)


@given(st.text(st.characters(codec="ascii"), max_size=6))
def test_the_schema_pattern_is_exact_for_ascii_usernames(name: str) -> None:
    documented = jsonschema_rs.validator_for({"type": "string", "pattern": NAME_PATTERN})
    assert documented.is_valid(name) == is_name(name)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6))
def test_the_schema_pattern_of_texts_equals_the_validation(text: str) -> None:
    documented = jsonschema_rs.validator_for(TEXTS.json_schema())
    try:
        TEXTS.validate_python(text)
    except ValidationError:
        assert not documented.is_valid(text)
    else:
        assert documented.is_valid(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada", "аdа"),  # Cyrillic
        ("scope", "ѕсоре"),  # all of it
        ("ada", "ɑdɑ"),  # Latin alpha
        ("omicron", "οmicrοn"),  # Greek
        ("modern", "modem"),
        ("user1", "userl"),
        ("сор", "cop"),
        ("ёж", "ëж"),
        ("한", "\u1112\u1161\u11ab"),
        ("a-b", "a‐b"),
    ],
)
def test_lookalike_usernames_have_the_same_skeleton(one: str, other: str) -> None:
    assert skeleton(normalized_name(one)) == skeleton(normalized_name(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [("ada", "bob"), ("ada", "adа1"), ("a.b", "ab"), ("é", "e"), ("アリ", "ァリ"), ("u10", "u100")],
)
def test_different_looking_usernames_have_different_skeletons(one: str, other: str) -> None:
    assert skeleton(normalized_name(one)) != skeleton(normalized_name(other))


def test_usernames_with_different_digits_do_not_look_alike() -> None:
    """Otherwise some accounts of a numbered series could not be registered."""
    assert len({skeleton(f"user{number}") for number in range(1000)}) == 1000


@given(TEXT)
def test_every_text_has_one_skeleton(text: str) -> None:
    key = normalized_name(text)
    assert skeleton(key) == skeleton(unicodedata.normalize("NFD", key))
    assert len(skeleton(key * 40)) <= SKELETON_CHARS
    assert is_storable(skeleton(key)) is is_storable(key)


@pytest.mark.parametrize(
    "name",
    [
        "ada",
        "аня",
        "日本taro",
        "한글kim",
        "ㄅab字",
        "ไทย",
        "हिन्दी",
        "ელენე",
        "ありがとカー",
        "ｱﾘ",
        "๑๒",
        "Ὀδυσσεύς",
        "a1.2-3_4",
        "٣٤",
        "ﷺ",
        "שרה",
        "நான்",
        "ខ្មែរ",
        "é\u0301",
        "ø",
    ],
)
def test_usernames_of_one_script_are_accepted(name: str) -> None:
    assert is_single_script(name)


@pytest.mark.parametrize(
    "name", ["аda", "adа", "eλ", "ไทยda", "日本аня", "한글かな", "アㄅ", "a1٢", "١۲", "ꓐob", "Ꭺda"]
)
def test_usernames_of_mixed_scripts_are_refused(name: str) -> None:
    assert not is_single_script(name)
    with pytest.raises(ValidationError):
        USERNAME.validate_python(name)


SEEN = [
    "Ada",
    "Ada Lovelace",
    "👩‍👩‍👧‍👦",  # joined
    "🏳️‍🌈",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # England
    "❤️",
    "\U0001fae8",  # of a Unicode that Python 3.11 does not know
    "می‌خواهم",  # ZWNJ
    "ක්‍රි",  # ZWJ
    "नमस्ते क्‍ष",
    "مُحَمَّد",
    "שָׁלוֹם",
    "کتاب‌ها",
    "ภาษาไทย",
    "e\u0301",
    "-",
    "№ 1",
    "ភាសា\u200bខ្មែរ",
]


@pytest.mark.parametrize("name", SEEN, ids=ascii)
def test_room_names_of_all_scripts_are_accepted(name: str) -> None:
    assert TITLES.validate_python(f" {name}\u3000") == name
    assert TOPICS.validate_python(name) == name


UNSEEN = [
    "\u200b",
    "\u3164",
    "\u2800",
    "\u0301",
    "\ufe0f",
    "\u200d",
    "\u00ad",
    "\u034f",
    "\uffa0",
    "\u115f\u1160",
    "\u17b4",
    "\u180b",
    "\u2060",
    "\ufeff",
    "\U000e0101",
    "\U000e0067",
    "\u200b\u0301\u3164 \u2003",
    "\u20dd",
    "\U000e0fff",
]


@pytest.mark.parametrize("name", ["", " ", "\u00a0", "\u3000", *UNSEEN], ids=ascii)
def test_an_invisible_room_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        TITLES.validate_python(name)


TURNING = [
    chr(code) for code in (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
]
CONTROLS = [chr(code) for code in (*range(1, 9), 11, 12, *range(14, 32), *range(127, 160))]
PRIVATE = ["\ue000", "\uf8ff", "\U000f0000", "\U0010fffd"]
NONCHARACTERS = ["\ufdd0", "\ufdef", "\ufffe", "\uffff", "\U0001fffe", "\U000effff", "\U0010ffff"]


@pytest.mark.parametrize(
    "bad",
    [*CONTROLS, *TURNING, *PRIVATE, *NONCHARACTERS, "\n", "\r", "\t", "\u2028", "\u2029"],
    ids=ascii,
)
def test_room_names_have_no_line_breaks_or_direction_controls(bad: str) -> None:
    for title in (f"Ada{bad}Lovelace", f"{bad}Ada", f"Ada{bad}"):
        with pytest.raises(ValidationError, match=rf"U\+{ord(bad):04X}"):
            TITLES.validate_python(title)


def test_topics_have_line_breaks_but_no_control_characters() -> None:
    for topic in ("", "one\ntwo\r\n\tthree", " "):
        assert TOPICS.validate_python(topic) == topic
    for bad in (*CONTROLS, *TURNING):
        with pytest.raises(ValidationError, match=rf"U\+{ord(bad):04X}"):
            TOPICS.validate_python(f"a{bad}")


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(TURNING), max_size=6))
def test_the_schema_pattern_refuses_no_valid_room_name(name: str) -> None:
    """It accepts no invalid name either, except for invisible names, and for private characters and
    noncharacters beyond 16 bits."""
    for kind in (TITLES, TOPICS):
        documented = jsonschema_rs.validator_for(kind.json_schema())
        try:
            kind.validate_python(name)
        except ValidationError:
            error = str(_error(kind, name))
            if kind is TOPICS or not re.search(r"seen|U\+[0-9A-F]{5}", error):
                assert not documented.is_valid(name)
        else:
            assert documented.is_valid(name)


def _error(kind: TypeAdapter[str], name: str) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        kind.validate_python(name)
    return caught.value
