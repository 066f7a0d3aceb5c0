"""Camera messages of every encoding become the right RGB pixels, or a precise error."""

from __future__ import annotations

import subprocess
import sys
from array import array
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from hypothesis import given
from hypothesis import strategies as st
from ros_graph import ROOT
from sensor_msgs.msg import CompressedImage, Image

from s2r_depth_ros.node import conversions
from s2r_depth_ros.node.conversions import (
    ENCODINGS,
    ConversionError,
    compressed_to_rgb,
    convert_with_cv_bridge,
    convert_with_numpy,
    image_to_rgb,
)

# Reading order of the channels: index of R, G, B in the pixel of an encoding.
ORDERS = {
    'rgb8': (0, 1, 2), 'bgr8': (2, 1, 0), 'rgba8': (0, 1, 2), 'bgra8': (2, 1, 0),
    'mono8': (0, 0, 0), '8UC1': (0, 0, 0), '8UC3': (2, 1, 0), '8UC4': (2, 1, 0),
    'rgb16': (0, 1, 2), 'bgr16': (2, 1, 0), 'rgba16': (0, 1, 2), 'bgra16': (2, 1, 0),
    'mono16': (0, 0, 0), '16UC1': (0, 0, 0), '16UC3': (2, 1, 0), '16UC4': (2, 1, 0),
}  # fmt: skip
CHANNELS = {'mono': 1, '8UC1': 1, '16UC1': 1, 'rgba': 4, 'bgra': 4, '8UC4': 4, '16UC4': 4}
# BT.601 studio range, as 8-bit Y, U, V of some RGB colours.
COLOURS = {
    (255, 0, 0): (81, 90, 240),
    (0, 255, 0): (145, 54, 34),
    (0, 0, 255): (41, 240, 110),
    (255, 255, 255): (235, 128, 128),
}


def _message(encoding: str, rows: NDArray[Any], width: int, /, **changes: Any) -> Image:
    """Return an Image with these rows of bytes, uint8 [rows, step]."""
    message = Image(encoding=encoding, height=len(rows), width=width, step=rows.shape[1])
    message.data = array('B', rows.tobytes())
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def _padded(rows: NDArray[Any], padding: int) -> NDArray[Any]:
    """Append bytes to each row that must not be read."""
    return np.pad(rows, ((0, 0), (0, padding)), constant_values=77)


def _channels(encoding: str) -> int:
    return next((n for start, n in CHANNELS.items() if encoding.startswith(start)), 3)


@pytest.mark.parametrize('encoding', ORDERS)
@given(
    seed=st.integers(0, 1000),
    height=st.integers(1, 7),
    width=st.integers(1, 7),
    padding=st.integers(0, 5),
    big=st.booleans(),
)
def test_pixels(encoding: str, seed: int, height: int, width: int, padding: int, big: bool) -> None:
    """Any size, any step, also odd ones for 16 bits, either byte order."""
    channels, wide = _channels(encoding), '16' in encoding
    limit, dtype = (65536, '>u2' if big else '<u2') if wide else (256, 'u1')
    values = np.random.default_rng(seed).integers(0, limit, (height, width, channels))
    rows = values.astype(dtype).reshape(height, -1).view(np.uint8)
    message = _message(encoding, _padded(rows, padding), width, is_bigendian=int(big))
    expected = values[..., list(ORDERS[encoding])]
    if wide:
        expected = np.rint(expected / 257)
    assert np.array_equal(image_to_rgb(message), expected)
    assert image_to_rgb(message).dtype == np.uint8
    assert np.array_equal(convert_with_numpy(message), expected)


