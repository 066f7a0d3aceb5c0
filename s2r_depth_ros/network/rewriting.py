"""Rewrites of a trained network's modules for inference, block by block."""

from __future__ import annotations

from torch import nn

from s2r_depth_ros.network.attention import BasicBlock
from s2r_depth_ros.network.blocks import UpProjection
from s2r_depth_ros.network.depth import Inception
from s2r_depth_ros.network.folded_blocks import (
    FoldedBasicBlock,
    FoldedInception,
    MakeUpsampledConv,
    TwinUpProjection,
    UpsampledConv,
)
from s2r_depth_ros.network.folding import fold_norms, leaky
from s2r_depth_ros.network.structure import ConvNormAct, ResidualBlock


def rewrite(module: nn.Module, upsampled_conv: MakeUpsampledConv = UpsampledConv) -> nn.Module:
    """Return ``module`` rewritten; it is changed, its children are replaced where needed."""
    if isinstance(module, UpProjection):
        return TwinUpProjection(module, upsampled_conv)
    if isinstance(module, BasicBlock):
        return FoldedBasicBlock(module)
    if isinstance(module, Inception):
        return FoldedInception(module)
    if isinstance(module, nn.PReLU):
        return leaky(module)
    if isinstance(module, ConvNormAct):
        module.conv.bias = None
    elif isinstance(module, ResidualBlock):
        module.conv1.bias = module.conv2.bias = None
    elif isinstance(module, nn.Sequential):
        return rewrite_chain(module, upsampled_conv)
    for name, child in module.named_children():
        setattr(module, name, rewrite(child, upsampled_conv))
    return module


def rewrite_chain(
    chain: nn.Sequential, upsampled_conv: MakeUpsampledConv = UpsampledConv
) -> nn.Sequential:
    """Return a sequence with its layers rewritten and its batch norms folded."""
    return fold_norms(rewrite(layer, upsampled_conv) for layer in chain)
