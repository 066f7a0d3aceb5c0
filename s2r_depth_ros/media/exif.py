"""How a picture file is to be turned, from its EXIF entry, whatever the version of OpenCV."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.media import png

_ORIENTATION_TAG, _LONG = 0x0112, 4
_EXIF = b'Exif\x00\x00'
_ORDERS: dict[bytes, Literal['little', 'big']] = {b'II': 'little', b'MM': 'big'}


def orientation(content: bytes) -> int:
    """Return the EXIF orientation, 1 to 8, of a JPEG, PNG or WebP file; 1 where it has none."""
    for block in _blocks(content):
        return _orientation_of(block.removeprefix(_EXIF))
    return 1


def upright(image: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return ``image`` [H, W, ...] as it is to be looked at (EXIF 2.32, table 6)."""
    if orientation >= 5:
        image = image.swapaxes(0, 1)
    # After the swap of 5 to 8: which of the axes runs backwards.
    rows, columns = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}.get(
        orientation, (1, 1)
    )
    return np.ascontiguousarray(image[::rows, ::columns])


def _blocks(content: bytes) -> Iterator[bytes]:
    """Yield the EXIF blocks of a file."""
    if content.startswith(b'\xff\xd8'):
        yield from (s for k, s in _jpeg_segments(content) if k == 0xE1 and s.startswith(_EXIF))
    elif content.startswith(png.START):
        yield from (chunk for kind, chunk in png.chunks(content) if kind == b'eXIf')
    elif content.startswith(b'RIFF') and content[8:12] == b'WEBP':
        yield from (chunk for kind, chunk in riff_chunks(content) if kind == b'EXIF')


def _jpeg_segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (marker, data) of the segments before the coded data."""
    position = 2
    while position + 4 <= len(content) and content[position] == 0xFF:
        kind = content[position + 1]
        if kind == 0xFF:  # a fill byte
            position += 1
            continue
        length = int.from_bytes(content[position + 2 : position + 4], 'big')
        if kind == 0xDA or length < 2:
            return
        yield kind, content[position + 4 : position + 2 + length]
        position += 2 + length


def riff_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (type, data) of the chunks of a WebP file."""
    position = 12
    while position + 8 <= len(content):
        length = int.from_bytes(content[position + 4 : position + 8], 'little')
        yield content[position : position + 4], content[position + 8 : position + 8 + length]
        position += 8 + length + length % 2


def entries(block: bytes) -> Iterator[tuple[int, int]]:
    """Yield (tag, value) of the first directory of a TIFF file or EXIF block, of single numbers."""
    order = _ORDERS.get(block[:2])
    if order is None or len(block) < 8:
        return

    def number(position: int, size: int) -> int:
        return int.from_bytes(block[position : position + size], order)

    directory = number(4, 4)
    for index in range(number(directory, 2)):
        entry = directory + 2 + 12 * index
        if entry + 12 > len(block):
            return
        # A SHORT; some write a LONG.
        yield number(entry, 2), number(entry + 8, 4 if number(entry + 2, 2) == _LONG else 2)


def _orientation_of(block: bytes) -> int:
    """Return the orientation that an EXIF block has."""
    for tag, value in entries(block):
        if tag == _ORIENTATION_TAG:
            return value if 1 <= value <= 8 else 1
    return 1
