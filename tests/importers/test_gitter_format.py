"""The Gitter format, and all ways in which a file can be invalid."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.importers.gitter import (
    MAX_PROBLEMS,
    MAX_TEXT_BYTES,
    BrokenFile,
    RoomArchive,
    RowError,
    read_archive,
)
from tests.importers.archives import SAMPLE, row, write


@pytest.fixture(scope="module")
def lounge() -> RoomArchive:
    return read_archive(SAMPLE)[0]


def texts(lounge: RoomArchive) -> list[str]:
    return [post.text for post in lounge.posts]


def test_a_file_may_hold_several_rooms() -> None:
    rooms = [
        (room.origin, room.name, room.rows, room.repeats, len(room.posts), len(room.authors))
        for room in read_archive(SAMPLE)
    ]
    assert rooms == [
        ("gitter:5f00aa00aa00aa00aa00aa01", "Harbour/Lounge", 31, 5, 26, 9),
        ("gitter:5f00aa00aa00aa00aa00aa02", "Harbour/茶室", 3, 0, 3, 2),
    ]


def test_messages_are_sorted_by_time(lounge: RoomArchive) -> None:
    numbers = [int(post.nonce[-4:], 16) for post in lounge.posts]
    assert sorted(numbers) == list(range(1, 27))
    # Numbered as they were said; 7 has an offset, and was said before 6.
    assert numbers == [1, 2, 3, 4, 5, 6, 7, *range(8, 27)]


def test_messages_with_equal_times_keep_the_order_of_the_file(tmp_path: Path) -> None:
    at = "2022-05-05T00:00:00.000Z"
    rows = [row(3, at=at), row(9, at=at), row(1, at=at)]  # the newest first
    (room,) = read_archive(write(tmp_path / "ties.tsv", rows))
    assert [int(post.nonce[-4:], 16) for post in room.posts] == [1, 9, 3]


def test_texts_are_kept_exactly(lounge: RoomArchive) -> None:
    said = texts(lounge)
    for text in (
        "",
        "   ",
        "The end.\n",
        "Two lines\nand a third one, after\n\nan empty one",
        'She said "it floats", and it did',
        "a\ttab, and a return\r in the middle, and\r\nboth at once",
        '```\nprint("tab:\\t", \'quote: ""\')\n```',
        "👩‍👩‍👧‍👦 and 🏳️‍🌈, \u00e9 and e\u0301, and שלום, and ﷽",
    ):
        assert text in said
    assert max(map(len, said)) == 4096


def test_times_are_utc(lounge: RoomArchive) -> None:
    at = {post.text[:12]: post.at for post in lounge.posts}
    assert at["An hour has "] == datetime(2021, 3, 1, 8, 30, tzinfo=UTC)
    assert at["I am the oth"] == datetime(2021, 3, 1, 8, 31, tzinfo=UTC)
    assert at["I have anoth"] == datetime(2021, 3, 2, 23, 59, 59, 999_000, tzinfo=UTC)


def test_authors_have_their_newest_name(lounge: RoomArchive) -> None:
    names = {author.origin.removeprefix("gitter:")[-2:]: author.name for author in lounge.authors}
    assert names == {
        "01": "mara",  # mara-of-old before
        "02": "Jun",
        "08": "tide-bot",
        "04": "Ольга",
        "03": "jun",
        "07": "rui.k",
        "05": "removed~tamsin",
        "ne": "",  # nobody knows who
        "06": "",
    }
    assert [author.first_at for author in lounge.authors] == sorted(
        author.first_at for author in lounge.authors
    )


def test_a_byte_order_mark_and_blank_lines_are_ignored(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", [row(2), row(1)])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\r\n", b"\n\n") + b"\r\n")
    assert [room.rows for room in read_archive(path)] == [2]


@pytest.mark.parametrize("name", ["Pier/" + "x" * 65, "x" * 5000, "茶" * 64 + "/" + "é" * 10])
def test_names_of_rooms_and_authors_may_exceed_our_limits(name: str, tmp_path: Path) -> None:
    (room,) = read_archive(write(tmp_path / "long.tsv", [row(1, uri=name, name=name)]))
    assert (room.name, room.authors[0].name) == (name, name)


def test_an_empty_file_has_no_rooms(tmp_path: Path) -> None:
    assert read_archive(write(tmp_path / "empty.tsv", [])) == []


def problems(path: Path) -> list[RowError]:
    with pytest.raises(BrokenFile) as caught:
        read_archive(path)
    return caught.value.problems


def replaced(tmp_path: Path, column: int, value: str) -> list[RowError]:
    """The errors of a file whose third row, which begins in line 4, has this value."""
    wrong = list(row(1))
    wrong[column] = value
    return problems(
        write(tmp_path / "wrong.tsv", [row(4), row(3, "two\nlines"), tuple(wrong), row(0)])
    )


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        (0, "", "room_id: "),
        (0, "room_id", "room_id: "),
        (1, "", "room_uri: "),
        (1, " \u200b", "room_uri: "),
        (1, "\x1b" + "x" * 70, "room_uri: "),
        (2, "", "sent_at: should be a time of RFC 3339"),
        (2, "yesterday", "sent_at: should be a time of RFC 3339"),
        (2, "2022-05-05T00:00:00", "sent_at: should be a time of RFC 3339"),  # where?
        (2, "2022-02-30T00:00:00Z", "sent_at: "),
        (2, "1969-12-31T23:59:59Z", "sent_at: "),
        (2, "1651708800", "sent_at: "),
        (2, "9999-12-31T23:59:59-01:00", "sent_at: is, in UTC, outside of the years 1 to 9999"),
        (2, "0001-01-01T00:00:00+00:01", "sent_at: is, in UTC, outside of the years 1 to 9999"),
        (2, "2022-05-05T24:00:01Z", "sent_at: "),
        (2, "2022-05-05T00:00:60Z", "sent_at: "),
        (2, "0000-01-01T00:00:00Z", "sent_at: "),
        (2, "2022-05-05T00:00:00+24:00", "sent_at: "),
        (3, "", "there is a username, but no user_id"),
        (3, "5F00BB00BB00BB00BB000001", "user_id: "),
        (4, "\u202eada", "username: "),
        (4, "nul\0", "username: "),
        (5, "", "message_id: "),
        (5, "5f00cc00cc00cc00cc00000", "message_id: "),
        (6, "nul\0", "text: must not contain NUL"),
        (6, "x" * (MAX_TEXT_BYTES + 1), "text: has more than 65535 bytes"),
        (6, "x" * 131_073, "text: has more than 65535 bytes"),  # csv's own limit
        (6, '"quoted" ' * 100_000, "text: has more than 65535 bytes"),
        (0, "0" * 200_000, "room_id: "),
    ],
)
def test_a_wrong_value_is_named_with_its_line(
    column: int, value: str, says: str, tmp_path: Path
) -> None:
    ((line, what),) = replaced(tmp_path, column, value)
    assert line == 4
    assert what.startswith(says)


@pytest.mark.parametrize("columns", [1, 6, 8])
def test_a_wrong_number_of_columns_is_named(columns: int, tmp_path: Path) -> None:
    wrong = (*row(1), "more")[:columns]
    ((line, what),) = problems(write(tmp_path / "wrong.tsv", [row(2), wrong]))
    assert (line, what.partition(":")[0]) == (2, f"has {columns} columns; there should be 7")


@pytest.mark.parametrize(
    "again", [row(1, "other"), row(1, user=2), row(1, at="2022-01-01T00:00:00Z")]
)
def test_a_duplicate_message_id_is_an_error(again: tuple[str, ...], tmp_path: Path) -> None:
    assert problems(write(tmp_path / "wrong.tsv", [row(1), row(2), again])) == [
        (3, f"message_id: line 1 has another message under {row(1)[5]}")
    ]


def test_a_message_in_two_rooms_is_an_error(tmp_path: Path) -> None:
    rows = [row(1), row(1, room="5f00aa00aa00aa00aa00aafe")]
    assert [line for line, _ in problems(write(tmp_path / "wrong.tsv", rows))] == [2]


def test_all_errors_of_a_file_are_reported(tmp_path: Path) -> None:
    wrong = write(tmp_path / "wrong.tsv", [row(n, at="never", user=None) for n in range(100)])
    with pytest.raises(BrokenFile, match="100 lines") as caught:
        read_archive(wrong)
    assert len(caught.value.problems) == MAX_PROBLEMS
    assert caught.value.more == 100 - MAX_PROBLEMS


@pytest.mark.parametrize(
    ("text", "byte"),
    [
        (b"\xff", "0xff"),
        (b"caf\xe9", "0xe9"),
        (b"\xed\xa0\x80", "0xed"),  # half of a surrogate pair
        (b"\xf0\x9f\x98", "0xf0"),  # three bytes of four
    ],
)
def test_invalid_utf_8_is_named_with_its_line(text: bytes, byte: str, tmp_path: Path) -> None:
    path = write(tmp_path / "wrong.tsv", [row(3), row(2, "two\nlines"), row(1, "HERE")])
    path.write_bytes(path.read_bytes().replace(b"HERE", text))
    assert problems(path) == [(4, f"is not UTF-8: there is a byte {byte}")]


def test_every_line_with_invalid_utf_8_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "wrong.tsv", [row(3, "HERE"), row(2), row(1, "HERE"), row(0, at="x")])
    path.write_bytes(path.read_bytes().replace(b"HERE", b"\xfe"))
    assert [line for line, _ in problems(path)] == [1, 3, 4]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_a_file_in_another_encoding_is_refused(encoding: str, tmp_path: Path) -> None:
    path = write(tmp_path / "wrong.tsv", [row(2, "é"), row(1, "é")])
    path.write_bytes(path.read_bytes().decode().encode(encoding))
    assert problems(path)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\r\n", b"\n"),
        (b"\n", b"\n"),
        (b"\xef\xbb\xbf", b""),  # none
    ],
)
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n\n"])
def test_line_endings_do_not_matter(
    before: bytes, after: bytes, end: bytes, tmp_path: Path
) -> None:
    path = write(tmp_path / "fine.tsv", [row(2, "two\nlines"), row(1)])
    path.write_bytes(path.read_bytes().replace(before, after).rstrip() + end)
    assert [len(room.posts) for room in read_archive(path)] == [2]


@pytest.mark.parametrize("text", [b'"never closed', b'"closed" too early', b"a bare\rreturn"])
def test_invalid_quotes_are_named_with_the_line_of_their_row(text: bytes, tmp_path: Path) -> None:
    path = write(tmp_path / "wrong.tsv", [row(3), row(2, "two\nlines"), row(1, "HERE"), row(0)])
    path.write_bytes(path.read_bytes().replace(b"HERE", text))
    ((line, what),) = problems(path)
    assert line == 4
    assert "quotes" in what
