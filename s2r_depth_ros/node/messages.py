"""Images and clouds as messages, built in buffers that are kept between frames.

A message's data is an array.array that numpy writes into: assigning bytes or lists to it would
check every element. Publishing serialises at once, so the next frame may overwrite the buffer.
"""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image, PointCloud2, PointField
from std_msgs.msg import Header

from s2r_depth_ros.geometry import CloudPacker
from s2r_depth_ros.geometry.point_cloud import FIELD_OFFSETS, POINT_STEP, pack_points
from s2r_depth_ros.geometry.reduction import ColouredPoints


class ImageBuffer:
    """One Image message that is filled again for each frame; one caller at a time."""

    def __init__(self) -> None:
        self._message = Image()

    def fill(self, header: Header, encoding: str, pixels: NDArray[Any]) -> Image:
        """Return the message with ``pixels``, [H, W] or [H, W, C] of the encoding's dtype."""
        height, width = pixels.shape[:2]
        little = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder('<'))
        message = self._message
        message.header = header
        message.encoding = encoding
        message.height, message.width = height, width
        message.step = little.nbytes // height
        np.copyto(_writable(message, little.nbytes), little.reshape(-1).view(np.uint8))
        return message


class CloudBuffer:
    """One XYZRGB PointCloud2 that is filled again for each frame; one caller at a time."""

    def __init__(self) -> None:
        fields = [
            PointField(name=name, offset=offset, datatype=PointField.FLOAT32, count=1)
            for name, offset in FIELD_OFFSETS.items()
        ]
        self._message = PointCloud2(fields=fields, point_step=POINT_STEP)

    def fill(
        self,
        header: Header,
        packer: CloudPacker,
        depth: NDArray[np.float32],
        rgb: NDArray[np.uint8],
    ) -> PointCloud2:
        """Return the organised cloud of depth (float32 [H, W] metres) and its colours."""
        height, width = depth.shape
        message = self._start(header, (height, width))
        packer.pack(depth, rgb, out=_writable(message, packer.size))
        return message

    def fill_packed(
        self, header: Header, size: tuple[int, int], points: NDArray[np.uint8]
    ) -> PointCloud2:
        """Return the organised cloud of an image of ``size`` (height, width), packed already."""
        message = self._start(header, size)
        np.copyto(_writable(message, len(points)), points)
        return message

    def fill_points(self, header: Header, found: ColouredPoints) -> PointCloud2:
        """Return the cloud of finite points, in one row; it may have none."""
        message = self._start(header, (1, len(found.points)))
        message.is_dense = True
        size = len(found.points) * POINT_STEP
        pack_points(found.points, found.colours, _writable(message, size))
        return message

    def _start(self, header: Header, size: tuple[int, int]) -> PointCloud2:
        message = self._message
        message.is_dense = False
        message.header = header
        message.height, message.width = size
        message.row_step = message.width * POINT_STEP
        return message


def _writable(message: Image | PointCloud2, size: int) -> NDArray[np.uint8]:
    """Return the message's data as a writeable uint8 array of ``size`` bytes."""
    if len(message.data) != size:
        message.data = array('B', bytes(size))
    return np.frombuffer(message.data, np.uint8)
