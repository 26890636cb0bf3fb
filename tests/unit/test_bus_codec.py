"""The layout of publications on the bus, which releases that run side by side share."""

from collections import Counter
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bus.codec import ORIGIN_BYTES, VERSION, decode, encode, partition
from app.core.publications import Publication
from app.wire.events import PublicationKind
from app.wire.seq import MAX_SEQ

CHANNEL, USER = UUID(int=0x11 << 120), UUID(int=0x22)
ORIGIN = b"o" * ORIGIN_BYTES
POKE = Publication(PublicationKind.READ, CHANNEL, 258, USER, '{"type":"read","é":1}'.encode())
HEADER = (
    b"\x01\x06"
    + (b"\x11" + 15 * b"\0")
    + (6 * b"\0" + b"\x01\x02")
    + (15 * b"\0" + b"\x22")
    + ORIGIN
)

publications = st.builds(
    Publication,
    kind=st.sampled_from(PublicationKind),
    channel=st.uuids(),
    seq=st.integers(0, MAX_SEQ),
    user=st.uuids(),
    payload=st.binary(max_size=200),
)


def test_the_layout_of_a_publication_is_fixed() -> None:
    assert encode(POKE, ORIGIN) == HEADER + POKE.payload
    assert decode(HEADER + POKE.payload) == (ORIGIN, POKE)


@given(publications, st.binary(min_size=ORIGIN_BYTES, max_size=ORIGIN_BYTES))
def test_an_encoded_publication_is_decoded(publication: Publication, origin: bytes) -> None:
    assert decode(encode(publication, origin)) == (origin, publication)


@pytest.mark.parametrize("length", range(len(HEADER)))
def test_a_publication_with_a_truncated_header_is_ignored(length: int) -> None:
    assert decode(HEADER[:length]) is None


def test_a_publication_of_another_version_is_ignored() -> None:
    for version in set(range(256)) - {VERSION}:
        assert decode(bytes([version]) + HEADER[1:]) is None


def test_a_publication_of_an_unknown_kind_names_only_its_channel() -> None:
    for kind in set(range(256)) - set(PublicationKind):
        received = decode(HEADER[:1] + bytes([kind]) + HEADER[2:] + POKE.payload)
        assert received == (ORIGIN, replace(POKE, kind=PublicationKind.NEWER))


def test_a_publication_with_a_seq_above_2_to_the_53_is_ignored() -> None:
    def with_seq(seq: int) -> bytes:
        return HEADER[:18] + seq.to_bytes(8, "big") + HEADER[26:]

    assert decode(with_seq(MAX_SEQ)) is not None
    assert decode(with_seq(MAX_SEQ + 1)) is None
    assert decode(with_seq(2**64 - 1)) is None


@given(st.binary(max_size=200))
def test_decoding_any_bytes_raises_no_error(payload: bytes) -> None:
    decode(payload)


@given(publications, st.integers(0, 57), st.binary(min_size=1, max_size=1))
def test_decoding_a_changed_byte_raises_no_error(
    publication: Publication, at: int, byte: bytes
) -> None:
    payload = encode(publication, ORIGIN)
    decode(payload[:at] + byte + payload[at + 1 :])


def test_the_partition_of_a_room_is_fixed() -> None:
    """Otherwise processes of two releases would use different channels for a room."""
    assert [partition(UUID(int=n), 128) for n in range(4)] == [85, 67, 121, 111]
    assert partition(UUID(int=1), 1) == 0


def test_rooms_are_spread_over_all_partitions() -> None:
    # Ids of rooms made in the same millisecond share their first bits.
    rooms = [UUID(int=(0x019A0000 << 96) | number) for number in range(12_800)]
    counts = Counter(partition(room, 128) for room in rooms)
    assert len(counts) == 128
    assert max(counts.values()) < 200
