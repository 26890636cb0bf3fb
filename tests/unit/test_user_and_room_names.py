"""Names: which are the same, which can be one, and which a text mentions."""

import re
import unicodedata

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.core.lookalikes import SKELETON_CHARS, skeleton
from app.messages.mentions import MAX_MENTIONS, mentioned_keys
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
def test_a_key_is_its_own_key(text: str) -> None:
    assert normalized_name(normalized_name(text)) == normalized_name(text)


@given(TEXT)
def test_no_spelling_has_another_key(text: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert normalized_name(unicodedata.normalize(form, text)) == normalized_name(text)
    assert normalized_name(text.casefold()) == normalized_name(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ada", "ADA"), ("ﬁ", "FI"), ("ß", "ss"), ("ａ", "A"), ("Å", "Å"), ("ｶﾞ", "ガ")],
)
def test_the_same_name(one: str, other: str) -> None:
    assert normalized_name(one) == normalized_name(other)


@pytest.mark.parametrize(("one", "other"), [("ada", "аda"), ("o", "0"), ("é", "e"), ("a.b", "ab")])
def test_not_the_same_name(one: str, other: str) -> None:
    """Look-alikes of other scripts have keys of their own; for those there is `skeleton`."""
    assert normalized_name(one) != normalized_name(other)


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
        assert normalized_name(name) in mentioned_keys(text), text


@given(NAMES)
def test_a_name_inside_a_word_is_no_mention(name: str) -> None:
    for text in (f"x@{name}", f"ada.l@{name}", f"é@{name}", f"字@{name}", f"@@{name}", name):
        assert normalized_name(name) not in mentioned_keys(text), text


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
    assert len(mentioned_keys(" ".join(f"@u{number}" for number in range(200)))) == MAX_MENTIONS
    assert mentioned_keys("@" * 4000) == set()
    assert mentioned_keys("@" + "a" * 32) == {"a" * 32}
    assert mentioned_keys("@" + "a" * 33) == mentioned_keys("@" + "a" * 3999) == set()


@given(st.text(min_size=2, max_size=32))
def test_a_username_is_a_name_whose_key_fits(name: str) -> None:
    fits = is_name(name) and len(normalized_name(name)) <= 64 and is_single_script(name)
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
def test_names_that_look_alike(one: str, other: str) -> None:
    assert skeleton(normalized_name(one)) == skeleton(normalized_name(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [("ada", "bob"), ("ada", "adа1"), ("a.b", "ab"), ("é", "e"), ("アリ", "ァリ"), ("u10", "u100")],
)
def test_names_that_do_not_look_alike(one: str, other: str) -> None:
    assert skeleton(normalized_name(one)) != skeleton(normalized_name(other))


def test_numbers_make_names_different() -> None:
    """Were two digits alike, of a series of accounts some could not be made."""
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
def test_names_of_one_script(name: str) -> None:
    assert is_single_script(name)


@pytest.mark.parametrize(
    "name", ["аda", "adа", "eλ", "ไทยda", "日本аня", "한글かな", "アㄅ", "a1٢", "١۲", "ꓐob", "Ꭺda"]
)
def test_names_of_scripts_that_do_not_belong_together(name: str) -> None:
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
def test_titles_of_all_kinds(name: str) -> None:
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
def test_a_title_can_be_seen(name: str) -> None:
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
def test_a_title_is_one_line_in_one_direction(bad: str) -> None:
    for title in (f"Ada{bad}Lovelace", f"{bad}Ada", f"Ada{bad}"):
        with pytest.raises(ValidationError, match=rf"U\+{ord(bad):04X}"):
            TITLES.validate_python(title)


def test_a_topic_has_lines_and_no_controls() -> None:
    for topic in ("", "one\ntwo\r\n\tthree", " "):
        assert TOPICS.validate_python(topic) == topic
    for bad in (*CONTROLS, *TURNING):
        with pytest.raises(ValidationError, match=rf"U\+{ord(bad):04X}"):
            TOPICS.validate_python(f"a{bad}")


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(TURNING), max_size=6))
def test_the_document_refuses_no_title_that_is_accepted(name: str) -> None:
    """And it accepts none that is refused, except for names without anything visible, and for
    private characters and noncharacters beyond 16 bits."""
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
