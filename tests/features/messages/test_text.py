"""Text is returned exactly as it was sent."""

import httpx
import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.people import Person

TEXTS = {
    "emoji": "👋🏽 🎉 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𒀀",
    "joined": "👩‍👩‍👧‍👦 🏳️‍🌈 👨🏿‍🚀 ❤️",
    "flags": "🇺🇦🇯🇵🏴󠁧󠁢󠁳󠁣󠁴󠁿",
    "right to left": "שלום \u202eabc\u202c مرحبا \u200fאבג\u200e 123",
    "combining": "e\u0301 Z̸̧͝a̷l̸g̶o̵ กำ ที่ नमस्ते",
    "composed": "é ﬁ Å Å Ω ½ ①",
    "decomposed": "e\u0301 A\u030a \u1112\u1161\u11ab",
    "CJK": "天気がいいから、散歩しましょう。今天天氣真好 안녕하세요 𠮷野家",
    "lines": "a\r\nb\rc\n\nd\u2028e\u2029f\x0bg\x0ch\x85i",
    "spaces": "  \t leading and trailing \u00a0\u3000 ",
    "zero width": "a\u200bb\u200cc\u200dd\ufeffe\u00adf\u2060g",
    "byte order mark": "\ufefftext",
    "control": "\x01\x02\x07\x08\x1b[31mred\x1b[0m\x7f\x80\x9f",
    "noncharacters": "\uffff\ufffe\U0001ffff \ufdd0 \U0010ffff",
    "private": "\ue000\U000f0000",
    "replacement": "\ufffd",
    "markup": "<script>alert(1)</script> &amp; &lt; \\ \" ' ` %00 %s {} ${x} \\u0041",
    "SQL": "'; DROP TABLE messages; -- \\' \\\\ %_ :name ?",
    "a single one": "x",
    "zero": "0",
    "case": "ß ẞ ı İ ς σ ǅ",
    "tags": "\U000e0001\U000e0020 ᠎",
}


async def sent(person: Person, room: str, text: str) -> str:
    """The text that all ways to read a message return."""
    message = assert_ok(await person.sends(room, text), 201)
    seq = message["seq"]
    ways = [
        message,
        assert_ok(await person.get(f"/rooms/{room}/messages/{seq}")),
        assert_ok(await person.get(f"/rooms/{room}/messages", around=seq, limit=1))["items"][0],
        assert_ok(await person.get(f"/rooms/{room}/events", after=seq - 1))["items"][0]["message"],
    ]
    texts = {way["text"] for way in ways}
    assert len(texts) == 1
    return str(texts.pop())


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_text_is_returned_exactly_as_sent(ada: Person, text: str) -> None:
    room = await ada.makes_room()
    assert (await sent(ada, room, text)).encode() == text.encode()


async def test_unicode_forms_of_a_text_are_kept(ada: Person) -> None:
    """NFC, NFD and NFKC are not applied."""
    room = await ada.makes_room()
    forms = ["\u00e9", "e\u0301", "\ufb01", "fi", "\u212b", "\u00c5", "A\u030a"]
    await ada.says(room, *forms)
    page = assert_ok(await ada.get(f"/rooms/{room}/messages"))
    assert [message["text"] for message in page["items"]] == forms
    first = assert_ok(await ada.sends(room, forms[0], nonce="n"), 201)
    assert_problem(await ada.sends(room, forms[1], nonce="n"), "nonce_conflict")
    assert first["text"] == forms[0]


@pytest.mark.parametrize("character", ["x", "é", "天", "👋", "\U0010ffff"], ids=ascii)
async def test_text_is_limited_to_4000_characters(ada: Person, character: str) -> None:
    """Characters are code points, of up to four bytes each."""
    room = await ada.makes_room()
    assert await sent(ada, room, character * 4000) == character * 4000
    problem = assert_problem(await ada.sends(room, character * 4001), "invalid", "text")
    assert "4001" in problem["detail"]
    assert "4000" in problem["detail"]


@pytest.mark.parametrize(
    "text", ["", " ", "\n\t\r\n", "\u3000\u00a0", "\0", "a\0b", "ab\0", 5, None, ["x"]], ids=ascii
)
async def test_invalid_texts_are_refused(ada: Person, text: object) -> None:
    path = f"/rooms/{await ada.makes_room()}/messages"
    assert_problem(await ada.post(path, nonce="n", text=text), "invalid", "text")


@pytest.mark.parametrize(
    "text", [r"\ud83d", r"a\udc4b", r"\udc4b\ud83d", r"\ud83dx", r"\uD800\uD800"], ids=ascii
)
async def test_half_a_surrogate_pair_is_refused(
    http: httpx.AsyncClient, ada: Person, text: str
) -> None:
    """JSON can express it, UTF-8 and the database cannot."""
    room = await ada.makes_room()
    answer = await ada.call(
        "POST",
        f"/rooms/{room}/messages",
        content=f'{{"nonce":"n","text":"{text}"}}',
        headers={"Content-Type": "application/json"},
    )
    assert_problem(answer, "invalid")
    assert (await ada.room(room))["seq"] == 2


async def test_an_escaped_surrogate_pair_is_one_character(ada: Person) -> None:
    room = await ada.makes_room()
    answer = await ada.call(
        "POST",
        f"/rooms/{room}/messages",
        content=r'{"nonce":"n","text":"\ud83d\udc4b \u00e9 \/ \u0041"}',
        headers={"Content-Type": "application/json"},
    )
    assert assert_ok(answer, 201)["text"] == "👋 é / A"
