"""The up-projection's 5x5 convolution of an upsampled image, computed tap by tap before upsampling.

Mixing channels commutes with interpolating between pixels, so with U the bilinear upsampling
(corners aligned) and W_k the matrix of tap k,

    conv5x5(U x) = sum over the 25 taps of shift_k U (W_k x).

All W_k x are one matrix product at low resolution: a quarter of the multiplications, which are
61 % of the network's. What is left acts on each channel alone and separates into columns and rows.
Outside the upsampled image the shifted map is zero, as the convolution's padding.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

TAPS = 5
_REACH = TAPS // 2


@dataclass(frozen=True)
class AxisTable:
    """How positions of one upsampled axis, seen through each tap, interpolate the low axis.

    low0, low1: int64 [n, 5], the two neighbours; weight0, weight1: float32 [n, 5], theirs, both 0
    where the tap lies outside the upsampled image.
    """

    low0: Tensor
    low1: Tensor
    weight0: Tensor
    weight1: Tensor

    def to(self, device: torch.device) -> AxisTable:
        """Return the table on ``device``."""
        fields = (self.low0, self.low1, self.weight0, self.weight1)
        return AxisTable(*(field.to(device) for field in fields))


def axis_table(low: int, high: int) -> AxisTable:
    """Return the table of an axis of ``low`` pixels resized to ``high`` > 1, corners aligned."""
    position = torch.arange(high)[:, None] + torch.arange(-_REACH, _REACH + 1)
    inside = (position >= 0) & (position < high)
    # In float32, as torch's own interpolation.
    step = torch.tensor((low - 1) / (high - 1), dtype=torch.float32)
    source = position.clamp(0, high - 1) * step
    low0 = source.floor().long()
    fraction = source - low0
    return AxisTable(
        low0, (low0 + 1).clamp(max=low - 1), (1 - fraction) * inside, fraction * inside
    )


def tap_weights(conv: nn.Conv2d) -> Tensor:
    """Return the weights of a 5x5 convolution as [C_in, 25 * C_out], taps row by row."""
    return conv.weight.detach().permute(1, 2, 3, 0).reshape(conv.in_channels, -1).contiguous()


class TapConv(nn.Module):
    """Upsampling and 5x5 convolution (padding 2, with bias) in plain torch, on any device.

    Input float [N, C_in, h, w], output float [N, C_out, *size] in channels last.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        assert conv.bias is not None
        self.channels = conv.out_channels
        self.register_buffer('weight', tap_weights(conv))
        self.register_buffer('bias', conv.bias.detach().clone())
        self._tables: dict[tuple[int, ...], tuple[AxisTable, AxisTable]] = {}

    def forward(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the convolution of ``features`` upsampled to ``size`` = (height, width)."""
        rows, columns = self.tables(features, size)
        products = self.products(features)
        across = _interpolated(products.movedim(4, 0), columns, 2)
        result = _interpolated(across.movedim(3, 0), rows, 1)
        return (result + self.bias).permute(0, 3, 1, 2)

    def products(self, features: Tensor) -> Tensor:
        """Return all taps at low resolution, [N, h, w, 5 rows, 5 columns, C_out]."""
        pixels = features.permute(0, 2, 3, 1)
        return (pixels @ self.weight).view(*pixels.shape[:3], TAPS, TAPS, self.channels)

    def tables(self, features: Tensor, size: tuple[int, int]) -> tuple[AxisTable, AxisTable]:
        """Return the tables of rows and columns, kept for each pair of sizes."""
        height, width = features.shape[-2:]
        key = (height, width, *size)
        if key not in self._tables:
            pairs = ((height, size[0]), (width, size[1]))
            tables = [axis_table(low, high).to(features.device) for low, high in pairs]
            self._tables[key] = (tables[0], tables[1])
        return self._tables[key]


def _interpolated(taps: Tensor, table: AxisTable, axis: int) -> Tensor:
    """Sum the five ``taps`` [5, ...], each interpolated along ``axis`` of the rest."""
    shape = [1] * (taps.ndim - 1)
    shape[axis] = -1
    total = torch.zeros(())
    for tap, values in enumerate(taps):
        for low, weight in ((table.low0, table.weight0), (table.low1, table.weight1)):
            factor = weight[:, tap].to(values.dtype).view(shape)
            total = total.to(values) + values.index_select(axis, low[:, tap]) * factor
    return total
