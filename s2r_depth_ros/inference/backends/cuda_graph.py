"""One CUDA graph a frame: no launch time, and STE and DSA on two streams."""

from __future__ import annotations

import torch
from torch import Tensor

from s2r_depth_ros.network.optimized import Maps, OptimizedNetwork

# cuDNN chooses its algorithms in the first runs; they must not be recorded.
_WARM_UP_RUNS = 3


class CudaGraphBackend:
    """Replays one recorded run of ``network`` on inputs of one size, without host synchronisation.

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
        self._image = torch.zeros(1, 3, *size, device=device, dtype=dtype).contiguous(
            memory_format=torch.channels_last
        )
        with torch.cuda.device(device), torch.inference_mode():
            self._second = torch.cuda.Stream()
            warm_up = torch.cuda.Stream()
            warm_up.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(warm_up):
                for _ in range(_WARM_UP_RUNS):
                    self._run()
            torch.cuda.current_stream().wait_stream(warm_up)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self._maps = self._run()

    @torch.inference_mode()
    def __call__(self, image: Tensor) -> Maps:
        """Return the maps of ``image``."""
        self._image.copy_(image)
        self._graph.replay()
        return self._maps

    def _run(self) -> Maps:
        """Run the network; the attention branch beside the structure branch."""
        first = torch.cuda.current_stream()
        self._second.wait_stream(first)
        with torch.cuda.stream(self._second):
            attention = self._network.dsa(self._image)
        structure = self._network.structure(self._image)
        first.wait_stream(self._second)
        return Maps(self._network.depth(structure, attention), structure, attention)
