"""What the frames of a made-up recording show; each tells its index by its colour and depth."""

from __future__ import annotations

from typing import Any

import numpy as np
import written_bags as bags
from numpy.typing import NDArray

from s2r_depth_ros.geometry import CloudPacker, Intrinsics

WIDTH, HEIGHT, FRAMES = 80, 60, 8
INVALID_ROWS = 10
LATENCY_S = 0.04
INTRINSICS = Intrinsics(70.0, 70.0, 39.5, 29.5, WIDTH, HEIGHT)


def rgb(index: int) -> NDArray[np.uint8]:
    return np.full((HEIGHT, WIDTH, 3), (30 * index, 10, 250 - 30 * index), np.uint8)


def structure(index: int) -> NDArray[np.uint8]:
    return np.repeat(np.linspace(0, 200 + index, WIDTH).astype(np.uint8)[None], HEIGHT, axis=0)


def depth(index: int) -> NDArray[np.float32]:
    metres = np.repeat(np.linspace(1.0, 5.0, HEIGHT)[:, None], WIDTH, axis=1).astype(np.float32)
    metres[:INVALID_ROWS] = np.nan
    return metres + np.float32(0.1 * index)


def cloud(stamp: float, index: int) -> Any:
    """The frame's cloud as a message."""
    packed = CloudPacker(INTRINSICS).pack(depth(index), rgb(index))
    field = bags.TYPES['sensor_msgs/msg/PointField']
    fields = [
        field(name, offset, 7, 1) for name, offset in zip(('x', 'y', 'z', 'rgb'), range(0, 16, 4))
    ]
    return bags.TYPES[bags.CLOUD](
        bags.header(stamp), HEIGHT, WIDTH, fields, False, 16, 16 * WIDTH, packed.reshape(-1), False
    )
