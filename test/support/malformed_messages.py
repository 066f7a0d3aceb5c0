"""Messages of a camera as no camera sends them, and good ones of other kinds, for hypothesis."""

from __future__ import annotations

import struct
from array import array
from typing import Any

import coded_bombs
import cv2
import numpy as np
from builtin_interfaces.msg import Time
from hypothesis import strategies as st
from ros_graph import camera_info, picture, rgb_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, RegionOfInterest
from std_msgs.msg import Header

from s2r_depth_ros.media.pixels import ENCODINGS

# A message of a graph comes with any number that its type can hold.
_UINT32 = st.one_of(
    st.sampled_from([0, 1, 2, 3, 119, 121, 10**5, 2**31, 2**32 - 1]), st.integers(0, 2**32 - 1)
)
_NASTY_TEXT = st.one_of(
    st.sampled_from(['', ' ', '\n[ERROR] forged', '\x1b[2J\x1b]0;title\x07', 'x' * 300_000, '/']),
    st.text(st.characters(exclude_categories=['Cs'], exclude_characters='\0'), max_size=20),
)
_NUMBERS = st.one_of(
    st.sampled_from(
        [0.0, -0.0, 1.0, -1.0, 3.6, 1e-300, 1e300, 1e19, float('nan'), float('inf'), -float('inf')]
    ),
    st.floats(width=64),
)
_TIMES = st.one_of(
    st.just(Time()),
    st.builds(
        Time,
        sec=st.one_of(st.sampled_from([-1, -(2**31), 1, 2**31 - 1]), st.integers(-(2**31), 10**9)),
        nanosec=st.integers(0, 2**32 - 1),
    ),
)
HEADERS = st.builds(Header, stamp=_TIMES, frame_id=st.one_of(st.just('camera'), _NASTY_TEXT))

_WRONG_ENCODINGS = (
    '32FC1', '16UC1', '8UC5', '64FC1', '16SC2', 'jpeg', 'yuv420p', 'RGB 8', 'rgb8; jpeg', 'bayer',
)  # fmt: skip
_FORMATS = (
    '', 'jpeg', 'png', 'webp', 'tiff', 'bgr8; jpeg compressed bgr8', 'rgb8; png compressed rgb8',
    '16UC1; compressedDepth png', '32FC1; compressedDepth rvl', '32FC1; png compressed ',
    'mono16; png compressed ', 'bayer_rggb8; jpeg compressed ', 'h264', ';;;',
    '; jpeg compressed rgb',
)  # fmt: skip


@st.composite
def raw_images(draw: st.DrawFn) -> Image:
    """Images of which one to three fields are changed, or of which the size and encoding are."""
    header = draw(HEADERS)
    if draw(st.integers(0, 3)) == 0:
        return _other_image(draw, header)
    message = rgb_message(picture(1))
    message.header = header
    fields = draw(st.lists(st.sampled_from(sorted(_CHANGES)), min_size=1, max_size=3, unique=True))
    for name in fields:
        setattr(message, name, draw(_CHANGES[name]))
    return message


def _other_image(draw: st.DrawFn, header: Header) -> Image:
    """Return an image that may well be good, but not of the size of the ones before."""
    height, width, channels = (draw(st.integers(1, most)) for most in (48, 64, 8))
    data = draw(st.integers(0, 255)).to_bytes(1, 'little') * (height * width * channels)
    return Image(
        header=header, height=height, width=width, step=width * channels,
        encoding=draw(st.sampled_from(ENCODINGS)), data=array('B', data),
        is_bigendian=draw(st.integers(0, 1)),
    )  # fmt: skip


def _cut(message: Image, keep: float) -> array[int]:
    return array('B', bytes(message.data)[: int(keep * len(message.data))])


_CHANGES: dict[str, st.SearchStrategy[Any]] = {
    'height': _UINT32,
    'width': _UINT32,
    'step': st.one_of(_UINT32, st.sampled_from([479, 481, 160])),
    'encoding': st.one_of(st.sampled_from((*_WRONG_ENCODINGS, *ENCODINGS)), _NASTY_TEXT),
    'is_bigendian': st.integers(0, 255),
    'data': st.one_of(
        st.floats(0, 1).map(lambda keep: _cut(rgb_message(picture(1)), keep)),
        st.binary(max_size=64).map(lambda data: array('B', data)),
    ),
}


