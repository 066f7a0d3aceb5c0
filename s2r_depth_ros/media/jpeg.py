"""Where a JPEG really ends, and whether all of it is there (ITU-T T.81, annex B).

Cameras and networks append padding, leave the end mark out or lose the tail; a decoder paints what
is missing grey and says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.media.strict_jpeg import DamageError, decode_strictly

START, END = b'\xff\xd8', b'\xff\xd9'
_SOS, _EOI, _SOI = 0xDA, 0xD9, 0xD8
# Frame headers; C4, C8 and CC are other segments, F7 is JPEG-LS.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_LOSSLESS = frozenset({0xC3, 0xC7, 0xCB, 0xCF, 0xF7})
_HUFFMAN, _PROGRESSIVE = frozenset({0xC0, 0xC1}), frozenset({0xC2, 0xC6, 0xCA, 0xCE})
# In the coded data FF is followed by 00 (FF itself) or a restart mark; anything else ends them.
_IS_MARK = np.ones(256, np.bool_)
_IS_MARK[[0x00, *range(0xD0, 0xD8), 0xFF]] = False
# What a decoder may read ahead; too few to be blocks that are missing.
_AHEAD = b'\x55' * 8
# More than coded pictures end in, unless they are flat.
_ZEROS = bytes(16)
_GREY, _GREY_TOLERANCE = 128.0, 2.0
_BRIGHTNESS_OF_BGR = np.array([0.114, 0.587, 0.299])

Decode = Callable[[bytes], NDArray[Any] | None]


@dataclass
class _Stream:
    """What the marks of a JPEG say.

    end: where the end mark begins, or the data end. kind: of the frame. precision: bits of a
    sample. size: (width, height) px, of the largest frame. missing: for each component, the
    coefficients (0 to 63) whose last bit no scan has brought yet. block: (width, height) px of what
    is coded together.
    """

    end: int = 0
    has_end_mark: bool = False
    kind: int = 0
    precision: int = 8
    size: tuple[int, int] = (0, 0)
    scans: int = 0
    missing: dict[int, set[int]] = field(default_factory=dict)
    block: tuple[int, int] = (8, 8)

    def add_frame(self, kind: int, segment: bytes) -> None:
        """Take in the frame header ``segment`` (behind its length)."""
        height, width = (int.from_bytes(segment[at : at + 2], 'big') for at in (1, 3))
        self.size = max(self.size[0], width), max(self.size[1], height)
        if self.missing:  # a second frame, of which a decoder takes none
            return
        components = [segment[at : at + 3] for at in range(6, len(segment) - 2, 3)]
        self.kind, self.precision = kind, segment[0]
        self.missing = {component[0]: set(range(64)) for component in components}
        factors = [component[1] for component in components] or [0x11]
        self.block = (8 * max(f >> 4 for f in factors), 8 * max(f & 15 for f in factors))

    def add_scan(self, segment: bytes) -> None:
        """Take in the scan header ``segment`` (behind its length)."""
        self.scans += 1
        if len(segment) < 4 + 2 * segment[0]:
            return
        first, last, bits = segment[1 + 2 * segment[0] :][:3]
        if bits & 15:
            return
        for component in segment[1 : 1 + 2 * segment[0] : 2]:
            self.missing.get(component, set()).difference_update(range(first, last + 1))


def decode_jpeg(content: bytes, decode: Decode) -> NDArray[Any] | None:
    """Return the picture that begins ``content``, None if part is missing, or other.

    Whatever follows the end mark is left alone, end marks of embedded thumbnails are none of the
    picture's, and a missing end mark is put there. decode: see ``codecs``; for what ``strict_jpeg``
    cannot judge; gives None for data that end inside a block.
    """
    stream = _walk(content)
    data = content[: stream.end].rstrip(b'\xff')  # a mark may begin with more than one
    if not stream.scans or any(stream.missing.values()):
        return None
    if stream.has_end_mark and not data.endswith(_ZEROS):
        return _decode_whole(data, stream, decode)
    stripped = _without_padding(data)
    image = _decode_whole(stripped, replace(stream, has_end_mark=False), decode)
    if image is None and stream.has_end_mark:
        # Zeros before an end mark are padding, too, unless they are the codes of a flat corner.
        image = _decode_whole(data, stream, decode)
        return image if image is not None and np.ptp(_corner(stream, image)) == 0 else None
    return image


class Outline(NamedTuple):
    """What a JPEG states of its size (px), and how many scans bring its picture."""

    width: int
    height: int
    scans: int


def outline(content: bytes) -> Outline:
    """Return what the marks of a JPEG say, zero where they say nothing."""
    stream = _walk(content)
    return Outline(*stream.size, stream.scans)


def rare_kind(content: bytes) -> str | None:
    """Return in words what kind of JPEG ``content`` is that decoders for 8 bits do not read."""
    stream = _walk(content)
    if stream.kind in _LOSSLESS:
        return 'lossless'
    return None if stream.precision == 8 else f'of {stream.precision} bits'


def _decode_whole(data: bytes, stream: _Stream, decode: Decode) -> NDArray[Any] | None:
    """Return the picture of ``data``, which has no end mark; None if it is not whole."""
    whole = data + END
    try:
        image = decode_strictly(whole, stream.has_end_mark, stream.scans)
    except DamageError:
        return None
    if image is not None:
        return image
    image = decode(whole)
    if image is None or not _is_doubtful(stream, image):
        return image
    # Without an end mark a decoder goes on into what follows: all is there if that changes nothing.
    # Several scans are decoded only when the last has ended.
    several = stream.kind in _PROGRESSIVE or stream.scans > 1
    other = decode(data + _AHEAD + (END if several else b''))
    return image if other is not None and np.array_equal(image, other) else None


def _walk(content: bytes) -> _Stream:
    """Go from mark to mark, over segments by their lengths and over coded data."""
    stream, position = _Stream(end=len(content)), len(START)
    marks = _marks(content)
    while (index := int(np.searchsorted(marks, position))) < len(marks):
        mark = int(marks[index])
        kind, position = content[mark + 1], mark + 2
        if kind == _EOI or (kind == _SOI and stream.scans):
            stream.end, stream.has_end_mark = mark, kind == _EOI
            break
        if kind in (_SOI, 0x01):
            continue
        length = int.from_bytes(content[position : position + 2], 'big')
        segment = content[position + 2 : position + length]
        if len(segment) < max(0, length - 2):
            stream.end = mark
            break
        if kind in _FRAMES and len(segment) > 6:
            stream.add_frame(kind, segment)
        elif kind == _SOS and segment:
            stream.add_scan(segment)
        position += length
    return stream


def _marks(content: bytes) -> NDArray[np.intp]:
    """Return where a mark may begin, in order; inside segments they are none.

    By NumPy: byte for byte takes as long as half of the decoding.
    """
    values = np.frombuffer(content, np.uint8)
    starts = np.flatnonzero(values[:-1] == 0xFF)
    return np.asarray(starts[_IS_MARK[values[starts + 1]]])


def _without_padding(data: bytes) -> bytes:
    """Return coded data less the zeros or FFs that hardware fills its buffer with.

    One zero stays, as the last code may end in it, and one FF with the zero that belongs to it.
    """
    kept = len(data.rstrip(b'\x00\xff'))
    padding = data[kept:]
    return data[: kept + (2 if padding[:2] == b'\xff\x00' else int(padding[:1] == b'\x00'))]


def _is_doubtful(stream: _Stream, image: NDArray[Any]) -> bool:
    """Return whether a part of ``image`` may be what a decoder puts in place of missing data."""
    if not stream.has_end_mark:
        return True
    if stream.kind in _PROGRESSIVE:
        return False  # all scans are there: of the last one some fine detail may be missing
    if stream.kind not in _HUFFMAN or stream.scans > 1 or len(stream.missing) > 3:
        return True
    # What is missing is missing at the end, and is grey.
    return bool(np.abs(_corner(stream, image) - _GREY).max() <= _GREY_TOLERANCE)


def _corner(stream: _Stream, image: NDArray[Any]) -> NDArray[np.float64]:
    """Return the brightness of what was coded last, at the lower right."""
    width, height = stream.block
    rows, columns = ((size - 1) // side * side for size, side in zip(image.shape, (height, width)))
    corner = image[rows:, columns:].astype(np.float64)
    return corner if corner.ndim == 2 else corner @ _BRIGHTNESS_OF_BGR
