"""What tests read back from result files, and a video to read."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray


def read_png(path: Path) -> NDArray[Any]:
    """Return the picture as it is stored, colours as BGR."""
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture is not None, path
    return picture


def read_cloud(path: Path) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Return points [n, 3] and colours [n, 3] of a PLY file; skip the test without trimesh."""
    trimesh = pytest.importorskip('trimesh', reason='trimesh, which only pip has, reads the cloud')
    cloud = trimesh.load(path)
    assert isinstance(cloud, trimesh.PointCloud)
    return np.asarray(cloud.vertices), np.asarray(cloud.colors)[:, :3]


def write_video(path: Path, frames: Sequence[NDArray[np.uint8]], rate_hz: float = 10.0) -> None:
    """Write BGR frames, all of one size, as motion JPEG."""
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), rate_hz, (width, height))
    for frame in frames:
        writer.write(frame)
    writer.release()


def with_orientation(
    picture: bytes, orientation: int, order: str = '<', number: str = 'H'
) -> bytes:
    """Return a JPEG, PNG or WebP with an EXIF entry that says ``orientation`` (1 to 8).

    order: of the entry's bytes, ``<`` or ``>``. number: its type, H (SHORT) or I (LONG).
    """
    head = b'II' if order == '<' else b'MM'
    value = struct.pack(order + number, orientation).ljust(4, b'\0')
    # The header of a TIFF file and one entry: tag, type, count and value; then no more.
    entry = struct.pack(f'{order}HHI', 0x0112, {'H': 3, 'I': 4}[number], 1) + value
    block = head + struct.pack(f'{order}HIH', 42, 8, 1) + entry + bytes(4)
    return with_exif(picture, block)


def with_exif(picture: bytes, block: bytes) -> bytes:
    """Return a JPEG, PNG or WebP with the EXIF block ``block``."""
    if picture.startswith(b'\xff\xd8'):
        segment = b'Exif\0\0' + block
        head = b'\xff\xe1' + struct.pack('>H', len(segment) + 2)
        return picture[:2] + head + segment + picture[2:]
    if picture.startswith(b'\x89PNG'):
        chunk = b'eXIf' + block
        whole = struct.pack('>I', len(block)) + chunk + struct.pack('>I', zlib.crc32(chunk))
        return picture[:33] + whole + picture[33:]
    chunk = b'EXIF' + struct.pack('<I', len(block)) + block + b'\0' * (len(block) % 2)
    return b'RIFF' + struct.pack('<I', len(picture) - 8 + len(chunk)) + picture[8:] + chunk


def set_frame_times(path: Path, gaps: Sequence[int]) -> None:
    """Give the frames of an MP4 file gaps of so many times their first; the last one's included."""
    content = path.read_bytes()
    boxes = [b'moov', b'trak', b'mdia', b'minf', b'stbl', b'stts']
    places: list[int] = []
    for name in boxes:
        places.append(content.index(name, places[-1] if places else 0) - 4)
    start = places[-1]
    size, _, _, _, _, step = struct.unpack_from('>I4sIIII', content, start)
    table = b''.join(struct.pack('>II', 1, gap * step) for gap in gaps)
    stts = struct.pack('>I4sII', 16 + len(table), b'stts', 0, len(gaps)) + table
    changed = bytearray(content[:start] + stts + content[start + size :])
    for place in places[:-1]:
        (old,) = struct.unpack_from('>I', changed, place)
        struct.pack_into('>I', changed, place, old + len(stts) - size)
    # Longer now than the edit list says, which is left out.
    path.write_bytes(changed.replace(b'edts', b'free'))


def set_matroska_duration(path: Path, seconds: float) -> None:
    """Change how long a Matroska file says to be, as its longest track is."""
    content = bytearray(path.read_bytes())
    place = content.index(b'\x44\x89\x88')  # Duration, 8 bytes, in ms
    struct.pack_into('>d', content, place + 3, 1e3 * seconds)
    path.write_bytes(content)


def set_rotation(path: Path, degrees: int) -> None:
    """Tell players of an MP4 file to turn its pictures clockwise by a multiple of 90 degrees."""
    content = bytearray(path.read_bytes())
    a, b = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    matrix = (a << 16, b << 16, 0, -b << 16, a << 16, 0, 0, 0, 1 << 30)
    struct.pack_into('>9i', content, content.index(b'tkhd') + 44, *matrix)
    path.write_bytes(content)
