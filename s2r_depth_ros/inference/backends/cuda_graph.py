"""One CUDA graph a frame: no launch time, and STE and DSA on two streams."""

from __future__ import annotations

import torch
from torch import Tensor

from s2r_depth_ros.network.optimized import Maps, OptimizedNetwork

# cuDNN chooses its algorithms in the first runs; they must not be recorded.
_WARM_UP_RUNS = 3


class CudaGraphBackend:
    """Replays recorded runs of ``network`` on inputs of one size, without host synchronisation.

    The graph of one image is recorded at once, that of a larger batch when the first one comes.
    The maps are the graph's own buffers: the next call overwrites them.
    """

    def __init__(
        self,
        network: OptimizedNetwork,
        size: tuple[int, int],
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.input_dtype = dtype
        self._network = network
        self._size, self._device = size, device
        with torch.cuda.device(device):
            self._second = torch.cuda.Stream()
        self._recorded = {1: self._record(1)}

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Maps:
        """Return the maps of ``images``."""
        count = len(images)
        if count not in self._recorded:
            self._recorded[count] = self._record(count)
        graph, own, maps = self._recorded[count]
        own.copy_(images)
        graph.replay()
        return maps

    def _record(self, count: int) -> tuple[torch.cuda.CUDAGraph, Tensor, Maps]:
        """Return the graph of a batch of ``count``, its input and its maps."""
        with torch.cuda.device(self._device), torch.inference_mode():
            images = torch.zeros(
                count, 3, *self._size, device=self._device, dtype=self.input_dtype
            ).contiguous(memory_format=torch.channels_last)
            warm_up = torch.cuda.Stream()
            warm_up.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(warm_up):
                for _ in range(_WARM_UP_RUNS):
                    self._run(images)
            torch.cuda.current_stream().wait_stream(warm_up)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                maps = self._run(images)
        return graph, images, maps

    def _run(self, images: Tensor) -> Maps:
        """Run the network; the attention branch beside the structure branch."""
        first = torch.cuda.current_stream()
        self._second.wait_stream(first)
        with torch.cuda.stream(self._second):
            attention = self._network.dsa(images)
        structure = self._network.structure(images)
        first.wait_stream(self._second)
        return Maps(self._network.depth(structure, attention), structure, attention)
