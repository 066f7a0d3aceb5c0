"""The network as docs/network.md has it: the reference of every other backend."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from s2r_depth_ros.inference.backends.base import Source, require_network
from s2r_depth_ros.network.engine import computed_by
from s2r_depth_ros.network.optimized import Maps
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet


class EagerBackend:
    """Plain modules, one after the other."""

    def __init__(self, source: Source, device: torch.device, dtype: torch.dtype) -> None:
        self.input_dtype = dtype
        network = copy.deepcopy(require_network(source, 'eager'))
        self._network = network.to(device).eval().requires_grad_(False)
        _convert(network, dtype)

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Maps:
        """Return the maps of ``images``."""
        with computed_by(None):
            output = self._network(images)
        return Maps(output.depths[-1], output.structure, output.attention)


def _convert(network: S2RDepthNet, dtype: torch.dtype) -> None:
    """Let convolutions and activations compute in ``dtype``.

    Normalisations keep their statistics in float32, and DP's output convolutions themselves see to
    it that they stay in float32.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.PReLU):
            module.to(dtype)


def make(
    source: Source, size: tuple[int, int], device: torch.device, dtype: torch.dtype
) -> EagerBackend:
    """Return the backend; any size runs."""
    return EagerBackend(source, device, dtype)
