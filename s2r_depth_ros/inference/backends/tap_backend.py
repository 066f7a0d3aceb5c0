"""The rewritten network with tap-first up-projections: numba on a CPU, Triton on a GPU."""

from __future__ import annotations

import torch
from torch import nn

from s2r_depth_ros.inference.backends import torch_backend
from s2r_depth_ros.inference.backends.base import BackendError, OneByOne, Source
from s2r_depth_ros.network.folded_blocks import UpsampledConv
from s2r_depth_ros.network.tap_first import TapConv

# Below this the interpolation of 25 taps costs more than the multiplications that it saves
# (measured on a CPU with AVX-512, benchmarks/NOTES.md).
_CHANNELS = 64


def make(
    source: Source, size: tuple[int, int], device: torch.device, dtype: torch.dtype
) -> OneByOne:
    """Return the backend: torch, with other wide up-projections, which take one image."""
    if device.type == 'cpu' and dtype != torch.float32:
        raise BackendError(
            f"backend 'tap' computes in fp32 on a CPU, not in {dtype}: use precision fp32, or "
            'backend torch or openvino'
        )
    kind = _kind(device)

    def upsampled_conv(conv: nn.Conv2d) -> nn.Module:
        return kind(conv) if conv.out_channels >= _CHANNELS else UpsampledConv(conv)

    return OneByOne(torch_backend.make(source, size, device, dtype, upsampled_conv))


def _kind(device: torch.device) -> type[TapConv]:
    """Return the implementation for ``device``; only that one's packages are imported."""
    if device.type == 'cuda':
        from s2r_depth_ros.inference.backends.tap_triton import TritonTapConv

        return TritonTapConv
    from s2r_depth_ros.inference.backends.tap_numba import NumbaTapConv

    return NumbaTapConv
