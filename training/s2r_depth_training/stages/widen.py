"""A network of twice the width that computes the same (Net2Net, Chen et al. 2016).

Small widths learn fast; a wider network that starts from one need not learn it all again.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn

from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet

# Tensors whose (input) channels are concatenated from several maps: how many of them are doubled.
# What follows those, a depth map, stays single.
_CONCATENATED = (
    (re.compile(r'depth_net\.(deconv|output)[432]\.model\.1\.'), 2),
    (re.compile(r'depth_net\.center\.[012]\.(branch1x1\.1|norm1)\.'), 3),
)


def widened(network: S2RDepthNet, seed: int = 0) -> S2RDepthNet:
    """Return a network of twice the width with the same output.

    Every hidden channel becomes two equal ones. What reads them divides its weights between the
    two at random, or both would learn the same for ever.
    """
    generator = torch.Generator().manual_seed(seed)
    wide = S2RDepthNet(2 * network.width)
    sources, state = dict(network.named_modules()), wide.state_dict()
    for name, module in wide.named_modules():
        transposed = isinstance(module, nn.ConvTranspose2d)
        tensors = (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False))
        for key, target in tensors:
            full, source = f'{name}.{key}', getattr(sources[name], key).detach()
            state[full].copy_(_widened(full, source, target.shape, transposed, generator))
    return wide


def _widened(
    key: str, source: Tensor, shape: torch.Size, transposed: bool, generator: torch.Generator
) -> Tensor:
    """Return ``source`` enlarged to ``shape``; convolutions share out what they read."""
    blocks = next((count for pattern, count in _CONCATENATED if pattern.match(key)), 1)
    if source.shape == shape:
        return source
    if source.dim() == 1:
        return _doubled(source, shape, 0, blocks)
    reads, writes = (0, 1) if transposed else (1, 0)
    source = _doubled(source, shape, writes, 1)
    share = 0.25 + 0.5 * torch.rand(source.shape, generator=generator)
    return _doubled(source, shape, reads, blocks, share)


def _doubled(
    source: Tensor, shape: torch.Size, axis: int, blocks: int, share: Tensor | None = None
) -> Tensor:
    """Put each of the first ``blocks`` blocks of an axis twice, so that it is as in ``shape``.

    share: of the first of the two, the second has what is left; None: both are whole.
    """
    added = shape[axis] - source.shape[axis]
    if not added:
        return source
    first, second = (source, source) if share is None else (source * share, source * (1 - share))
    size = added // blocks
    parts = []
    for block in range(blocks):
        parts += [x.narrow(axis, block * size, size) for x in (first, second)]
    return torch.cat([*parts, source.narrow(axis, added, source.shape[axis] - added)], axis)