@pytest.mark.parametrize('wide', [False, True])
@pytest.mark.parametrize('padding', [0, 3])
@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
def test_bayer(pattern: str, padding: int, wide: bool) -> None:
    """A uniform colour seen through the filter comes back."""
    colour = {'r': 200, 'g': 120, 'b': 40}
    tile = np.array([colour[c] for c in pattern]).reshape(2, 2)
    mosaic = np.tile(tile, (5, 6))
    values = (mosaic * 257).astype('>u2').view(np.uint8) if wide else mosaic.astype(np.uint8)
    message = _message(
        f'bayer_{pattern}{16 if wide else 8}', _padded(values, padding), 12, is_bigendian=int(wide)
    )
    assert np.abs(image_to_rgb(message).astype(int) - [200, 120, 40]).max() <= 1


@pytest.mark.parametrize('padding', [0, 3])
@pytest.mark.parametrize('rgb', COLOURS)
@pytest.mark.parametrize(
    ('encoding', 'order'),
    [('yuv422', 'uyvy'), ('uyvy', 'uyvy'), ('yuv422_yuy2', 'yuyv'), ('yuyv', 'yuyv')],
)
def test_packed_yuv(encoding: str, order: str, rgb: tuple[int, int, int], padding: int) -> None:
    values = dict(zip('yuv', COLOURS[rgb]))
    row = [values[c] for c in order] * 3
    message = _message(encoding, _padded(np.array([row] * 4, np.uint8), padding), 6)
    assert np.abs(image_to_rgb(message).astype(int) - rgb).max() <= 3


@pytest.mark.parametrize('padding', [0, 3])
@pytest.mark.parametrize('rgb', COLOURS)
@pytest.mark.parametrize(('encoding', 'chroma_rows'), [('nv21', 2), ('nv24', 8)])
def test_planar_yuv(
    encoding: str, chroma_rows: int, rgb: tuple[int, int, int], padding: int
) -> None:
    y, u, v = COLOURS[rgb]
    luma = np.full((4, 6), y)
    chroma = np.tile([v, u], (chroma_rows, 3))
    rows = _padded(np.concatenate([luma, chroma]).astype(np.uint8), padding)
    message = _message(encoding, rows, 6, height=4)
    assert np.abs(image_to_rgb(message).astype(int) - rgb).max() <= 3


def test_every_encoding_is_tested_above() -> None:
    bayer = {f'bayer_{p}{b}' for p in ('rggb', 'bggr', 'gbrg', 'grbg') for b in (8, 16)}
    yuv = {'yuv422', 'uyvy', 'yuv422_yuy2', 'yuyv', 'nv21', 'nv24'}
    assert set(ENCODINGS) == set(ORDERS) | bayer | yuv


def test_cv_bridge_and_stand_in_agree() -> None:
    """On whole images of every encoding for which cv_bridge is used."""
    pytest.importorskip('cv_bridge', reason='needs cv_bridge')
    encodings = conversions._bridge_encodings()
    assert {'rgb8', 'bgr8', 'mono8', 'bgra8', 'bayer_rggb8'} <= encodings
    assert not {e for e in encodings if '16' in e or 'yuv' in e}
    for encoding in encodings:
        size = (48, 64 * (1 if 'bayer' in encoding else _channels(encoding)))
        rows = np.random.default_rng(1).integers(0, 256, size).astype(np.uint8)
        message = _message(encoding, rows, 64)
        assert np.array_equal(convert_with_cv_bridge(message), convert_with_numpy(message))


