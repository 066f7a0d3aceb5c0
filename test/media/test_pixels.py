"""Raw camera images of every encoding become the right RGB pixels, or a precise error."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from s2r_depth_ros.media.bit_depth import BitDepth
from s2r_depth_ros.media.pixels import ENCODINGS, ConversionError, encoding_of, image_to_rgb

# Reading order of the channels: index of R, G, B in the pixel of an encoding.
ORDERS = {
    'rgb8': (0, 1, 2), 'bgr8': (2, 1, 0), 'rgba8': (0, 1, 2), 'bgra8': (2, 1, 0),
    'mono8': (0, 0, 0), '8UC1': (0, 0, 0), '8UC3': (2, 1, 0), '8UC4': (2, 1, 0),
    'rgb16': (0, 1, 2), 'bgr16': (2, 1, 0), 'rgba16': (0, 1, 2), 'bgra16': (2, 1, 0),
    'mono16': (0, 0, 0), '16UC3': (2, 1, 0), '16UC4': (2, 1, 0),
}  # fmt: skip
CHANNELS = {'bayer': 1, 'mono': 1, '8UC1': 1, 'rgba': 4, 'bgra': 4, '8UC4': 4, '16UC4': 4}
# BT.601 studio range, as 8-bit Y, U, V of some RGB colours.
COLOURS = {
    (255, 0, 0): (81, 90, 240),
    (0, 255, 0): (145, 54, 34),
    (0, 0, 255): (41, 240, 110),
    (255, 255, 255): (235, 128, 128),
}


def _message(encoding: str, rows: NDArray[Any], width: int, /, **changes: Any) -> Any:
    """Return the fields of an Image with these rows of bytes, uint8 [rows, step]."""
    fields = {
        'encoding': encoding, 'height': len(rows), 'width': width, 'step': rows.shape[1],
        'is_bigendian': 0, 'data': rows.astype(np.uint8).tobytes(),
    }  # fmt: skip
    return SimpleNamespace(**(fields | changes))


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
    filled=st.integers(1, 16),
)
def test_pixels(
    encoding: str, seed: int, height: int, width: int, padding: int, big: bool, filled: int
) -> None:
    """Any size, any step, also odd ones for 16 bits, either byte order."""
    channels, wide = _channels(encoding), '16' in encoding
    limit, dtype = (2**filled, '>u2' if big else '<u2') if wide else (256, 'u1')
    values = np.random.default_rng(seed).integers(0, limit, (height, width, channels))
    rows = values.astype(dtype).reshape(height, -1).view(np.uint8)
    message = _message(encoding, _padded(rows, padding), width, is_bigendian=int(big))
    expected = values[..., list(ORDERS[encoding])]
    if wide:
        used = next(n for n in (8, 10, 12, 14, 16) if expected.max() < 2**n)
        expected = np.rint(expected * 255 / (2**used - 1))
    assert np.array_equal(image_to_rgb(message), expected)
    assert image_to_rgb(message).dtype == np.uint8


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


# V4L2 (pixfmt-yuv-planar): nv12 and nv24 have Cb first, nv21 has Cr first; how many pixels share
# one, across and down.
PLANES = {'nv12': ('uv', 2, 2), 'nv21': ('vu', 2, 2), 'nv24': ('uv', 1, 1)}


def _planes(encoding: str, yuv: NDArray[Any], padding: int) -> NDArray[Any]:
    """Lay out Y, Cb and Cr [H, W, 3] as V4L2 describes it; [rows, step], chroma of the first."""
    order, across, down = PLANES[encoding]
    chroma = yuv[::down, ::across][..., [' uv'.index(name) for name in order]]
    chroma = chroma.reshape(len(chroma), -1)
    # A row of colour is as long as ``step``, of nv24 twice as long, and so is its padding.
    longer = 2 // across
    step = max(yuv.shape[1], chroma.shape[1] // longer) + padding
    planes = [(yuv[..., 0], step), (chroma, longer * step)]
    return np.concatenate(
        [np.pad(p, ((0, 0), (0, n - p.shape[1]))).reshape(-1, step) for p, n in planes]
    )


@pytest.mark.parametrize('encoding', PLANES)
@given(
    colours=st.lists(st.sampled_from(sorted(COLOURS)), min_size=4, max_size=4),
    height=st.integers(1, 5), width=st.integers(1, 5), padding=st.integers(0, 3),
)  # fmt: skip
def test_planar_yuv(
    encoding: str, colours: list[tuple[int, int, int]], height: int, width: int, padding: int
) -> None:
    """Also of odd sizes, whose last pixels have a colour of their own."""
    tiles = np.array(colours).reshape(2, 2, 3).repeat(4, 0).repeat(4, 1)[:height, :width]
    yuv = np.array([COLOURS[tuple(rgb)] for rgb in tiles.reshape(-1, 3).tolist()])
    rows = _planes(encoding, yuv.reshape(height, width, 3), padding)
    message = _message(encoding, rows, width, height=height)
    assert np.abs(image_to_rgb(message).astype(int) - tiles).max() <= 3


@pytest.mark.parametrize('encoding', PLANES)
def test_planar_yuv_as_the_standard_computes_it(encoding: str) -> None:
    """Any Y, Cb, Cr by the formula of ITU-R BT.601, studio range."""
    rng = np.random.default_rng(0)
    yuv = rng.integers(16, 236, (6, 8, 3)).repeat(2, 0).repeat(2, 1)
    y, cb, cr = np.moveaxis(yuv - [16.0, 128.0, 128.0], -1, 0)
    expected = np.stack(
        [1.164 * y + 1.596 * cr, 1.164 * y - 0.392 * cb - 0.813 * cr, 1.164 * y + 2.017 * cb], -1
    ).clip(0, 255)
    message = _message(encoding, _planes(encoding, yuv, 0), 16, height=12)
    assert np.abs(image_to_rgb(message) - expected).max() <= 1.5


def test_every_encoding_is_tested_above() -> None:
    bayer = {f'bayer_{p}{b}' for p in ('rggb', 'bggr', 'gbrg', 'grbg') for b in (8, 16)}
    yuv = {'yuv422', 'uyvy', 'yuv422_yuy2', 'yuyv', 'nv12', 'nv21', 'nv24'}
    assert set(ENCODINGS) == set(ORDERS) | bayer | yuv


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
        ({'encoding': ''}, "'' is not a colour encoding"),
        ({'step': 23}, 'has step 23, but a row takes 24 bytes'),
        ({'width': 0}, 'is empty'),
        ({'encoding': 'yuyv', 'width': 7, 'step': 14}, 'odd width 7'),
        ({'encoding': 'nv12', 'width': 7, 'step': 7}, 'odd width 7'),
    ],
)
def test_impossible_images_are_named(changes: dict[str, Any], reason: str) -> None:
    message = _message('rgb8', np.zeros((12, 24), np.uint8), 8, **changes)
    with pytest.raises(ConversionError) as caught:
        image_to_rgb(message)
    assert reason in str(caught.value)


@pytest.mark.parametrize('encoding', ['uyvy', 'yuv422', 'yuyv', 'yuv422_yuy2'])
def test_odd_width_of_packed_yuv(encoding: str) -> None:
    """The last pixel's colour is in the whole pair, where the row has room for it."""
    rows = np.random.default_rng(0).integers(0, 256, (5, 16)).astype(np.uint8)
    whole = image_to_rgb(_message(encoding, rows, 8))
    assert np.array_equal(image_to_rgb(_message(encoding, rows, 7)), whole[:, :7])


