"""JSON that costs as much as possible; each shape fills a given number of bytes."""

from collections.abc import Callable

Shape = Callable[[int], str]


def repeat(piece: str, size: int, before: str = "", after: str = "") -> str:
    """As many pieces as fit."""
    room = size - len(before.encode()) - len(after.encode())
    return before + piece * max(0, room // len(piece.encode())) + after


def text(piece: str) -> Shape:
    return lambda size: repeat(piece, size, '"', '"')


def items(piece: str) -> Shape:
    return lambda size: repeat(f"{piece},", size, "[", f"{piece}]")


def nested(opening: str, closing: str) -> Shape:
    return lambda size: repeat(opening, (size - 1) // 2) + "1" + repeat(closing, (size - 1) // 2)


def wide(size: int) -> str:
    """An object with as many different names as fit."""
    names = [f'"{number:x}":0' for number in range(size // 10)]
    return "{" + ",".join(names) + "}"


def same_name(size: int) -> str:
    return repeat('"a":0,', size, "{", '"a":0}')


STRUCTURES: dict[str, Shape] = {
    "wide": wide,
    "one name again and again": same_name,
    "empty objects": items("{}"),
    "objects": items('{"a":0}'),
    "empty lists": items("[]"),
    "zeros": items("0"),
    "floats": items("1e5"),
    "nulls": items("null"),
    "empty strings": items('""'),
    "not-a-numbers": items("NaN"),
}
SCALARS: dict[str, Shape] = {
    "large integers": items("9" * 4000),
    "almost ids": items('"0190e6b0-0000-7000-8000-00000000000g"'),
    "ids": items('"0190e6b0-0000-7000-8000-000000000000"'),
    "a long fraction": lambda size: repeat("9", size, "0."),
    "a large exponent": lambda size: repeat("9", size, "1e"),
    "digits": lambda size: repeat("9", size),
    "deep lists": nested("[", "]"),
    "deep objects": nested('{"a":', "}"),
    "open brackets": lambda size: repeat("[", size),
    "a long string": text("a"),
    "blanks": text(" "),
    "ideographic blanks": text("\u3000"),
    "commas in a string": text("[{,"),
    "mentions": text("@a "),
    "at signs": text("@"),
    "a mention of marks": lambda size: repeat("\u0301\u0316", size, '"@a', '"'),
    "what grows in NFKC": text("\ufdfa"),
    "what grows in case folding": text("\u0390"),
    "combining marks": lambda size: repeat("\u0301\u0316", size, '"a', '"'),
    "Hangul": text("\u1100\u1161\u11a8"),
    "emoji": text("😀"),
    "punctuation of names": text("@a._-"),
    "escaped quotes": text('\\"'),
    "escaped backslashes": text("\\\\"),
    "escaped NULs": text("\\u0000"),
    "escaped pairs": text("\\ud83d\\ude00"),
    "halves of pairs": text("\\ud800"),
    "a string without end": lambda size: repeat('\\"', size, '"'),
    "quotes": lambda size: repeat('"', size),
    "white space": lambda size: repeat(" ", size - 4, "", "null"),
}
VALUES = STRUCTURES | SCALARS
