"""What is done to a depth image after the network: scale, limits, holes, and its point cloud.

Each step exists twice and gives the same numbers: with numpy for depth on the host, and with torch
for depth on a GPU, so that only finished bytes leave it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.geometry.projection import ray_slopes
from s2r_depth_ros.inference.postprocess import mask_range

_Number = TypeVar('_Number', bound=np.generic)


@dataclass(frozen=True)
class Finish:
    """What is to be done to one depth image, in this order.

    depth_scale: factor on all depths. valid: bool [H, W], where depth may be kept; None: all.
    min_depth, max_depth: metres; depths outside become NaN. rays: ``cloud_rays`` if a point cloud
    is wanted, too.
    """

    depth_scale: float = 1.0
    valid: DeviceCopy[np.bool_] | None = None
    min_depth: float = 0.0
    max_depth: float = math.inf
    rays: tuple[DeviceCopy[np.float32], DeviceCopy[np.float32]] | None = None

    @property
    def limits(self) -> bool:
        """Return whether depths can be too near or too far."""
        return self.min_depth > 0 or self.max_depth < math.inf


class DeviceCopy(Generic[_Number]):
    """A constant array, and its copy on the device that it was last asked for on."""

    def __init__(self, array: NDArray[_Number]) -> None:
        self.array = array
        self._tensor: Tensor | None = None

    def on(self, device: torch.device) -> Tensor:
        """Return the copy on ``device``; it stays there."""
        if self._tensor is None or self._tensor.device != device:
            self._tensor = torch.from_numpy(self.array).to(device)
        return self._tensor


def cloud_rays(
    intrinsics: Intrinsics,
) -> tuple[DeviceCopy[np.float32], DeviceCopy[np.float32]]:
    """Return x/z of every column (float32 [1, W]) and y/z of every row ([H, 1]) for ``Finish``."""
    columns, rows = ray_slopes(intrinsics)
    return DeviceCopy(columns), DeviceCopy(rows)


def finish_on_host(depth: NDArray[np.float32], finish: Finish) -> NDArray[np.float32]:
    """Return ``depth`` (float32 [H, W], metres; overwritten) finished, NaN where invalid."""
    if finish.depth_scale != 1:
        depth *= np.float32(finish.depth_scale)
    if finish.valid is not None:
        depth[~finish.valid.array] = np.nan
    return mask_range(depth, finish.min_depth, finish.max_depth) if finish.limits else depth


def finish_on_device(depth: Tensor, finish: Finish) -> Tensor:
    """As ``finish_on_host``, for a tensor; without waiting for the device."""
    if finish.depth_scale != 1:
        depth.mul_(finish.depth_scale)
    if finish.valid is not None:
        depth.masked_fill_(~finish.valid.on(depth.device), math.nan)
    if finish.limits:
        outside = (depth < finish.min_depth) | (depth > finish.max_depth)
        depth.masked_fill_(outside, math.nan)
    return depth


def pack_cloud(depth: Tensor, rgb: Tensor, columns: Tensor, rows: Tensor) -> Tensor:
    """Return the points as CloudPacker.pack does, uint8 [H * W * 16], on the device of ``depth``.

    depth: float32 [H, W], metres along z, NaN invalid. rgb: uint8 [H, W, 3]. columns: float32
    [1, W], x/z; rows: float32 [H, 1], y/z. All on one device, which is not waited for.
    """
    points = depth.new_empty((*depth.shape, 4))
    points[..., 0] = depth * columns
    points[..., 1] = depth * rows
    points[..., 2] = depth
    red, green, blue = rgb.to(torch.int32).unbind(-1)
    # As integers: arithmetic on floats could flush these bits, which are denormal numbers.
    points.view(torch.int32)[..., 3] = (red << 16) | (green << 8) | blue
    return points.view(torch.uint8).reshape(-1)
