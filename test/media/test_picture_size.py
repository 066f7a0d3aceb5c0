"""The size of a coded picture is known, and refused if it is too large, before it is decoded."""

from __future__ import annotations

import struct
import time
from types import SimpleNamespace

import coded_bombs
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_depth_ros.media import png
from s2r_depth_ros.media.codecs import CodecError, decode
from s2r_depth_ros.media.compressed_images import compressed_to_rgb
from s2r_depth_ros.media.picture_size import MOST_PIXELS, stated_size
from s2r_depth_ros.media.pixels import ConversionError

SIDES = st.integers(1, 300)
MOST_SECONDS = 0.5  # of a processor; what is decoded takes ten times as long


@given(height=SIDES, width=SIDES, colour=st.booleans(), settings=st.sampled_from([
    ('.png', []), ('.jpg', []), ('.jpg', [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]), ('.webp', []),
    ('.webp', [cv2.IMWRITE_WEBP_QUALITY, 101]), ('.bmp', []), ('.tiff', []), ('.ppm', []),
    ('.ppm', [cv2.IMWRITE_PXM_BINARY, 0]),
]))  # fmt: skip
def test_what_is_written_has_the_size_that_it_states(
    height: int, width: int, colour: bool, settings: tuple[str, list[int]]
) -> None:
    suffix, how = settings
    pixels = np.full((height, width, 3) if colour else (height, width), 90, np.uint8)
    content = cv2.imencode('.pgm' if suffix == '.ppm' and not colour else suffix, pixels, how)[1]
    assert stated_size(content.tobytes()) == (width, height)
    assert decode(content.tobytes(), most_pixels=height * width).shape[:2] == (height, width)
    with pytest.raises(CodecError, match=f'{width}x{height} .* more than {height * width - 1} are'):
        decode(content.tobytes(), most_pixels=height * width - 1)


@pytest.mark.parametrize('kind', sorted(coded_bombs.BOMBS))
@given(data=st.data())
def test_any_size_that_can_be_stated(kind: str, data: st.DataObject) -> None:
    most = coded_bombs.LARGEST.get(kind, 2**31 - 1)
    width, height = data.draw(st.integers(1, most)), data.draw(st.integers(1, most))
    make = coded_bombs.png if kind == 'png' else coded_bombs.BOMBS[kind]
    assert stated_size(make(width, height)) == (width, height)
    if width * height > MOST_PIXELS:
        with pytest.raises(CodecError, match=rf'{width}x{height} .* max_image_pixels'):
            decode(make(width, height))


@pytest.mark.parametrize('kind', sorted(coded_bombs.BOMBS))
def test_a_bomb_is_refused_at_once(kind: str) -> None:
    """The PNG, of 400 kB, would be 400 MB of grey and more than a GB of colours."""
    side = min(20_000, coded_bombs.LARGEST.get(kind, 20_000))
    content = coded_bombs.BOMBS[kind](side, side)
    begin = time.process_time()
    with pytest.raises(ConversionError, match=r'no more than 25000000 are taken: scale it down'):
        compressed_to_rgb(SimpleNamespace(format='', data=content), most_pixels=25_000_000)
    assert time.process_time() - begin < MOST_SECONDS


@pytest.mark.parametrize('kind', [b'zTXt', b'iTXt', b'iCCP'])
def test_packed_texts_of_a_png_stay_packed(kind: bytes) -> None:
    """200 of 8 kB took 4 s and 1.5 GB."""
    text = coded_bombs.packed_text(kind, 7_900_000)
    content = coded_bombs.flat_png(16, 16, *[text] * 200)
    begin = time.process_time()
    assert np.array_equal(decode(content), np.zeros((16, 16)))
    assert time.process_time() - begin < MOST_SECONDS


def test_what_is_left_of_a_png_is_what_it_was() -> None:
    plain, text = coded_bombs.flat_png(9, 7), coded_bombs.packed_text(b'zTXt', 10)
    assert png.without_packed_texts(coded_bombs.flat_png(9, 7, text, text)) == plain
    assert png.without_packed_texts(plain) is plain


def test_a_jpeg_of_many_scans_is_refused() -> None:
    """OpenCV takes 17 s for 2000 scans of 4000x4000 pixels, in 68 kB."""
    with pytest.raises(CodecError, match=r'has \d+ scans, more than 64'):
        decode(coded_bombs.jpeg_of_scans(64, 20_000))


def test_tiles_of_a_tiff_count() -> None:
    content = coded_bombs.tiff(64, 64, (322, 2**24), (323, 2**20))
    assert stated_size(content) == (2**24, 2**20)
    assert stated_size(coded_bombs.tiff(3, 5, order='>')) == (3, 5)


def test_the_larger_of_two_frames_counts() -> None:
    content = coded_bombs.jpeg(16, 16)
    at = content.index(b'\xff\xc0')
    second = content[at : at + 5] + struct.pack('>HH', 60_000, 50_000) + content[at + 9 : at + 19]
    assert stated_size(content[:at] + content[at : at + 19] + second + content[at + 19 :]) == (
        50_000,
        60_000,
    )


def test_an_old_bitmap() -> None:
    content = b'BM' + bytes(12) + struct.pack('<IHHHH', 12, 640, 480, 1, 24)
    assert stated_size(content) == (640, 480)
    assert stated_size(coded_bombs.bmp(640, -480)) == (640, 480)


_STARTS = (
    b'', b'\xff\xd8\xff', b'\x89PNG\r\n\x1a\n', b'BM', b'II*\0', b'MM\0*', b'RIFF\0\0\0\0WEBP',
    b'P5 ', b'GIF89a', b'\0\0\0\x0cjP  ',
)  # fmt: skip


@given(st.sampled_from(_STARTS), st.binary())
def test_any_bytes_are_refused_or_have_a_size(start: bytes, rest: bytes) -> None:
    size = stated_size(start + rest)
    assert size is None or min(size) > 0
    if size is None:
        with pytest.raises(CodecError, match=r'not an image|cut short or damaged'):
            decode(start + rest)
