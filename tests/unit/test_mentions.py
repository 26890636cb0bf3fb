"""Whom a text mentions."""

import time
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.mentions import (
    MAX_COST,
    MAX_KEYS,
    MAX_MENTIONS,
    Mentions,
    _plain_text,
    _scan,
    parse_mentions,
)
from app.wire.user_and_room_names import is_name, is_single_script, normalized_name

TEXT_CHARS = 16_000  # the greatest value of its setting
SPACED = "abzABZ09._-éßİıſﬁहिंदीﷺ"
UNSPACED = "字カﾊﾞｱไทย한"
LETTERS = st.one_of(st.sampled_from(SPACED + UNSPACED), st.characters(categories=["L", "M", "N"]))
NAMES = st.text(LETTERS, min_size=2, max_size=32).filter(
    lambda name: is_name(name) and normalized_name(name) not in {"room", "here"}
)


def longest(text: str) -> set[str]:
    """Where every name exists."""
    return {keys[0] for keys in parse_mentions(text).places}


@given(NAMES)
def test_every_username_can_be_mentioned(name: str) -> None:
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
        f"_@{name}_",
        f"**@{name}**",
        f"字@{name}",
    ):
        assert normalized_name(name) in longest(text), text


@given(NAMES)
def test_a_username_inside_a_word_is_not_a_mention(name: str) -> None:
    for text in (f"x@{name}", f"ada.l@{name}", f"é@{name}", f"a_@{name}", f"@@{name}", name):
        assert normalized_name(name) not in parse_mentions(text).names, text


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
        ("https://example.org/@ada and @bob", {"bob"}),
        ("\\@ada @bob", {"bob"}),
        ("\\_@ada", {"ada"}),
    ],
)
def test_mentions_are_found_in_text(text: str, keys: set[str]) -> None:
    assert longest(text) == keys


@pytest.mark.parametrize(
    "text",
    [
        "`code` @ada",
        "*@ada*",
        "***@ada***",
        "_@ada_",
        "~~@ada~~",
        "# @ada\n\n`x`",
        "- [ ] ask @ada\n  - x",
        "| `a` | b |\n|---|---|\n| @ada | c |",
        "[@ada](https://example.org)",
        "[ask @ada][1]\n\n[1]: x",
        "```\ncode\n```\n@ada",
        "> quoted\n\n@ada",
        "> quoted\n# @ada",
        "a < b, @ada",
        "``` @ada",  # a fence has a line of its own
        "`` ` @ada",
        "\\` @ada `",
        "1. x\n\n   @ada\n\t",
    ],
)
def test_what_is_said_in_markdown_mentions(text: str) -> None:
    assert longest(text) == ({"ada"} if text != "``` @ada" else set())


@pytest.mark.parametrize(
    "text",
    [
        "`@ada`",
        "``a ` @ada``",
        "```\n@ada\n```",
        "~~~\n@ada",
        "    @ada",
        "\t@ada",
        "- x\n\n      @ada",
        "> @ada",
        "> x\n@ada",  # continues the quote
        "> - @ada",
        "- > @ada",
        "[x](@ada)",
        "[x](/y '@ada')",
        "[x](<@ada>)",
        "[x]: /@ada\n",
        "<mailto:x@ada>",
        "<x@ada>",
        "<https://example.org/@ada>",
        "![x](/@ada)",
    ],
)
def test_code_quotes_and_destinations_mention_nobody(text: str) -> None:
    assert parse_mentions(text) == Mentions()


@pytest.mark.parametrize(
    ("text", "existing", "named"),
    [
        ("请@bob看", {"bob"}, {"bob"}),
        ("@bobさん", {"bob"}, {"bob"}),
        ("@bobさん", {"bob", "bobさん"}, {"bobさん"}),
        ("@bobさん @bob", {"bob", "bobさん"}, {"bob", "bobさん"}),
        ("@田中さん、", {"田", "田中"}, {"田中"}),
        ("@민수님", {"민수"}, {"민수"}),
        ("@adaline", {"ada"}, set()),
        ("@Adaさん", {"ada"}, {"ada"}),
        ("@" + "字" * 100, {"字" * 32, "字" * 33}, {"字" * 32}),
        ("@ada @nobody", {"ada"}, {"ada"}),
    ],
)
def test_the_longest_existing_name_counts(text: str, existing: set[str], named: set[str]) -> None:
    assert parse_mentions(text).named(existing) == named


