"""TapConv for GPUs: one matrix product, then one kernel that interpolates and sums all taps."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from s2r_depth_ros.inference.backends.base import require
from s2r_depth_ros.network.tap_first import TAPS, AxisTable, TapConv

triton = require('triton', 'tap', 'triton')
tl: Any = require('triton.language', 'tap', 'triton')

# Pixels of one row that a program makes.
_PIXELS = 16


class TritonTapConv(TapConv):
    """TapConv of one image: products in the network's precision, sums in float32."""

    def forward(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the convolution of ``features`` [1, C_in, h, w] upsampled to ``size``."""
        rows, columns = self.tables(features, size)
        products = self.products(features).contiguous()
        result = features.new_empty(1, *size, self.channels)
        grid = (triton.cdiv(size[1], _PIXELS), size[0])
        _gather[grid](
            products, self.bias, result, *_fields(rows), *_fields(columns),
            products.shape[2], size[1], self.channels,
            TAPS_=TAPS, PIXELS=_PIXELS, CHANNELS=triton.next_power_of_2(self.channels),
        )  # fmt: skip
        return result.permute(0, 3, 1, 2)


def _fields(table: AxisTable) -> tuple[Tensor, ...]:
    return (table.low0, table.low1, table.weight0, table.weight1)


@triton.jit
def _gather(  # type: ignore[no-untyped-def]  # Triton finds the types
    products, bias, result,
    row0, row1, row_weight0, row_weight1,
    column0, column1, column_weight0, column_weight1,
    low_width, width, channels,
    TAPS_: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Make ``PIXELS`` pixels of one row, all channels: 25 taps of 4 neighbours each."""
    y = tl.program_id(1)
    x = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    channel = tl.arange(0, CHANNELS)
    inside = x < width
    used = inside[:, None] & (channel < channels)[None, :]
    total = tl.zeros((PIXELS, CHANNELS), tl.float32)
    total += tl.load(bias + channel, mask=channel < channels, other=0.0).to(tl.float32)[None, :]
    tap_step = TAPS_ * TAPS_ * channels
    for ky in range(TAPS_):
        top = tl.load(row0 + y * TAPS_ + ky)
        bottom = tl.load(row1 + y * TAPS_ + ky)
        top_weight = tl.load(row_weight0 + y * TAPS_ + ky)
        bottom_weight = tl.load(row_weight1 + y * TAPS_ + ky)
        for kx in range(TAPS_):
            entry = x * TAPS_ + kx
            left = tl.load(column0 + entry, mask=inside, other=0)
            right = tl.load(column1 + entry, mask=inside, other=0)
            left_weight = tl.load(column_weight0 + entry, mask=inside, other=0.0)[:, None]
            right_weight = tl.load(column_weight1 + entry, mask=inside, other=0.0)[:, None]
            offset = ((ky * TAPS_ + kx) * channels + channel)[None, :]
            upper = products + top * low_width * tap_step + offset
            lower = products + bottom * low_width * tap_step + offset
            left_step, right_step = left[:, None] * tap_step, right[:, None] * tap_step
            above = left_weight * tl.load(upper + left_step, mask=used, other=0.0).to(tl.float32)
            above += right_weight * tl.load(upper + right_step, mask=used, other=0.0).to(tl.float32)
            below = left_weight * tl.load(lower + left_step, mask=used, other=0.0).to(tl.float32)
            below += right_weight * tl.load(lower + right_step, mask=used, other=0.0).to(tl.float32)
            total += top_weight * above + bottom_weight * below
    where = result + (y * width + x)[:, None] * channels + channel[None, :]
    tl.store(where, total.to(result.dtype.element_ty), mask=used)
