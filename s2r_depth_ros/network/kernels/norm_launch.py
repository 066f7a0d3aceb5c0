"""How a norm is spread over the programs of a GPU, and the tiles that all its kernels walk.

A norm is two launches each way. The pixels of an image (of the batch, for a batch norm) are split
over programs, as one program for each image would leave most of the chip idle; the first launch
writes each program's sums, the second adds them up in a fixed order and makes the result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from s2r_depth_ros.network.kernels.basics import tl, triton

# Elements that a program has in hand, and the channels among them at most.
_TILE, _CHANNELS, _WARPS = 4096, 32, 8
# Programs that fill the chip, and how many of them may share the pixels of an image.
_PROGRAMS, _SPLITS = 1024, 128


@dataclass(frozen=True)
class NormLaunch:
    """How a norm of [instances, pixels, channels] is spread over programs."""

    instances: int
    pixels: int
    channels: int
    splits: int
    chunk: int
    tile_pixels: int
    tile_channels: int

    @classmethod
    def of(cls, x: Tensor, per_image: bool) -> NormLaunch:
        """Return that of images ``x`` [N, C, H, W], each normalised alone or all together."""
        count, channels, height, width = x.shape
        instances, pixels = (count, height * width) if per_image else (1, count * height * width)
        tile_channels = min(triton.next_power_of_2(channels), _CHANNELS)
        tile_pixels = _TILE // tile_channels
        tiles = triton.cdiv(pixels, tile_pixels)
        others = instances * triton.cdiv(channels, tile_channels)
        splits = min(tiles, max(1, _PROGRAMS // others), _SPLITS)
        chunk = triton.cdiv(tiles, splits) * tile_pixels
        return cls(instances, pixels, channels, splits, chunk, tile_pixels, tile_channels)

    @property
    def grid(self) -> tuple[int, int, int]:
        """Programs over pixels, channels and instances."""
        return self.splits, triton.cdiv(self.channels, self.tile_channels), self.instances

    @property
    def constants(self) -> dict[str, int]:
        """What the kernels are compiled for."""
        return {
            # One for all numbers of splits: each further constant is compiled anew.
            'PARTS': _SPLITS,
            'PIXELS': self.tile_pixels,
            'CHANNELS': self.tile_channels,
            # Known when compiling, so that rows of whole vectors are read as vectors.
            'VECTOR': math.gcd(self.channels, 16),
            'num_warps': _WARPS,
        }

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """Pixels, vectors of channels, pixels of a program, and programs: as kernels take them."""
        return self.pixels, self.channels // self.constants['VECTOR'], self.chunk, self.splits

    def sums(self, x: Tensor, count: int) -> Tensor:
        """Return room for ``count`` sums of every program."""
        shape = (self.instances, self.splits, count, self.channels)
        return torch.empty(shape, dtype=torch.float32, device=x.device)


@triton.jit
def tile_at(  # type: ignore[no-untyped-def]  # Triton finds the types
    pixel, last, groups, PIXELS: tl.constexpr, CHANNELS: tl.constexpr, VECTOR: tl.constexpr  # noqa: N803
):  # fmt: skip
    """Return offsets and mask of a tile of pixels and channels of one image."""
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    channels = groups * VECTOR
    inside = (pixel < last)[:, None] & (channel < channels)[None, :]
    return pixel[:, None] * channels + channel[None, :], inside


@triton.jit
def channel_row(groups, CHANNELS: tl.constexpr, VECTOR: tl.constexpr):  # type: ignore[no-untyped-def]  # noqa: N803
    """Return the channels of this program and which of them exist."""
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    return channel, channel < groups * VECTOR
