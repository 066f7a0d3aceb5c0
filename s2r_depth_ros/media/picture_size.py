"""How large a coded picture says it is: from its header, before anything is decoded.

A few bytes can state any size, and a decoder takes the memory and the time for all of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from s2r_depth_ros.media import exif, jpeg, png

MOST_PIXELS = 2**28
"""Pixels of a picture file at most, some 800 MB as RGB; cameras have far fewer."""

_PNM = re.compile(rb'P[1-6](?:\s|#[^\n]*\n)+(\d{1,10})(?:\s|#[^\n]*\n)+(\d{1,10})\s')
# TIFF 6.0: of the picture and of a tile, each of which a decoder takes memory for.
_TIFF_WIDTHS, _TIFF_HEIGHTS = (256, 322), (257, 323)

Sizes = Iterator[tuple[int, int]]


def stated_size(content: bytes) -> tuple[int, int] | None:
    """Return (width, height) in pixels that a decoder would make room for.

    None: of no kind that is read here (JPEG, PNG, WebP, BMP, TIFF, PNM), or without a size.
    """
    sizes = list(_sizes(content))
    width = max((width for width, _ in sizes), default=0)
    height = max((height for _, height in sizes), default=0)
    return (width, height) if width > 0 and height > 0 else None


def too_large(width: int, height: int, most_pixels: int) -> str:
    """Return why a picture of that size is refused, with the remedy; '' if it is not."""
    if width * height <= most_pixels:
        return ''
    return (
        f'it states {width}x{height} (width x height), which is {width * height} pixels, and no '
        f'more than {most_pixels} are taken: scale it down, or let the node take larger images by '
        'its parameter max_image_pixels'
    )


def _sizes(content: bytes) -> Sizes:
    for start, read in _READERS:
        if content.startswith(start):
            yield from read(content)


def _jpeg_sizes(content: bytes) -> Sizes:
    outline = jpeg.outline(content)
    yield outline.width, outline.height


def _png_sizes(content: bytes) -> Sizes:
    yield png.size(content)


def _webp_sizes(content: bytes) -> Sizes:
    """Yield the sizes of the canvas and of every frame (RFC 9649)."""
    for kind, data in exif.riff_chunks(content):
        if kind == b'VP8X':
            yield _number(data, 4, 3) + 1, _number(data, 7, 3) + 1
        elif kind == b'VP8 ':
            yield _number(data, 6, 2) & 0x3FFF, _number(data, 8, 2) & 0x3FFF
        elif kind == b'VP8L':
            bits = _number(data, 1, 4)
            yield (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


def _bmp_sizes(content: bytes) -> Sizes:
    """Yield the size of a bitmap of Windows, whose rows may run downwards, or of OS/2."""
    if _number(content, 14, 4) == 12:
        yield _number(content, 18, 2), _number(content, 20, 2)
    else:
        height = int.from_bytes(content[22:26], 'little', signed=True)
        yield _number(content, 18, 4), abs(height)


def _tiff_sizes(content: bytes) -> Sizes:
    for tag, value in exif.entries(content):
        if tag in _TIFF_WIDTHS:
            yield value, 0
        elif tag in _TIFF_HEIGHTS:
            yield 0, value


def _pnm_sizes(content: bytes) -> Sizes:
    if match := _PNM.match(content):
        yield int(match[1]), int(match[2])


def _number(data: bytes, at: int, count: int) -> int:
    return int.from_bytes(data[at : at + count], 'little')


_READERS: tuple[tuple[bytes, Callable[[bytes], Sizes]], ...] = (
    (jpeg.START, _jpeg_sizes),
    (png.START, _png_sizes),
    (b'RIFF', _webp_sizes),
    (b'BM', _bmp_sizes),
    (b'II*\0', _tiff_sizes),
    (b'MM\0*', _tiff_sizes),
    (b'P', _pnm_sizes),
)