@pytest.mark.parametrize('failure', ['ImportError', 'AttributeError', 'SystemError'])
def test_a_broken_cv_bridge_is_done_without(failure: str) -> None:
    """As where it was built for another NumPy; in a fresh process, as it is tried once."""
    script = f"""
import sys, types
class Broken(types.ModuleType):
    def __getattr__(self, name):
        raise {failure}('_ARRAY_API not found')
sys.modules['cv_bridge'] = Broken('cv_bridge')
from array import array
from sensor_msgs.msg import Image
from s2r_depth_ros.node.conversions import image_to_rgb
data = array('B', [1, 2, 3])
print(image_to_rgb(Image(encoding='bgr8', height=1, width=1, step=3, data=data)).tolist())
"""
    result = subprocess.run(
        [sys.executable, '-c', script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.stdout.strip() == '[[[3, 2, 1]]]', result.stderr


def test_last_row_may_be_without_padding() -> None:
    rows = np.arange(24, dtype=np.uint8).reshape(4, 6)
    message = _message('mono8', rows, 4)
    message.data = message.data[:-2]
    assert np.array_equal(image_to_rgb(message)[..., 0], rows[:, :4])


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_truncated_data_are_named(encoding: str) -> None:
    message = _message(encoding, np.zeros((8, 8 * 8), np.uint8), 8)
    message.data = message.data[:200]
    with pytest.raises(ConversionError, match=rf'^{encoding} image of 8x8 .* truncated'):
        image_to_rgb(message)


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'encoding': '32FC1'}, "'32FC1' is not a colour encoding"),
        ({'encoding': ''}, "'' is not a colour encoding"),
        ({'step': 23}, 'has step 23, but a row takes 24 bytes'),
        ({'width': 0}, 'is empty'),
        ({'encoding': 'yuyv', 'width': 7}, 'odd width 7'),
        ({'encoding': 'nv21', 'height': 5}, 'both must be even'),
    ],
)
def test_impossible_images_are_named(changes: dict[str, Any], reason: str) -> None:
    message = _message('rgb8', np.zeros((12, 24), np.uint8), 8, **changes)
    with pytest.raises(ConversionError) as caught:
        image_to_rgb(message)
    assert reason in str(caught.value)


# ---------------------------------------------------------------- compressed

PICTURE = np.kron(
    np.array([[[250, 10, 30], [20, 240, 40]], [[30, 20, 230], [200, 200, 10]]], np.uint8),
    np.ones((16, 16, 1), np.uint8),
)


def _compressed(suffix: str, stated: str, bgr: NDArray[Any]) -> CompressedImage:
    _, data = cv2.imencode(suffix, bgr)
    return CompressedImage(format=stated, data=array('B', data.tobytes()))


@pytest.mark.parametrize(
    ('suffix', 'stated', 'tolerance'),
    [
        ('.png', 'png', 0),
        ('.png', 'rgb8; png compressed bgr8', 0),
        ('.jpg', 'jpeg', 12),
        ('.jpg', 'bgr8; jpeg compressed bgr8', 12),
        ('.jpg', 'rgb8; jpeg compressed ', 12),
    ],
)
def test_compressed(suffix: str, stated: str, tolerance: int) -> None:
    message = _compressed(suffix, stated, PICTURE[..., ::-1])
    inner = np.s_[4:12, 4:12]
    difference = compressed_to_rgb(message)[inner].astype(int) - PICTURE[inner]
    assert np.abs(difference).max() <= tolerance


def test_compressed_with_red_and_blue_swapped() -> None:
    message = _compressed('.png', 'rgb8; png compressed rgb8', PICTURE)
    assert np.array_equal(compressed_to_rgb(message), PICTURE)


def test_compressed_grey_16_bit() -> None:
    grey = np.arange(0, 65536, 257, np.uint16).reshape(16, 16)
    rgb = compressed_to_rgb(_compressed('.png', 'mono16; png compressed ', grey))
    assert np.array_equal(rgb[..., 1], np.arange(256).reshape(16, 16))


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_damaged_compressed_images_are_named(suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    whole = _compressed(suffix, 'jpeg', noise)
    for data in (b'', b'no picture', bytes(whole.data[: len(whole.data) // 2])):
        message = CompressedImage(format='jpeg', data=array('B', data))
        with pytest.raises(ConversionError, match=r"'jpeg' \(\d+ bytes\) is damaged"):
            compressed_to_rgb(message)


def test_compressed_depth_is_named() -> None:
    message = CompressedImage(format='16UC1; compressedDepth png')
    with pytest.raises(ConversionError, match='is a depth image'):
        compressed_to_rgb(message)
