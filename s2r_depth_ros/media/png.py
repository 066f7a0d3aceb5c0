"""The chunks of a PNG: whether all are there, and those that a decoder needs of them."""

from __future__ import annotations

from collections.abc import Iterator

START = b'\x89PNG'
_SIGNATURE_BYTES = 8
# What they hold is compressed by up to a thousand times, is no part of the picture, and a decoder
# unpacks and keeps it all.
_PACKED = (b'zTXt', b'iTXt', b'iCCP')


def chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (type, data) of the chunks of a PNG that are there with all their data."""
    for kind, begin, end in _places(content):
        yield kind, content[begin:end]


def is_whole(content: bytes) -> bool:
    """Return whether a PNG has its last chunk."""
    return any(kind == b'IEND' for kind, _, _ in _places(content))


def size(content: bytes) -> tuple[int, int]:
    """Return (width, height) in pixels that a PNG states, zero where it states none."""
    kind, data = next(chunks(content), (b'', b''))
    if kind != b'IHDR':
        return 0, 0
    return int.from_bytes(data[:4], 'big'), int.from_bytes(data[4:8], 'big')


def without_packed_texts(content: bytes) -> bytes:
    """Return a PNG without compressed texts and colour profiles."""
    places = list(_places(content))
    if not any(kind in _PACKED for kind, _, _ in places):
        return content
    # A chunk is its length and type, 4 bytes each, its data, and 4 bytes of checksum.
    kept = (content[begin - 8 : end + 4] for kind, begin, end in places if kind not in _PACKED)
    return content[:_SIGNATURE_BYTES] + b''.join(kept)


def _places(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the type of each whole chunk, and where its data begin and end."""
    begin = _SIGNATURE_BYTES + 8
    while begin <= len(content):
        end = begin + int.from_bytes(content[begin - 8 : begin - 4], 'big')
        if end > len(content):
            return
        yield content[begin - 4 : begin], begin, end
        begin = end + 12
