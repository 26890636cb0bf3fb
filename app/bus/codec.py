"""How a publication travels on the bus: a fixed header, then the encoded event as it is.

    version 1 | kind 1 | channel 16 | seq 8 | user 16 | origin 16 | payload …    (bytes, big-endian)

The receiver copies the payload to its sockets without parsing it, and so trusts everybody who may
publish to the broker. A change of this layout takes the next version: while processes of both
run, those of one learn only from the log what those of the other recorded. A kind that only a newer
release knows comes out as `NEWER`.
"""

import struct
import zlib
from typing import NamedTuple
from uuid import UUID

from app.core.publications import Publication
from app.wire.events import PublicationKind
from app.wire.seq import MAX_SEQ

VERSION = 1
ORIGIN_BYTES = 16

_HEADER = struct.Struct(f">BB16sQ16s{ORIGIN_BYTES}s")
_KINDS = {int(kind): kind for kind in PublicationKind}


class Received(NamedTuple):
    origin: bytes
    publication: Publication


def encode(publication: Publication, origin: bytes) -> bytes:
    """`origin` names the sending process, ORIGIN_BYTES long, so that it knows its own echo."""
    header = _HEADER.pack(
        VERSION,
        publication.kind,
        publication.channel.bytes,
        publication.seq,
        publication.user.bytes,
        origin,
    )
    return header + publication.payload


def decode(payload: bytes) -> Received | None:
    """None for what this version does not understand; never raises."""
    if len(payload) < _HEADER.size:
        return None
    version, number, channel, seq, user, origin = _HEADER.unpack_from(payload)
    if version != VERSION or seq > MAX_SEQ:
        return None
    kind = _KINDS.get(number, PublicationKind.NEWER)
    event = payload[_HEADER.size :]
    return Received(origin, Publication(kind, UUID(bytes=channel), seq, UUID(bytes=user), event))


def partition(channel: UUID, partitions: int) -> int:
    """The number of the broker's channel that carries the publications of `channel`: the same in
    every process and every release."""
    return zlib.crc32(channel.bytes) % partitions
