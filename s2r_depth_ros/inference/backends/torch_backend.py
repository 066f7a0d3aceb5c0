"""The rewritten network in torch: channels last, on a GPU as one CUDA graph."""

from __future__ import annotations

import torch
from torch import Tensor

from s2r_depth_ros.inference.backends.base import Backend, Source, require_network
from s2r_depth_ros.network.folded_blocks import MakeUpsampledConv, UpsampledConv
from s2r_depth_ros.network.optimized import Maps, OptimizedNetwork


class TorchBackend:
    """Runs an OptimizedNetwork eagerly."""

    def __init__(self, network: OptimizedNetwork, dtype: torch.dtype) -> None:
        self.input_dtype = dtype
        self._network = network

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Maps:
        """Return the maps of ``images``."""
        return self._network(images.contiguous(memory_format=torch.channels_last))


def make(
    source: Source,
    size: tuple[int, int],
    device: torch.device,
    dtype: torch.dtype,
    upsampled_conv: MakeUpsampledConv = UpsampledConv,
) -> Backend:
    """Return the backend; on a CPU any size runs, a CUDA graph has only the one it was made for.

    upsampled_conv: how the up-projections upsample and convolve (see OptimizedNetwork).
    """
    network = OptimizedNetwork(require_network(source, 'torch'), upsampled_conv)
    network.to(device, dtype)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its stubs
    if device.type == 'cuda':
        # Only there: the module talks to the driver.
        from s2r_depth_ros.inference.backends.cuda_graph import CudaGraphBackend

        return CudaGraphBackend(network, size, device, dtype)
    return TorchBackend(network, dtype)
