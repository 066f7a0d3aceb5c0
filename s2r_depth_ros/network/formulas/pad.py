"""Reflection pads."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from s2r_depth_ros.network.formulas.precision import wide


def forward(x: Tensor, pixels: int) -> Tensor:
    """Return ``x`` [N, C, H, W], ``pixels`` wider on each side, mirrored without the edge."""
    return functional.pad(x, (pixels,) * 4, mode='reflect')


def backward(gradient: Tensor, pixels: int) -> Tensor:
    """Return the gradient of the input of ``forward`` from that of its output."""
    return _gathered(_gathered(wide(gradient), pixels, 2), pixels, 3).to(gradient.dtype)


def _gathered(padded: Tensor, pixels: int, axis: int) -> Tensor:
    """Return the inside of ``padded`` along ``axis``, both margins added where they came from."""
    length = padded.shape[axis] - 2 * pixels
    inner = padded.narrow(axis, pixels, length).clone()
    first = padded.narrow(axis, 0, pixels).flip(axis)
    last = padded.narrow(axis, pixels + length, pixels).flip(axis)
    inner.narrow(axis, 1, pixels).add_(first)
    inner.narrow(axis, length - 1 - pixels, pixels).add_(last)
    return inner
