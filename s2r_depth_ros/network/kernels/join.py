"""Padded concatenations of DP's decoder."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from s2r_depth_ros.network.kernels.basics import PIECES, tl, triton
from s2r_depth_ros.network.kernels.pad import mirror, unpad_part


def forward(parts: Sequence[Tensor], depth: Tensor | None, pixels: int, channels: int) -> Tensor:
    """Return what ``formulas.join.forward`` does, in channels last."""
    first = parts[0]
    count, _, height, width = first.shape
    shape = (count, channels, height + 2 * pixels, width + 2 * pixels)
    y = torch.empty(
        shape, dtype=first.dtype, device=first.device, memory_format=torch.channels_last
    )
    images = [part.contiguous(memory_format=torch.channels_last) for part in parts]
    sizes = [part.shape[1] for part in images]
    vector = math.gcd(16 // y.element_size(), channels, *sizes)
    grid = (triton.cdiv(shape[3] * channels // vector, PIECES), shape[2], count)
    second = images[1] if len(images) > 1 else None
    _join[grid](
        images[0], second, None if depth is None else depth.contiguous(), y,
        height, width, pixels, channels // vector, sizes[0] // vector,
        sizes[1] // vector if len(sizes) > 1 else 0,
        HAS_SECOND=second is not None, HAS_DEPTH=depth is not None,
        VECTOR=vector, PIECES=PIECES,
    )  # fmt: skip
    return y


def backward(
    gradient: Tensor, sizes: Sequence[int], with_depth: bool, pixels: int
) -> tuple[list[Tensor], Tensor | None]:
    """Return what ``formulas.join.backward`` does, in channels last."""
    gradient = gradient.contiguous(memory_format=torch.channels_last)
    count, channels, height, width = gradient.shape
    inner = (height - 2 * pixels, width - 2 * pixels)
    results, begin = [], 0
    for size in (*sizes, *([1] if with_depth else [])):
        result = torch.empty(
            (count, size, *inner),
            dtype=gradient.dtype, device=gradient.device, memory_format=torch.channels_last,
        )  # fmt: skip
        vector = math.gcd(16 // gradient.element_size(), channels, size, begin)
        grid = (triton.cdiv(inner[1] * size // vector, PIECES), inner[0], count)
        unpad_part[grid](
            gradient, result, *inner, pixels, channels // vector, size // vector, begin // vector,
            VECTOR=vector, PIECES=PIECES,
        )  # fmt: skip
        results.append(result)
        begin += size
    if not with_depth:
        return results, None
    # Each depth pixel was shown four times.
    for_depth = torch.nn.functional.avg_pool2d(results.pop().float(), 2, divisor_override=1)
    return results, for_depth


@triton.jit(do_not_specialize=['height', 'width', 'pad', 'groups', 'first', 'second'])
def _join(  # type: ignore[no-untyped-def]  # Triton finds the types
    a, b, depth, y, height, width, pad, groups, first, second,
    HAS_SECOND: tl.constexpr, HAS_DEPTH: tl.constexpr,  # noqa: N803
    VECTOR: tl.constexpr, PIECES: tl.constexpr,  # noqa: N803
):  # fmt: skip
    """Make pieces of one row: of a, of b, of the doubled depth, or zeros."""
    row, image = tl.program_id(1), tl.program_id(2).to(tl.int64)
    piece = tl.program_id(0) * PIECES + tl.arange(0, PIECES)
    column = piece // groups
    group = piece - column * groups
    wide = width + 2 * pad
    inside = column < wide
    lane = tl.arange(0, VECTOR)[None, :]
    source_row, source_column = mirror(row - pad, height), mirror(column - pad, width)
    pixel = image * height * width + source_row * width + source_column
    value = tl.load(
        a + (pixel * first + group)[:, None] * VECTOR + lane,
        mask=(inside & (group < first))[:, None], other=0.0,
    )  # fmt: skip
    if HAS_SECOND:
        # Zero where the other is, so that the sum is either.
        value += tl.load(
            b + (pixel * second + group - first)[:, None] * VECTOR + lane,
            mask=(inside & (group >= first) & (group < first + second))[:, None], other=0.0,
        )  # fmt: skip
    if HAS_DEPTH:
        low = image * (height // 2) * (width // 2)
        low += (source_row // 2) * (width // 2) + source_column // 2
        here = inside & (group == first + second)
        shown = tl.load(depth + low, mask=here, other=0.0)[:, None]
        value += tl.where(lane == 0, shown, 0.0).to(y.dtype.element_ty)
    begin = image * (height + 2 * pad) * wide * groups * VECTOR
    own = (row * wide * groups + piece)[:, None] * VECTOR + lane
    tl.store(y + begin + own, value, mask=inside[:, None])
