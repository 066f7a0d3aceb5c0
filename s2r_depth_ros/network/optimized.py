"""Exact rewrites of a trained network for inference: they change the time, not the result.

Batch norms are folded into convolutions; the twin 5x5 convolutions of an up-projection become one;
a bias that an instance norm takes away again is dropped; the shared PReLU becomes a leaky ReLU of
its slope; the weights of the skip connections move into the convolutions that read them, which
share one padded concatenation; a DSA whose map is the same for every image is not run. What
remains is the reordering of float sums (about 1e-5 of the [-1, 1] output in float32).
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from s2r_depth_ros.network.attention import DepthSpecificAttention
from s2r_depth_ros.network.blocks import double
from s2r_depth_ros.network.depth import DepthPrediction, fold_skip_weights
from s2r_depth_ros.network.depth_layers import conv_first_channels, head, join
from s2r_depth_ros.network.engine import Engine, engine_for
from s2r_depth_ros.network.folded_blocks import MakeUpsampledConv, UpsampledConv
from s2r_depth_ros.network.layers import reflect_pad
from s2r_depth_ros.network.rewriting import rewrite, rewrite_chain
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_ros.size_rule import check_size


class Maps(NamedTuple):
    """What inference gives: the finest depth in [-1, 1], structure and attention in [0, 1].

    All float [N, 1, H, W] of the network's input size.
    """

    depth: Tensor
    structure: Tensor
    attention: Tensor


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
        self.struct_encoder = rewrite(parts.struct_encoder, upsampled_conv)
        self.struct_decoder = rewrite(parts.struct_decoder, upsampled_conv)
        self.dsa: nn.Module = rewrite(parts.dsa, upsampled_conv)
        if parts.dsa.is_constant():
            self.dsa = _ConstantAttention(parts.dsa)
        self.depth_net = _OptimizedDepth(parts.depth_net)
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


class _ConstantAttention(nn.Module):
    """Stands for a DSA without weights in its last convolution: the sigmoid of its bias."""

    def __init__(self, dsa: DepthSpecificAttention) -> None:
        super().__init__()
        assert dsa.D.conv.bias is not None
        self._value = float(dsa.D.conv.bias.detach().double().sigmoid())

    def forward(self, image: Tensor) -> Tensor:
        """Return the attention map of ``image``."""
        return torch.full_like(image[:, :1], self._value)


class _OptimizedDepth(nn.Module):
    """DP that returns its finest map, with folded skip weights and one padded concatenation."""

    def __init__(self, source: DepthPrediction) -> None:
        super().__init__()
        fold_skip_weights(source)
        self.encoder = nn.ModuleList(
            rewrite(getattr(source, f'conv{number}')) for number in (1, 2, 3, 4)
        )
        self.center = rewrite(source.center)
        self.deconvs, self.heads = nn.ModuleList(), nn.ModuleList()
        for number in (4, 3, 2, 1):
            self.heads.append(getattr(source, f'output{number}').model[1])
            if number > 1:
                # Without its reflection pad, as the concatenation is padded already.
                self.deconvs.append(rewrite_chain(getattr(source, f'deconv{number}').model)[1:])

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
                y = conv_first_channels(deconv[0], padded, with_bias=False)
                features = engine.activation.activated(y, act.negative_slope, deconv[0].bias, out=y)
                features = deconv[2:](features)
        assert depth is not None
        return depth

    def _encode(self, x: Tensor) -> list[Tensor]:
        levels = []
        for stage in self.encoder:
            x = functional.avg_pool2d(stage(x), 2)
            levels.append(x)
        return levels