@given(name=st.sampled_from(ENCODINGS), blanks=st.sampled_from(['', ' ', '\n']), data=st.data())
def test_names_in_any_case(name: str, blanks: str, data: st.DataObject) -> None:
    upper = data.draw(st.lists(st.booleans(), min_size=len(name), max_size=len(name)))
    mixed = ''.join(c.upper() if up else c.lower() for c, up in zip(name, upper))
    assert encoding_of(blanks + mixed + blanks) == name


PICTURES_AS_MATRICES = ('8UC1', '8UC3', '8UC4', '16UC3', '16UC4')


@pytest.mark.parametrize('channels', ['', '1', '2', '3', '4', '5'])
@pytest.mark.parametrize('kind', ['8U', '8S', '16U', '16S', '32S', '32F', '64F'])
def test_measurements_are_no_pictures(kind: str, channels: str) -> None:
    """Depth above all: 16UC1 would look like a grey picture."""
    encoding = f'{kind}C{channels}'
    if encoding in PICTURES_AS_MATRICES:
        assert encoding_of(encoding) == encoding
        return
    message = _message(encoding, np.zeros((4, 256)), 4)
    with pytest.raises(ConversionError, match=rf"'{encoding}' is not a .*measurements.*remap"):
        image_to_rgb(message)


@pytest.mark.parametrize('size', [(1, 1), (1, 9), (2, 2), (9, 1), (3, 3)])
@pytest.mark.parametrize('encoding', ENCODINGS)
def test_tiny_images_have_pixels(encoding: str, size: tuple[int, int]) -> None:
    height, width = size
    rows = np.zeros((3 * height + 3, 10 * width + 10), np.uint8)
    rgb = image_to_rgb(_message(encoding, rows, width, height=height))
    assert rgb.shape == (height, width, 3)


# ---------------------------------------------------------------- bits


@given(
    st.lists(st.tuples(st.integers(1, 16), st.integers(0, 99)), min_size=1, max_size=6),
    st.sampled_from(['mono16', 'rgb16', 'bgra16', 'bayer_grbg16']),
)
def test_the_bits_of_a_camera_only_grow(frames: list[tuple[int, int]], encoding: str) -> None:
    """One rule for its frames, whatever the brightest pixel of each: no flicker."""
    camera, least = BitDepth(), 8
    for used, seed in frames:
        top = 2**used - 1
        values = np.random.default_rng(seed).integers(0, top + 1, (4, 4, _channels(encoding)))
        values[0, 0] = top
        if encoding == 'bgra16':
            values[..., 3] = 65535  # is no brightness
        rows = values.astype('<u2').reshape(4, -1).view(np.uint8)
        rgb = image_to_rgb(_message(encoding, rows, 4), camera)
        least = max(least, used)
        assert camera.bits == least + least % 2
        if encoding == 'mono16':
            expected = np.rint(values[..., 0] * 255 / (2**camera.bits - 1))
            assert np.array_equal(rgb[..., 0], expected)


@pytest.mark.parametrize('used', [10, 12, 14])
def test_bits_at_the_upper_end_fill_all_16(used: int) -> None:
    values = np.linspace(0, 2**used - 1, 64).astype(np.uint16).reshape(8, 8)
    low, high = (
        image_to_rgb(_message('mono16', v.view(np.uint8), 8)).astype(int)
        for v in (values, values << (16 - used))
    )
    assert low.max() == 255
    assert np.abs(low - high).max() <= 1