@st.composite
def coded_pictures(draw: st.DrawFn) -> bytes:
    """JPEGs and PNGs that are cut or changed, pictures that state any size, and no pictures."""
    kind = draw(st.sampled_from(['cut', 'changed', 'bomb', 'packed', 'scans', 'bytes', 'other']))
    if kind == 'bytes':
        start = draw(st.sampled_from([b'', b'\xff\xd8\xff', b'\x89PNG\r\n\x1a\n', b'BM', b'II*\0']))
        return start + draw(st.binary(max_size=80))
    if kind == 'packed':
        chunk = coded_bombs.packed_text(draw(st.sampled_from([b'zTXt', b'iTXt', b'iCCP'])), 10**6)
        return coded_bombs.flat_png(16, 16, *[chunk] * draw(st.integers(1, 3)))
    if kind == 'scans':
        return coded_bombs.jpeg_of_scans(16, draw(st.integers(50, 5000)))
    if kind == 'bomb':
        return _bomb(draw)
    if kind == 'other':
        size = (draw(st.integers(32, 64)), draw(st.integers(32, 64)))
        return _coded(draw, np.zeros((*size, 3), np.uint8))
    whole = _coded(draw, picture(1)[:48, :64])
    if kind == 'cut':
        return whole[: draw(st.integers(0, len(whole)))]
    changed = bytearray(whole)
    for _ in range(draw(st.integers(1, 8))):
        changed[draw(st.integers(0, len(whole) - 1))] = draw(st.integers(0, 255))
    return bytes(changed)


def _bomb(draw: st.DrawFn) -> bytes:
    """Return a picture of more pixels than are taken."""
    kind = draw(st.sampled_from(sorted(coded_bombs.BOMBS)))
    most = coded_bombs.LARGEST.get(kind, 2**31 - 1)
    width = draw(st.integers(5001, most))
    height = draw(st.integers(5001, most))
    # A whole PNG takes its time to be made.
    make = coded_bombs.png if kind == 'png' else coded_bombs.BOMBS[kind]
    return make(width, height)


def _coded(draw: st.DrawFn, pixels: Any) -> bytes:
    suffix = draw(st.sampled_from(['.jpg', '.png', '.webp', '.bmp', '.tiff', '.ppm', '.jp2']))
    return cv2.imencode(suffix, pixels)[1].tobytes()


@st.composite
def compressed_images(draw: st.DrawFn) -> CompressedImage:
    """Compressed images of any content and format; depth as image_transport packs it, too."""
    content = draw(coded_pictures())
    stated = draw(st.one_of(st.sampled_from(_FORMATS), _NASTY_TEXT))
    if 'compressedDepth' in stated and draw(st.booleans()):
        content = struct.pack('<iff', 0, 1.0, 0.0) + content
    return CompressedImage(header=draw(HEADERS), format=stated, data=array('B', content))


@st.composite
def camera_infos(draw: st.DrawFn) -> CameraInfo:
    """Calibrations of which one to four fields are changed."""
    changes: dict[str, Any] = {}
    good = camera_info()
    names = st.lists(st.sampled_from(_INFO_FIELDS), min_size=1, max_size=4, unique=True)
    for name in draw(names):
        if name in ('k', 'r', 'p'):
            values = list(getattr(good, name))
            for _ in range(draw(st.integers(1, 3))):
                values[draw(st.integers(0, len(values) - 1))] = draw(_NUMBERS)
            changes[name] = values
        elif name == 'd':
            length = draw(st.sampled_from([0, 1, 4, 5, 6, 8, 12, 14, 1000]))
            changes[name] = [draw(_NUMBERS)] * length
        elif name == 'distortion_model':
            known = st.sampled_from(['rational_polynomial', 'equidistant', 'fisheye', 'omni'])
            changes[name] = draw(st.one_of(known, _NASTY_TEXT))
        elif name == 'roi':
            changes[name] = RegionOfInterest(**{n: draw(_UINT32) for n in _WINDOW})
        else:
            changes[name] = draw(_UINT32)
    return camera_info(**changes)


_WINDOW = ('x_offset', 'y_offset', 'width', 'height')
_INFO_FIELDS = (
    'k', 'd', 'r', 'p', 'distortion_model', 'width', 'height', 'roi', 'binning_x', 'binning_y',
)  # fmt: skip
