"""The network as the specification writes it: the reference of every other backend."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from s2r_depth_ros.inference.backends.base import Source, require_network
from s2r_depth_ros.inference.devices import place
from s2r_depth_ros.network.optimized import Maps


class EagerBackend:
    """Plain modules, one after the other."""

    def __init__(self, source: Source, device: torch.device, dtype: torch.dtype) -> None:
        self.input_dtype = dtype
        self._network = place(copy.deepcopy(require_network(source, 'eager')), device, dtype)

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Maps:
        """Return the maps of ``images``."""
        output = self._network(images)
        return Maps(output.depths[-1], output.structure, output.attention)


def make(
    source: Source, size: tuple[int, int], device: torch.device, dtype: torch.dtype
) -> EagerBackend:
    """Return the backend; any size runs."""
    return EagerBackend(source, device, dtype)
