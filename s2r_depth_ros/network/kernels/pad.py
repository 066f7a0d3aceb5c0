"""Reflection pads, and where they take what they show from."""

from __future__ import annotations

import torch
from torch import Tensor

from s2r_depth_ros.network.kernels.basics import PIECES, channels_last, tl, triton, vector_of


def forward(x: Tensor, pixels: int) -> Tensor:
    """Return what ``formulas.pad.forward`` does, in channels last."""
    x = channels_last(x)
    count, channels, height, width = x.shape
    y = torch.empty(
        (count, channels, height + 2 * pixels, width + 2 * pixels),
        dtype=x.dtype, device=x.device, memory_format=torch.channels_last,
    )  # fmt: skip
    vector = vector_of(x)
    grid = _grid(y, vector)
    _pad[grid](x, y, height, width, pixels, channels // vector, VECTOR=vector, PIECES=PIECES)
    return y


def backward(gradient: Tensor, pixels: int) -> Tensor:
    """Return what ``formulas.pad.backward`` does, in channels last."""
    gradient = channels_last(gradient)
    count, channels, height, width = gradient.shape
    for_x = torch.empty(
        (count, channels, height - 2 * pixels, width - 2 * pixels),
        dtype=gradient.dtype, device=gradient.device, memory_format=torch.channels_last,
    )  # fmt: skip
    vector = vector_of(gradient)
    groups = channels // vector
    unpad_part[_grid(for_x, vector)](
        gradient, for_x, height - 2 * pixels, width - 2 * pixels, pixels, groups, groups, 0,
        VECTOR=vector, PIECES=PIECES,
    )  # fmt: skip
    return for_x


def _grid(result: Tensor, vector: int) -> tuple[int, int, int]:
    count, channels, height, width = result.shape
    return triton.cdiv(width * channels // vector, PIECES), height, count


@triton.jit
def mirror(index, length):  # type: ignore[no-untyped-def]  # Triton finds the types
    """Return where a reflection pad takes ``index`` from, -length < index < 2 length - 1."""
    index = tl.abs(index)
    return tl.where(index >= length, 2 * length - 2 - index, index)


@triton.jit(do_not_specialize=['height', 'width', 'pad', 'groups'])
def _pad(  # type: ignore[no-untyped-def]  # Triton finds the types
    x, y, height, width, pad, groups, VECTOR: tl.constexpr, PIECES: tl.constexpr  # noqa: N803
):  # fmt: skip
    """Make pieces of one row of ``y``."""
    row, image = tl.program_id(1), tl.program_id(2).to(tl.int64)
    piece = tl.program_id(0) * PIECES + tl.arange(0, PIECES)
    column = piece // groups
    group = piece - column * groups
    wide = width + 2 * pad
    inside = (column < wide)[:, None]
    lane = tl.arange(0, VECTOR)[None, :]
    source = (mirror(row - pad, height) * width + mirror(column - pad, width)) * groups + group
    value = tl.load(
        x + image * height * width * groups * VECTOR + source[:, None] * VECTOR + lane, mask=inside
    )
    own = row * wide * groups + piece
    begin = image * (height + 2 * pad) * wide * groups * VECTOR
    tl.store(y + begin + own[:, None] * VECTOR + lane, value, mask=inside)


@triton.jit
def mirrored_in(index, length, pad, side: tl.constexpr):  # type: ignore[no-untyped-def]  # Triton finds the types
    """Return the padded position on ``side`` that shows ``index``, and whether there is one."""
    if side == 0:
        return index + pad, index >= 0
    if side == 1:
        return pad - index, (index >= 1) & (index <= pad)
    return 2 * (length - 1) - index + pad, (index >= length - 1 - pad) & (index <= length - 2)


@triton.jit(do_not_specialize=['height', 'width', 'pad', 'groups', 'own_groups', 'first'])
def unpad_part(  # type: ignore[no-untyped-def]  # Triton finds the types
    gradient, result, height, width, pad, groups, own_groups, first,
    VECTOR: tl.constexpr, PIECES: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Make pieces of one row of the gradient of some channels, from the group ``first`` on.

    Each is the sum of up to nine places that show its pixel.
    """
    row, image = tl.program_id(1), tl.program_id(2).to(tl.int64)
    piece = tl.program_id(0) * PIECES + tl.arange(0, PIECES)
    column = piece // own_groups
    group = piece - column * own_groups + first
    wide = width + 2 * pad
    inside = column < width
    lane = tl.arange(0, VECTOR)[None, :]
    gradient += image * (height + 2 * pad) * wide * groups * VECTOR
    total = tl.zeros((PIECES, VECTOR), tl.float32)
    for side in tl.static_range(3):
        source_row, shows_row = mirrored_in(row, height, pad, side)
        if shows_row:
            for flank in tl.static_range(3):
                source_column, shows_column = mirrored_in(column, width, pad, flank)
                source = (source_row * wide + source_column) * groups + group
                value = tl.load(
                    gradient + source[:, None] * VECTOR + lane,
                    mask=(inside & shows_column)[:, None], other=0.0,
                )  # fmt: skip
                total += value.to(tl.float32)
    begin = image * height * width * own_groups * VECTOR
    own = (row * width * own_groups + piece)[:, None] * VECTOR + lane
    tl.store(result + begin + own, total.to(result.dtype.element_ty), mask=inside[:, None])
