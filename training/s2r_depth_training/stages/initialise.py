"""How weights start (docs/network.md 4.7)."""

from __future__ import annotations

import torch
from torch import nn

from s2r_depth_ros.network.depth import unfold_skip_weights
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet

_ONE = 20.0  # whose sigmoid is 1 in float32
_OUTPUTS = ('output1', 'output2', 'output3', 'output4')


def initialise(network: S2RDepthNet, depth_init: str) -> None:
    """Start all of ``network``: Kaiming normal, and DP as ``depth_init`` says."""
    for name in ('struct_encoder', 'struct_decoder', 'dsa'):
        _kaiming(getattr(network, name))
    # Or the sigmoid behind it starts saturated, where it has no gradient.
    nn.init.normal_(network.dsa.D.conv.weight, 0.0, 0.02)
    initialise_depth(network, depth_init)


def initialise_depth(network: S2RDepthNet, depth_init: str) -> None:
    """Start DP afresh, its BatchNorm statistics and activation included.

    ``normal``, the authors': convolutions N(0, 0.02), BatchNorm weights N(1, 0.02).
    ``kaiming``: Kaiming normal behind the skip weights, outputs N(0, 0.01); learns faster in few
    steps.
    """
    depth_net = network.depth_net
    _kaiming(depth_net)
    if depth_init == 'normal':
        for module in depth_net.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, 0.0, 0.02)
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.weight, 1.0, 0.02)
    else:
        for name in _OUTPUTS:
            nn.init.normal_(getattr(depth_net, name).model[1].weight, 0.0, 0.01)
        unfold_skip_weights(depth_net)


def _kaiming(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight, a=0.2)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
        elif isinstance(module, nn.PReLU):
            nn.init.constant_(module.weight, 0.25)


@torch.no_grad()
def attend_everywhere(network: S2RDepthNet) -> None:
    """Make the attention map 1 for every image, for a DP that knows no other."""
    for parameter, value in zip(network.dsa.D.conv.parameters(), (0.0, _ONE)):  # weight, bias
        parameter.fill_(value)