@pytest.mark.parametrize(
    ("text", "room", "here"),
    [
        ("@room", True, False),
        ("look, @Here!", False, True),
        ("@room @here", True, True),
        ("@rooms `@room` > @here", False, True),
        ("大家@room请看", True, False),
        ("x@room", False, False),
    ],
)
def test_a_text_mentions_the_room_or_who_is_here(text: str, room: bool, here: bool) -> None:
    mentions = parse_mentions(text)
    assert (mentions.room, mentions.here) == (room, here)
    assert not mentions.names & {"room", "here"}


def test_the_number_of_mentions_is_limited() -> None:
    assert len(longest(" ".join(f"@u{number}" for number in range(200)))) == MAX_MENTIONS
    many = " ".join("@" + chr(0x4E00 + number) * 30 for number in range(40))
    assert MAX_KEYS - 30 < len(parse_mentions(many).names) <= MAX_KEYS
    assert longest("@" * 4000) == set()
    assert longest("@" + "a" * 32) == {"a" * 32}
    assert longest("@" + "a" * 33) == longest("@" + "a" * 3999) == set()


PIECES = [
    "@ada",
    " ",
    "\n",
    "@bob.",
    "#",
    "*",
    "_",
    "-",
    "+",
    "1. ",
    "|",
    "(",
    ")",
    "!",
    "&",
    "x",
    "字",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_the_scan_of_a_text_without_code_equals_the_parser(text: str) -> None:
    text = text.replace("    ", " ")
    assert set(_scan(text).places) == set(_scan(_plain_text(text)).places)


HOSTILE = [
    *("[", "(", "*", "_", "`", "> ", ">", "- ", "- a\n", "1. a\n", "|a", "a|b\n-|-\n", "[a]: b\n"),
    *("[a](", "[a](<", "![", "[]", "[a](b)", "&amp;", "<", "<a:>", "<a@b.c>", "~~~\n", "\\", "\\`"),
    *(
        "a\n",
        "> > a\n",
        "# a\n",
        "a\n=\n",
        "* * *\n",
        "    a\n",
        "@a ",
        "@",
        "@字字字字 ",
        "_@",
        "[`",
    ),
    *(
        "- - - - - - @a\n",
        "> - a\n- > b\n",
        "[a]: b\n\n[a] [a][a]\n",
        "@a\u0316\u0301",
        "http://@a",
    ),
]


def cost_s(text: str) -> float:
    start = time.process_time()
    parse_mentions.__wrapped__(text)
    return time.process_time() - start


def cheapest(texts: Iterable[str], limit_s: float) -> float:
    """Of repeated measurements: only a parser that computes too much fails."""
    best = float("inf")
    for text in texts:
        best = min(best, cost_s(text))
        if best <= limit_s:
            break
    return best


@pytest.mark.parametrize("piece", HOSTILE, ids=ascii)
@pytest.mark.parametrize("start", ["@a ` ", "> @a ", "@a"])
def test_the_cost_of_any_text_is_bounded_and_linear(start: str, piece: str) -> None:
    def text(size: int) -> str:
        return (start + piece * size)[:size]

    whole = cheapest([text(TEXT_CHARS)] * 20, 0.05)
    assert whole <= 0.05
    quarter = max(cheapest([text(TEXT_CHARS // 4)] * 3, 0), 0.002)
    assert cheapest([text(TEXT_CHARS)] * 20, 8 * quarter) <= 8 * quarter


def test_what_follows_after_too_much_markup_mentions_nobody() -> None:
    lines = "- `x`\n"
    assert longest(lines * 20 + "@ada") == {"ada"}
    assert longest(lines * MAX_COST + "@ada") == set()
    assert longest("- x\n" * MAX_COST + "@ada") == {"ada"}  # it needs no parser


@given(NAMES.filter(is_single_script))
def test_a_name_is_one_of_the_keys_of_its_place(name: str) -> None:
    (keys,) = parse_mentions(f"@{name}").places
    assert keys[0] == normalized_name(name)
    assert list(keys) == sorted(keys, key=len, reverse=True) or any(not c.isascii() for c in name)
