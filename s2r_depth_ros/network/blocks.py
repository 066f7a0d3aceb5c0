"""Building blocks that several sub-networks share (docs/network.md 2.2, 2.5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from s2r_depth_ros.network.layers import batch_norm, reflect_pad


def scaled(channels: int, width: float) -> int:
    """Return a hidden channel count of the full network scaled by ``width``, at least 1.

    Raises ValueError if ``width`` does not give a whole number of channels.
    """
    count = channels * width
    if count < 1 or count != int(count):
        raise ValueError(
            f'width {width:g} turns {channels} channels into {count:g}; use 1.0, 0.5, 0.25 or 0.125'
        )
    return int(count)


class UpProjection(nn.Module):
    """Bilinear upsampling followed by two parallel convolution branches (docs/network.md 2.2).

    Input float [N, C_in, h, w], output float [N, C_out, *size], values >= 0.

    Attribute ``merge_twins``: whether the two 5x5 convolutions, which read the same features, run
    as one. The weights, their gradients and the sums stay as they are; with few channels one
    convolution of twice the width is faster on a CPU.
    """

    merge_twins: bool = False

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 5, padding=2, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv1_2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn1_2 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(in_channels, out_channels, 5, padding=2, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)

    def forward(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        """Upsample ``features`` to ``size`` = (height, width) and merge both branches."""
        deep, direct = self._twins(upsampled(features, size))
        deep = self.conv1_2(batch_norm(deep, self.bn1, 0.0))
        return batch_norm(deep, self.bn1_2, 0.0, shortcut=batch_norm(direct, self.bn2))

    def _twins(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the 5x5 convolutions of the deep and of the direct branch give."""
        if not self.merge_twins:
            return self.conv1(features), self.conv2(features)
        weight = torch.cat([self.conv1.weight, self.conv2.weight])
        deep, direct = functional.conv2d(features, weight, padding=2).chunk(2, 1)
        return deep, direct


def upsampled(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Return [N, C, h, w] at ``size``, bilinear with aligned corners, in its own type."""
    with torch.autocast('cuda', enabled=False):  # which would make it float32
        return functional.interpolate(x, size, mode='bilinear', align_corners=True)


def double(x: Tensor) -> Tensor:
    """Return [N, C, h, w] at twice the height and width, each pixel four times."""
    return functional.interpolate(x, scale_factor=2, mode='nearest')


def sigmoid_head(features: Tensor, conv: nn.Conv2d) -> Tensor:
    """Turn features into one map in [0, 1]: reflection pad 1, 3x3 convolution, sigmoid."""
    return conv(reflect_pad(features, 1)).sigmoid()
