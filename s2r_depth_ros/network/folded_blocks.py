"""The blocks of the network as inference has them: without batch norms, twins in one convolution.

Their batch norms are folded into convolutions (``s2r_depth_ros.network.folding``); on a GPU biases
wait for the activations.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from s2r_depth_ros.network.attention import BasicBlock
from s2r_depth_ros.network.blocks import UpProjection
from s2r_depth_ros.network.depth import Inception
from s2r_depth_ros.network.engine import Engine, engine_for
from s2r_depth_ros.network.folding import fold_norm, fold_norms, leaky, split_norm
from s2r_depth_ros.network.inference_layers import convolved, without_bias


class UpsampledConv(nn.Module):
    """Bilinear upsampling (corners aligned), then a convolution.

    Input float [N, C_in, h, w] and a size (height, width), output float [N, C_out, *size].
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the convolution of ``features`` upsampled to ``size``."""
        return self.conv(_upsampled(features, size))

    def without_bias(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the same without the bias."""
        return without_bias(self.conv, _upsampled(features, size))


def _upsampled(features: Tensor, size: tuple[int, int]) -> Tensor:
    return functional.interpolate(features, size, mode='bilinear', align_corners=True)


# Makes, of a 5x5 convolution (padding 2, with bias), a module that computes what
# ``UpsampledConv(conv)`` does.
MakeUpsampledConv = Callable[[nn.Conv2d], nn.Module]


class TwinUpProjection(nn.Module):
    """UpProjection whose two 5x5 convolutions are one: the first half of its channels is deep.

    upsampled_conv: makes the module that upsamples and convolves (see ``MakeUpsampledConv``).
    """

    def __init__(
        self, source: UpProjection, upsampled_conv: MakeUpsampledConv = UpsampledConv
    ) -> None:
        super().__init__()
        deep = fold_norm(source.conv1, source.bn1)
        direct = fold_norm(source.conv2, source.bn2)
        assert deep.bias is not None
        assert direct.bias is not None
        self.channels = deep.out_channels
        twins = nn.Conv2d(deep.in_channels, 2 * self.channels, 5, padding=2)
        twins.weight = nn.Parameter(torch.cat([deep.weight, direct.weight]), False)
        twins.bias = nn.Parameter(torch.cat([deep.bias, direct.bias]), False)
        self.twins = upsampled_conv(twins)
        self.merge = fold_norm(source.conv1_2, source.bn1_2)

    def forward(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        """Upsample ``features`` to ``size`` = (height, width) and merge both branches."""
        engine = engine_for(features)
        if engine:
            return self._fused(engine, features, size)
        deep, direct = self.twins(features, size).split(self.channels, 1)
        return self.merge(deep.relu()).add_(direct).relu_()

    def _fused(self, engine: Engine, features: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the same; biases wait for the activations."""
        biases: tuple[Tensor | None, ...] = (None, None)
        if isinstance(self.twins, UpsampledConv):
            assert self.twins.conv.bias is not None
            both, biases = self.twins.without_bias(features, size), self.twins.conv.bias.chunk(2)
        else:
            both = self.twins(features, size)
        deep, direct = both.split(self.channels, 1)
        y = without_bias(self.merge, engine.activation.activated(deep, 0.0, biases[0]))
        result: Tensor = engine.activation.activated(
            y, 0.0, self.merge.bias, direct, biases[1], out=y
        )
        return result


class FoldedBasicBlock(nn.Module):
    """A basic block without its batch norms."""

    def __init__(self, source: BasicBlock) -> None:
        super().__init__()
        self.conv1 = fold_norm(source.conv1, source.bn1)
        self.conv2 = fold_norm(source.conv2, source.bn2)
        projection = source.downsample
        self.project = nn.Identity() if projection is None else fold_norms(projection)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features behind the block."""
        y = convolved(self.conv1, x, 0.0)
        return convolved(self.conv2, y, 0.0, self.project(x))


class FoldedInception(nn.Module):
    """An inception block whose norms are scales and offsets of its convolutions."""

    def __init__(self, source: Inception) -> None:
        super().__init__()
        norms = split_norm(source.norm1, 3)
        branches = (source.layer0, source.layer1, source.layer2)
        self.branches = nn.ModuleList(
            fold_norms([*branch, norm]) for branch, norm in zip(branches, norms)
        )
        self.merge = fold_norms([*source.branch1x1, source.norm2])
        self.act = leaky(source.nonlinearity)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features behind the block."""
        slope = self.act.negative_slope
        engine = engine_for(x)
        if engine:
            wide = self._fused_branches(engine, x)
        else:
            wide = self.act(torch.cat([branch(x) for branch in self.branches], 1))
        pad, conv = self.merge
        return convolved(conv, pad(wide), slope, x)

    def _fused_branches(self, engine: Engine, x: Tensor) -> Tensor:
        """Return the activated branches, each written where the concatenation has it."""
        wide = x.new_empty(x.shape[0], 3 * x.shape[1], *x.shape[2:])
        wide = wide.to(memory_format=torch.channels_last)
        for own, branch in zip(wide.chunk(3, 1), self.branches):
            assert isinstance(branch, nn.Sequential)
            pad, conv = branch
            y = without_bias(conv, pad(x))
            engine.activation.activated(y, self.act.negative_slope, conv.bias, out=own)
        return wide
