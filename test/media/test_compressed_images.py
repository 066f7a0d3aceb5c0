"""Compressed camera images: what ``format`` says, in every form that drivers write it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from media_files import with_orientation
from numpy.typing import NDArray

from s2r_depth_ros.media.bit_depth import BitDepth
from s2r_depth_ros.media.compressed_images import compressed_to_rgb
from s2r_depth_ros.media.pixels import ConversionError, pixels_to_rgb

PICTURE = np.kron(
    np.array([[[250, 10, 30], [20, 240, 40]], [[30, 20, 230], [200, 200, 10]]], np.uint8),
    np.ones((16, 16, 1), np.uint8),
)
BGR = np.ascontiguousarray(PICTURE[..., ::-1])
INNER = np.s_[4:12, 4:12]


def _compressed(suffix: str, stated: str, bgr: NDArray[Any]) -> Any:
    return SimpleNamespace(format=stated, data=cv2.imencode(suffix, bgr)[1].reshape(-1))


@pytest.mark.parametrize('suffix', ['.png', '.jpg', '.webp'])
@pytest.mark.parametrize(
    'stated',
    [
        'png', 'jpeg', 'jpg', 'JPEG', '', '; jpeg', 'rgb8', 'image/jpeg',
        'rgb8; png compressed bgr8',
        'bgr8; jpeg compressed bgr8', 'BGR8;jpeg compressed BGR8', 'rgb8; jpeg compressed ',
        'yuv422; jpeg compressed bgr8', 'nv12; jpeg compressed bgr8', '8UC3; jpeg compressed ',
        'bayer_rggb8; jpeg compressed bgr8', 'bayer_rggb16; png compressed bgr8',
        'bgra8; png compressed bgr8', 'unheard of; jpeg compressed bgr8',
    ],
)  # fmt: skip
def test_colours(suffix: str, stated: str) -> None:
    """The codec tells what it is; three channels are colours, whatever the camera has."""
    rgb = compressed_to_rgb(_compressed(suffix, stated, BGR))
    difference = rgb[INNER].astype(int) - PICTURE[INNER]
    assert np.abs(difference).max() <= (0 if suffix == '.png' else 12)


def test_red_and_blue_swapped() -> None:
    message = _compressed('.png', 'rgb8; png compressed rgb8', PICTURE)
    assert np.array_equal(compressed_to_rgb(message), PICTURE)


def test_alpha_is_dropped() -> None:
    alpha = np.full((32, 32), 9, np.uint8)
    message = _compressed('.png', 'bgra8; png compressed bgra8', np.dstack([BGR, alpha]))
    assert np.array_equal(compressed_to_rgb(message), PICTURE)


@pytest.mark.parametrize('codec', ['png', 'jpeg'])
@pytest.mark.parametrize('stated', ['bayer_{}8; {} compressed ', 'BAYER_{}8;{}', 'bayer_{}8'])
@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
def test_mosaics(pattern: str, stated: str, codec: str) -> None:
    """What precedes the semicolon is the encoding of the decoded pixels."""
    colour = {'r': 200, 'g': 120, 'b': 40}
    mosaic = np.tile(np.array([colour[c] for c in pattern], np.uint8).reshape(2, 2), (16, 16))
    message = _compressed(f'.{codec}', stated.format(pattern, codec), mosaic)
    assert np.abs(compressed_to_rgb(message).astype(int) - [200, 120, 40]).max() <= 12


@pytest.mark.parametrize('used', [8, 10, 12, 16])
def test_deep_mosaics(used: int) -> None:
    """As the raw image would be, by the bits of the camera."""
    mosaic = np.random.default_rng(0).integers(0, 2**used, (16, 16)).astype(np.uint16)
    bits = BitDepth()
    message = _compressed('.png', 'bayer_gbrg16; png compressed ', mosaic)
    raw = pixels_to_rgb(mosaic[..., None], 'bayer_gbrg16', BitDepth())
    assert np.array_equal(compressed_to_rgb(message, bits), raw)
    assert bits.bits == used


@pytest.mark.parametrize('stated', ['mono8; jpeg compressed ', 'jpeg', '', 'rgb8; jpeg'])
def test_grey(stated: str) -> None:
    grey = PICTURE[..., 1].copy()
    rgb = compressed_to_rgb(_compressed('.jpg', stated, grey)).astype(int)
    assert np.abs(rgb[INNER] - grey[INNER][..., None]).max() <= 12


def test_grey_of_16_bits() -> None:
    camera, grey = BitDepth(), np.arange(0, 65536, 257, np.uint16).reshape(16, 16)
    rgb = compressed_to_rgb(_compressed('.png', 'mono16; png compressed ', grey), camera)
    assert np.array_equal(rgb[..., 1], np.arange(256).reshape(16, 16))
    dark = compressed_to_rgb(_compressed('.png', 'mono16; png compressed ', grey // 64), camera)
    assert dark.max() == round(65535 // 64 * 255 / 65535)


@pytest.mark.parametrize(
    'stated',
    ['16UC1; compressedDepth png', '32FC1; compressedDepth rvl', '16UC1; png compressed ',
     '16uc1; jpeg compressed ', '32FC1; png compressed ', '16UC1', 'compresseddepth'],
)  # fmt: skip
def test_depth_images_are_refused(stated: str) -> None:
    message = _compressed('.png', stated, np.full((40, 40), 1500, np.uint16))
    with pytest.raises(ConversionError, match=r'(?s)depth.*remap'):
        compressed_to_rgb(message)


@pytest.mark.parametrize('stated', ['png', '', '; png', 'unheard of'])
def test_16_bits_that_nobody_names_are_refused(stated: str) -> None:
    """cv_bridge writes just 'png', also of depth."""
    message = _compressed('.png', stated, np.full((40, 40), 1500, np.uint16))
    with pytest.raises(ConversionError, match=r'16-bit grey pixels.*remap.*mono16'):
        compressed_to_rgb(message)


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_damaged_images_are_named(suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    whole = _compressed(suffix, 'jpeg', noise).data.tobytes()
    for data in (b'', b'no picture', whole[: len(whole) // 2], b'\0\0\0\1g' + whole):
        message = SimpleNamespace(format='jpeg', data=data)
        with pytest.raises(ConversionError, match=r"'jpeg' \(\d+ bytes\) cannot be used: "):
            compressed_to_rgb(message)


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.webp'])
@pytest.mark.parametrize('orientation', range(1, 9))
def test_exif_is_not_looked_at(suffix: str, orientation: int) -> None:
    """camera_info describes the sensor's pixels."""
    wide = BGR[:16]
    stored = _compressed(suffix, 'jpeg', wide)
    turned = SimpleNamespace(
        format='jpeg', data=with_orientation(stored.data.tobytes(), orientation)
    )
    assert np.array_equal(compressed_to_rgb(turned), compressed_to_rgb(stored))
