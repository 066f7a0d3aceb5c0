"""Pictures of a few bytes that state any size, or unpack to a thousand times what they have."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np


def png(width: int, height: int, *chunks: bytes, data: bytes = b'') -> bytes:
    """Return a grey PNG with a header that is right; data: of its pixels, packed."""
    head = struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0)
    body = (png_chunk(b'IHDR', head), *chunks, png_chunk(b'IDAT', data), png_chunk(b'IEND', b''))
    return b'\x89PNG\r\n\x1a\n' + b''.join(body)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk with its length and checksum."""
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def flat_png(width: int, height: int, *chunks: bytes) -> bytes:
    """Return a whole PNG of one colour: about a byte for a thousand pixels."""
    packer = zlib.compressobj(9)
    row = bytes(1 + width)
    data = b''.join(packer.compress(row) for _ in range(height)) + packer.flush()
    return png(width, height, *chunks, data=data)


def packed_text(kind: bytes, size: int) -> bytes:
    """Return a chunk zTXt, iTXt or iCCP that unpacks to ``size`` bytes."""
    fields = {b'zTXt': b'\0\0', b'iTXt': b'\0\1\0\0\0', b'iCCP': b'\0\0'}[kind]
    return png_chunk(kind, b'key' + fields + zlib.compress(bytes(size), 9))


def jpeg(width: int, height: int) -> bytes:
    """Return a small JPEG whose frame states another size."""
    content = bytearray(cv2.imencode('.jpg', np.zeros((16, 16, 3), np.uint8))[1].tobytes())
    at = content.index(b'\xff\xc0') + 5
    content[at : at + 4] = struct.pack('>HH', height, width)
    return bytes(content)


def jpeg_of_scans(side: int, scans: int) -> bytes:
    """Return a progressive JPEG of which the last scan, which says nothing, comes many times."""
    setting = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
    content = cv2.imencode('.jpg', np.zeros((side, side), np.uint8), setting)[1].tobytes()
    last = content[content.rindex(b'\xff\xda') : -2]
    return content[:-2] + last * scans + content[-2:]


def webp(width: int, height: int) -> bytes:
    """Return the start of a lossless WebP."""
    data = b'\x2f' + struct.pack('<I', (width - 1) | (height - 1) << 14) + bytes(16)
    chunk = b'VP8L' + struct.pack('<I', len(data)) + data + bytes(len(data) % 2)
    return b'RIFF' + struct.pack('<I', 4 + len(chunk)) + b'WEBP' + chunk


def canvas_webp(width: int, height: int) -> bytes:
    """Return the start of a WebP with a canvas, as animations have."""
    sizes = (width - 1).to_bytes(3, 'little') + (height - 1).to_bytes(3, 'little')
    chunk = b'VP8X' + struct.pack('<I', 10) + b'\2\0\0\0' + sizes
    return b'RIFF' + struct.pack('<I', 4 + len(chunk)) + b'WEBP' + chunk


def bmp(width: int, height: int) -> bytes:
    """Return a bitmap, packed by run lengths, that ends at once; rows downwards if height < 0."""
    head = struct.pack('<IiiHHIIiiII', 40, width, height, 1, 8, 1, 2, 0, 0, 2, 0)
    return b'BM' + struct.pack('<IHHI', 64, 0, 0, 62) + head + bytes(8) + b'\0\1'


def tiff(width: int, height: int, *more: tuple[int, int], order: str = '<') -> bytes:
    """Return a TIFF of one strip that is not there; more: further entries (tag, number)."""
    numbers = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1)]
    numbers += [(278, height), (279, 8), *more]
    table = b''.join(struct.pack(f'{order}HHII', tag, 4, 1, n) for tag, n in sorted(numbers))
    start = (b'II' if order == '<' else b'MM') + struct.pack(f'{order}HI', 42, 8)
    return start + struct.pack(f'{order}H', len(numbers)) + table + bytes(12)


def pnm(width: int, height: int, kind: int = 5) -> bytes:
    """Return the header of a picture of PNM, with a comment, and a little of it."""
    return f'P{kind}\n# made up\n{width} {height}\n255\n'.encode() + bytes(64)


BOMBS = {
    'png': flat_png, 'jpeg': jpeg, 'webp': webp, 'canvas webp': canvas_webp, 'bmp': bmp,
    'tiff': tiff, 'pnm': pnm,
}  # fmt: skip
"""What makes a picture of each kind, by (width, height). That of PNG is whole."""
LARGEST = {'webp': 2**14, 'canvas webp': 2**24, 'jpeg': 2**16 - 1}
"""Pixels of a side that a kind can state; others 2^31 - 1."""
