"""Exact rewrites of a trained network for inference: they change the time, not the result.

Batch norms are folded into convolutions; the twin 5x5 convolutions of an up-projection become one;
a bias that an instance norm takes away again is dropped; the shared PReLU becomes a leaky ReLU of
its slope; the weights of the skip connections move into the convolutions that read them, which
share one padded concatenation. What remains is the reordering of float sums (about 1e-5 of the
[-1, 1] output in float32).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from s2r_depth_ros.network.attention import BasicBlock
from s2r_depth_ros.network.blocks import UpProjection, double
from s2r_depth_ros.network.depth import (
    DepthPrediction,
    Inception,
    fold_skip_weights,
)
from s2r_depth_ros.network.depth_layers import head, join, widened
from s2r_depth_ros.network.inference_layers import ConvChain, convolved, without_bias
from s2r_depth_ros.network.layers import Engine, engine_for, reflect_pad
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_ros.network.size_rule import check_size
from s2r_depth_ros.network.structure import ConvNormAct, ResidualBlock

_Convolution = TypeVar('_Convolution', bound=nn.Conv2d | nn.ConvTranspose2d)


class Maps(NamedTuple):
    """What inference gives: the finest depth in [-1, 1], structure and attention in [0, 1].

    All float [N, 1, H, W] of the network's input size.
    """

    depth: Tensor
    structure: Tensor
    attention: Tensor


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


# Makes a module that computes what ``UpsampledConv(conv)`` does.
MakeUpsampledConv = Callable[[nn.Conv2d], nn.Module]


class OptimizedNetwork(nn.Module):
    """S2RDepthNet rewritten for inference: image float [N, 3, H, W] in [-1, 1] to Maps.

    network: stays as it is. upsampled_conv: makes, of the 5x5 convolution (padding 2, with bias) of
    an up-projection, the module that upsamples and convolves; see ``UpsampledConv``. The depth is
    float32 also after ``.to(torch.bfloat16)`` (see ``OutputConv``). Raises SizeError as S2RDepthNet
    does.
    """

    def __init__(
        self, network: S2RDepthNet, upsampled_conv: MakeUpsampledConv = UpsampledConv
    ) -> None:
        super().__init__()
        parts = copy.deepcopy(network).eval()
        self.struct_encoder = _rewrite(parts.struct_encoder, upsampled_conv)
        self.struct_decoder = _rewrite(parts.struct_decoder, upsampled_conv)
        self.dsa = _rewrite(parts.dsa, upsampled_conv)
        self.depth_net = _Depth(parts.depth_net)
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> Maps:
        """Return the maps of ``image``."""
        check_size(image.shape[-2], image.shape[-1])
        structure = self.structure(image)
        attention = self.dsa(image)
        return Maps(self.depth(structure, attention), structure, attention)

    def structure(self, image: Tensor) -> Tensor:
        """Return the structure map of ``image``."""
        return self.struct_decoder(self.struct_encoder(image))

    def depth(self, structure: Tensor, attention: Tensor) -> Tensor:
        """Return the finest depth of both maps."""
        return self.depth_net(structure * attention)


class TwinUpProjection(nn.Module):
    """UpProjection whose two 5x5 convolutions are one: the first half of its channels is deep.

    upsampled_conv: makes the module that upsamples and convolves (see ``OptimizedNetwork``).
    """

    def __init__(
        self, source: UpProjection, upsampled_conv: MakeUpsampledConv = UpsampledConv
    ) -> None:
        super().__init__()
        deep = _fuse(source.conv1, source.bn1)
        direct = _fuse(source.conv2, source.bn2)
        assert deep.bias is not None
        assert direct.bias is not None
        self.channels = deep.out_channels
        twins = nn.Conv2d(deep.in_channels, 2 * self.channels, 5, padding=2)
        twins.weight = nn.Parameter(torch.cat([deep.weight, direct.weight]), False)
        twins.bias = nn.Parameter(torch.cat([deep.bias, direct.bias]), False)
        self.twins = upsampled_conv(twins)
        self.merge = _fuse(source.conv1_2, source.bn1_2)

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
        y = without_bias(self.merge, engine.image.finish(deep, 0.0, biases[0]))
        result: Tensor = engine.image.finish(y, 0.0, self.merge.bias, direct, biases[1], out=y)
        return result


class _Residual(nn.Module):
    """A basic block without its batch norms."""

    def __init__(self, source: BasicBlock) -> None:
        super().__init__()
        self.conv1 = _fuse(source.conv1, source.bn1)
        self.conv2 = _fuse(source.conv2, source.bn2)
        projection = source.downsample
        self.project = nn.Identity() if projection is None else _folded(projection)

    def forward(self, x: Tensor) -> Tensor:
        y = convolved(self.conv1, x, 0.0)
        return convolved(self.conv2, y, 0.0, self.project(x))


class _InceptionBlock(nn.Module):
    """An inception block whose norms are scales and offsets of its convolutions."""

    def __init__(self, source: Inception) -> None:
        super().__init__()
        norms = _split_norm(source.norm1, 3)
        branches = (source.layer0, source.layer1, source.layer2)
        self.branches = nn.ModuleList(
            _folded(nn.Sequential(*branch, norm)) for branch, norm in zip(branches, norms)
        )
        self.merge = _folded(nn.Sequential(*source.branch1x1, source.norm2))
        self.act = _leaky(source.nonlinearity)

    def forward(self, x: Tensor) -> Tensor:
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
            engine.image.finish(y, self.act.negative_slope, conv.bias, out=own)
        return wide


class _Depth(nn.Module):
    """DP that returns its finest map, with folded skip weights and one padded concatenation."""

    def __init__(self, source: DepthPrediction) -> None:
        super().__init__()
        fold_skip_weights(source)
        self.encoder = nn.ModuleList(
            _rewrite(getattr(source, f'conv{number}')) for number in (1, 2, 3, 4)
        )
        self.center = _rewrite(source.center)
        self.deconvs, self.heads = nn.ModuleList(), nn.ModuleList()
        for number in (4, 3, 2, 1):
            self.heads.append(getattr(source, f'output{number}').model[1])
            if number > 1:
                # Without its reflection pad, as the concatenation is padded already.
                self.deconvs.append(_folded(getattr(source, f'deconv{number}').model)[1:])

    def forward(self, structure: Tensor) -> Tensor:
        half, quarter, eighth, deepest = self._encode(structure)
        middle = self.center(deepest)
        engine = engine_for(middle)
        if engine:
            return self._decode_fused(engine, middle, (eighth, quarter, half, None))
        padded = reflect_pad(torch.cat([middle, eighth], 1), 1)
        for number, skip in enumerate((quarter, half, None)):
            depth = self.heads[number](padded).tanh().to(padded.dtype)
            # Without a skip it is the last stage, whose head has a 7x7 kernel.
            skips = [] if skip is None else [skip]
            features = torch.cat([self.deconvs[number](padded), *skips, double(depth)], 1)
            padded = reflect_pad(features, 1 if skips else 3)
        return self.heads[3](padded).tanh()

    def _decode_fused(
        self, engine: Engine, features: Tensor, skips: tuple[Tensor | None, ...]
    ) -> Tensor:
        """Return the finest depth by the fused layers of a GPU."""
        depth: Tensor | None = None
        for number, skip in enumerate(skips):
            conv = self.heads[number]
            assert isinstance(conv, nn.Conv2d)
            parts = [features] if skip is None else [features, skip]
            padded = join(engine, parts, depth, conv.kernel_size[0] // 2)
            depth = head(engine, padded, conv)
            if skip is not None:
                deconv = self.deconvs[number]
                assert isinstance(deconv, nn.Sequential)
                assert isinstance(deconv[0], nn.Conv2d)
                act = deconv[1]
                assert isinstance(act, nn.LeakyReLU)
                y = widened(deconv[0], padded, with_bias=False)
                features = engine.image.finish(y, act.negative_slope, deconv[0].bias, out=y)
                features = deconv[2:](features)
        assert depth is not None
        return depth

    def _encode(self, x: Tensor) -> list[Tensor]:
        levels = []
        for stage in self.encoder:
            x = functional.avg_pool2d(stage(x), 2)
            levels.append(x)
        return levels


def _split_norm(norm: nn.BatchNorm2d, parts: int) -> list[nn.BatchNorm2d]:
    """Return batch norms over equal parts of the channels of ``norm``."""
    count = norm.num_features // parts
    pieces = []
    for part in range(parts):
        piece = nn.BatchNorm2d(count, eps=norm.eps).eval()
        channels = slice(part * count, (part + 1) * count)
        piece.load_state_dict(
            {k: v[channels] if v.ndim else v for k, v in norm.state_dict().items()}
        )
        pieces.append(piece)
    return pieces


def _leaky(act: nn.PReLU) -> nn.LeakyReLU:
    return nn.LeakyReLU(act.weight.item(), inplace=True)


def _rewrite(module: nn.Module, upsampled_conv: MakeUpsampledConv = UpsampledConv) -> nn.Module:
    """Return ``module`` rewritten; it is changed, its children are replaced where needed."""
    if isinstance(module, UpProjection):
        return TwinUpProjection(module, upsampled_conv)
    if isinstance(module, BasicBlock):
        return _Residual(module)
    if isinstance(module, Inception):
        return _InceptionBlock(module)
    if isinstance(module, nn.PReLU):
        return _leaky(module)
    if isinstance(module, ConvNormAct):
        module.conv.bias = None
    elif isinstance(module, ResidualBlock):
        module.conv1.bias = module.conv2.bias = None
    elif isinstance(module, nn.Sequential):
        return _folded(module, upsampled_conv)
    for name, child in module.named_children():
        setattr(module, name, _rewrite(child, upsampled_conv))
    return module


def _folded(
    chain: nn.Sequential, upsampled_conv: MakeUpsampledConv = UpsampledConv
) -> nn.Sequential:
    """Rewrite a sequence and fold each batch norm into the convolution in front of it."""
    layers: list[nn.Module] = []
    for layer in chain:
        if isinstance(layer, nn.BatchNorm2d):
            conv = layers.pop()
            assert isinstance(conv, nn.Conv2d | nn.ConvTranspose2d)
            layers.append(_fuse(conv, layer))
        else:
            layers.append(_rewrite(layer, upsampled_conv))
    return ConvChain(*layers)


def _fuse(conv: _Convolution, norm: nn.BatchNorm2d) -> _Convolution:
    """Return a convolution that does what ``conv`` and, behind it, ``norm`` do."""
    return fuse_conv_bn_eval(conv, norm, transpose=isinstance(conv, nn.ConvTranspose2d))
