"""TapConv for CPUs: products and interpolation band by band, so that both stay in the cache.

Importing this module needs numba and compiles nothing yet; the first run compiles for some seconds,
and keeps the result on disk where it may.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from s2r_depth_ros.inference.backends.base import require
from s2r_depth_ros.network.tap_first import TAPS, AxisTable, TapConv

numba = require('numba', 'tap', 'numba')
# Its threads sleep between kernels; those of the layer omp spin beside torch's and starve both.
numba.config.THREADING_LAYER = 'workqueue'
prange = numba.prange

# That layer must not be used by two threads at once.
_LOCK = threading.Lock()

# Low rows a matrix product takes at once, and rows kept besides: the five taps of a high row that
# is not ready before this band reach at most five rows back from the last one that they need.
_BAND = 4
_KEPT = 5

Array = NDArray[np.float32]
_Table = tuple[NDArray[np.int64], NDArray[np.int64], Array, Array]
_jit = numba.njit(fastmath=True, parallel=True, cache=True)


@dataclass(frozen=True)
class _Plan:
    """Everything for one pair of sizes. tables: low0, low1, weight0, weight1 of an axis.

    needed: for each high row, the last low row that it and all rows before it need.
    ring: columns done, rows not: [rows kept, W, 5 row taps, C]; low row r is at r modulo its size.
    """

    rows: _Table
    columns: _Table
    needed: NDArray[np.int64]
    products: Tensor
    ring: Array
    result: Array


class NumbaTapConv(TapConv):
    """TapConv of one float32 image; its result is overwritten by the next call."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__(conv)
        self._plans: dict[tuple[int, ...], _Plan] = {}

    def forward(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the convolution of ``features`` [1, C_in, h, w] upsampled to ``size``."""
        height, width = features.shape[-2:]
        plan = self._plan(features, size)
        pixels = features.permute(0, 2, 3, 1).reshape(height, width, -1)
        bias = self.bias.numpy()
        done = 0
        for first in range(0, height, _BAND):
            last = min(first + _BAND, height)
            band = pixels[first:last].reshape(-1, pixels.shape[-1])
            products = plan.products[: len(band)]
            torch.mm(band, self.weight, out=products)
            taps = products.numpy().reshape(last - first, width, TAPS, TAPS, self.channels)
            ready = int(np.searchsorted(plan.needed, last - 1, side='right'))
            with _LOCK:
                _interpolate_columns(taps, first, plan.ring, *plan.columns)
                _interpolate_rows(plan.ring, done, ready, plan.result, bias, *plan.rows)
            done = ready
        return torch.from_numpy(plan.result).permute(2, 0, 1)[None]

    def _plan(self, features: Tensor, size: tuple[int, int]) -> _Plan:
        key = (*features.shape[-2:], *size)
        if key not in self._plans:
            numba.set_num_threads(min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS))
            rows, columns = (_arrays(table) for table in self.tables(features, size))
            self._plans[key] = _Plan(
                rows,
                columns,
                np.maximum.accumulate(rows[1].max(1)),
                torch.empty(_BAND * key[1], TAPS * TAPS * self.channels),
                np.empty((_BAND + _KEPT, size[1], TAPS, self.channels), np.float32),
                np.empty((*size, self.channels), np.float32),
            )
        return self._plans[key]


def _arrays(table: AxisTable) -> _Table:
    fields = (table.low0, table.low1, table.weight0, table.weight1)
    low0, low1, weight0, weight1 = (np.ascontiguousarray(field.numpy()) for field in fields)
    return low0, low1, weight0, weight1


@_jit
def _interpolate_columns(  # type: ignore[no-untyped-def]  # numba finds the types
    taps, first, ring, low0, low1, weight0, weight1
):  # fmt: skip
    """Sum the column taps of low rows ``first`` onwards, interpolated, into the ring."""
    rows, width, channels = taps.shape[0], ring.shape[1], ring.shape[3]
    for pixel in prange(rows * width):
        r, x = pixel // width, pixel % width
        for ky in range(TAPS):
            out = ring[(first + r) % ring.shape[0], x, ky]
            # Written out, so that one pass over the channels does it all in registers.
            a0, b0 = taps[r, low0[x, 0], ky, 0], taps[r, low1[x, 0], ky, 0]
            a1, b1 = taps[r, low0[x, 1], ky, 1], taps[r, low1[x, 1], ky, 1]
            a2, b2 = taps[r, low0[x, 2], ky, 2], taps[r, low1[x, 2], ky, 2]
            a3, b3 = taps[r, low0[x, 3], ky, 3], taps[r, low1[x, 3], ky, 3]
            a4, b4 = taps[r, low0[x, 4], ky, 4], taps[r, low1[x, 4], ky, 4]
            u0, u1, u2, u3, u4 = weight0[x]
            v0, v1, v2, v3, v4 = weight1[x]
            for c in range(channels):
                out[c] = (
                    u0 * a0[c] + v0 * b0[c] + u1 * a1[c] + v1 * b1[c] + u2 * a2[c]
                    + v2 * b2[c] + u3 * a3[c] + v3 * b3[c] + u4 * a4[c] + v4 * b4[c]
                )  # fmt: skip


@_jit
def _interpolate_rows(  # type: ignore[no-untyped-def]  # numba finds the types
    ring, start, stop, result, bias, low0, low1, weight0, weight1
):  # fmt: skip
    """Sum the row taps of high rows ``start`` to ``stop``, interpolated, into the result."""
    size, width, channels = ring.shape[0], ring.shape[1], ring.shape[3]
    for pixel in prange((stop - start) * width):
        y, x = start + pixel // width, pixel % width
        out = result[y, x]
        a0, b0 = ring[low0[y, 0] % size, x, 0], ring[low1[y, 0] % size, x, 0]
        a1, b1 = ring[low0[y, 1] % size, x, 1], ring[low1[y, 1] % size, x, 1]
        a2, b2 = ring[low0[y, 2] % size, x, 2], ring[low1[y, 2] % size, x, 2]
        a3, b3 = ring[low0[y, 3] % size, x, 3], ring[low1[y, 3] % size, x, 3]
        a4, b4 = ring[low0[y, 4] % size, x, 4], ring[low1[y, 4] % size, x, 4]
        u0, u1, u2, u3, u4 = weight0[y]
        v0, v1, v2, v3, v4 = weight1[y]
        for c in range(channels):
            out[c] = bias[c] + (
                u0 * a0[c] + v0 * b0[c] + u1 * a1[c] + v1 * b1[c] + u2 * a2[c]
                + v2 * b2[c] + u3 * a3[c] + v3 * b3[c] + u4 * a4[c] + v4 * b4[c]
            )  # fmt: skip
