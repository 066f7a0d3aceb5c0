"""Camera messages to RGB uint8 images, stamps to seconds.

cv_bridge converts what it knows where it can be imported; ``media.pixels`` does the rest, and all
where cv_bridge is missing or broken. Both give the same pixels.
"""

from __future__ import annotations

import functools
from array import array
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from sensor_msgs.msg import Image

from s2r_depth_ros.media import pixels
from s2r_depth_ros.media.bit_depth import BitDepth

_BRIDGE_CANDIDATES = (
    'rgb8', 'bgr8', 'rgba8', 'bgra8', 'mono8',
    'bayer_rggb8', 'bayer_bggr8', 'bayer_gbrg8', 'bayer_grbg8',
)  # fmt: skip


def seconds(stamp: Time) -> float:
    """Return a stamp in seconds."""
    return float(stamp.sec + 1e-9 * stamp.nanosec)


def image_to_rgb(message: Image, bits: BitDepth | None = None) -> NDArray[np.uint8]:
    """Return a sensor_msgs/Image as ``pixels.image_to_rgb`` does, by cv_bridge where it can."""
    if message.encoding in _bridge_encodings() and _is_plain(message):
        return convert_with_cv_bridge(message)
    return pixels.image_to_rgb(message, bits)


def convert_with_cv_bridge(message: Image) -> NDArray[np.uint8]:
    """Convert by cv_bridge; only for encodings known to come out right, without padding."""
    pixels.check_size(message, message.height, message.step)
    return np.ascontiguousarray(_bridge().imgmsg_to_cv2(message, 'rgb8'))


def _is_plain(message: Image) -> bool:
    """Return whether rows are without padding and little-endian; cv_bridge gets others wrong."""
    pixel = pixels.PIXELS[message.encoding]
    return (
        not message.is_bigendian
        and message.step == message.width * pixel.channels * pixel.bits // 8
    )


@functools.cache
def _bridge() -> Any:
    from cv_bridge import CvBridge

    return CvBridge()


@functools.cache
def _bridge_encodings() -> frozenset[str]:
    """Return the encodings that the installed cv_bridge converts correctly; found once per process.

    A cv_bridge built against another NumPy fails in many ways, some only at the first call, so a
    small image of each encoding is tried.
    """
    return frozenset(encoding for encoding in _BRIDGE_CANDIDATES if _bridge_is_correct(encoding))


def _bridge_is_correct(encoding: str) -> bool:
    """Return whether cv_bridge converts a small image of this encoding as media.pixels does."""
    channels = pixels.PIXELS[encoding].channels
    values = np.arange(8 * 8 * channels, dtype=np.uint8)
    message = Image(height=8, width=8, encoding=encoding, step=8 * channels)
    message.data = array('B', values.tobytes())
    try:
        return np.array_equal(convert_with_cv_bridge(message), pixels.image_to_rgb(message))
    except Exception:  # whatever is wrong with it, there is media.pixels
        return False
