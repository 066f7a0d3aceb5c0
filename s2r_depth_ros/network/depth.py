"""Depth Prediction (DP): a U-Net, one structure map to four depth maps (docs/network.md 2.5)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from s2r_depth_ros.network.blocks import double, scaled
from s2r_depth_ros.network.depth_layers import conv_first_channels, head, join
from s2r_depth_ros.network.engine import Engine, engine_for
from s2r_depth_ros.network.layers import NormChain, ReflectPad, batch_norm, halve, slope_of
from s2r_depth_ros.size_rule import check_size

# Weights of the skip connections at 1/8, 1/4 and 1/2 (docs/network.md 2.5).
SKIP_WEIGHTS = (0.1, 0.05, 0.01)


class _Model(nn.Module):
    """A sequence under the key ``model``, as the released files name it."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.model = NormChain(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


def _double_conv(in_channels: int, out_channels: int, act: nn.PReLU) -> _Model:
    return _Model(
        nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        act,
        nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        act,
    )


def _deconv(in_channels: int, hidden: int, out_channels: int, act: nn.PReLU) -> _Model:
    """DEC (docs/network.md 2.5): 3x3 convolution, then a transposed one that doubles the size."""
    return _Model(
        ReflectPad(1),
        nn.Conv2d(in_channels, hidden, 3, bias=False),
        nn.BatchNorm2d(hidden),
        act,
        nn.ConvTranspose2d(hidden, out_channels, 3, stride=2, padding=1, output_padding=1),
        nn.BatchNorm2d(out_channels),
        act,
    )


class OutputConv(nn.Conv2d):
    """The convolution of a depth head (OUT in docs/network.md 2.5); it always computes in float32.

    Near depths are outputs near -1, where half precision has few numbers: with a range of 80 m
    bfloat16 moves there in steps of 16 cm, float16 in steps of 2 cm. Therefore ``.to(dtype)``,
    ``.half()`` and ``.bfloat16()`` of this module, or of a network with it, leave the weights in
    float32, autocast does not reach the convolution, and input of any dtype is converted to
    float32, which is the output's dtype. Only conversion to float64 is followed.

    Input float [N, C_in, h, w], padded before; output [N, 1, h - kernel + 1, w - kernel + 1].
    """

    def __init__(self, in_channels: int, kernel: int) -> None:
        super().__init__(in_channels, 1, kernel, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Return the convolution of ``features``."""
        dtype = _at_least_float32(self.weight.dtype)
        # Autocast knows nothing of meta tensors, which have shapes only.
        device_type = 'cpu' if features.is_meta else features.device.type
        with torch.autocast(device_type, enabled=False):
            return functional.conv2d(features.to(dtype), self.weight.to(dtype))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> OutputConv:
        """Apply ``fn``, as all conversions do, but keep at least float32."""

        def in_float32(tensor: Tensor) -> Tensor:
            result = fn(tensor)
            dtype = _at_least_float32(result.dtype)
            if result.dtype == dtype:
                return result
            # The values from before the conversion, on the device and in the layout after it.
            return torch.empty_like(result, dtype=dtype).copy_(tensor)

        return super()._apply(in_float32, recurse)


def _at_least_float32(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


def _output(in_channels: int, kernel: int) -> _Model:
    return _Model(ReflectPad(kernel // 2), OutputConv(in_channels, kernel), nn.Tanh())


class Inception(nn.Module):
    """Three branches of dilation 1, 3, 5, merged around a shortcut (docs/network.md 2.5).

    Input and output float [N, channels, h, w]. ``act`` is DP's one activation.
    """

    def __init__(self, channels: int, act: nn.PReLU) -> None:
        super().__init__()
        self.layer0, self.layer1, self.layer2 = (
            nn.Sequential(
                ReflectPad(dilation),
                nn.Conv2d(channels, channels, 3, dilation=dilation, bias=False),
            )
            for dilation in (1, 3, 5)
        )
        self.norm1 = nn.BatchNorm2d(3 * channels)
        self.norm2 = nn.BatchNorm2d(channels)
        self.nonlinearity = act
        # The released files call this 3x3 convolution branch1x1.
        self.branch1x1 = nn.Sequential(
            ReflectPad(1), nn.Conv2d(3 * channels, channels, 3, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the features behind the block."""
        branches = torch.cat([self.layer0(x), self.layer1(x), self.layer2(x)], 1)
        slope = slope_of(self.nonlinearity)
        merged = self.branch1x1(batch_norm(branches, self.norm1, slope))
        return batch_norm(merged, self.norm2, slope, shortcut=x)


class DepthPrediction(nn.Module):
    """DP: depth-specific structure map to depth at four scales (docs/network.md 2.5).

    Input float [N, 1, H, W] in [0, 1], H and W multiples of 16 and >= 96. Output: a list of four
    float maps in [-1, 1], coarse to fine: [N, 1, H/8, W/8], 1/4, 1/2 and full size. They are
    float32 even where the network computes in half precision (see ``OutputConv``).
    Raises SizeError for another size. Attribute skip_weights: those that forward applies.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        self.skip_weights = SKIP_WEIGHTS
        c32, c64, c128, c256, c512 = (scaled(c, width) for c in (32, 64, 128, 256, 512))
        # One scalar for every activation: 18 state-dict keys, one storage (docs/network.md 2.5).
        act = nn.PReLU()
        self.conv1 = NormChain(
            ReflectPad(3), nn.Conv2d(1, c64, 7, bias=False), nn.BatchNorm2d(c64), act
        )
        self.conv2 = _double_conv(c64, c128, act)
        self.conv3 = _double_conv(c128, c256, act)
        self.conv4 = _double_conv(c256, c512, act)
        self.center = nn.Sequential(
            *(Inception(c512, act) for _ in range(3)), _deconv(c512, c512, c256, act)
        )
        self.deconv4 = _deconv(2 * c256, c512, c128, act)
        self.deconv3 = _deconv(2 * c128 + 1, c256, c64, act)
        self.deconv2 = _deconv(2 * c64 + 1, c128, c32, act)
        self.output4 = _output(2 * c256, kernel=3)
        self.output3 = _output(2 * c128 + 1, kernel=3)
        self.output2 = _output(2 * c64 + 1, kernel=3)
        self.output1 = _output(c32 + 1, kernel=7)

    def forward(self, structure: Tensor) -> list[Tensor]:
        """Return the depth maps of a (depth-specific) ``structure`` map, coarse to fine."""
        check_size(structure.shape[-2], structure.shape[-1])
        half = halve(self.conv1(structure))
        quarter = halve(self.conv2(half))
        eighth = halve(self.conv3(quarter))
        middle = self.center(halve(self.conv4(eighth)))

        skips = (eighth, quarter, half)
        engine = engine_for(middle)
        if engine:
            return self._decode_fused(engine, middle, skips)
        return self._decode(middle, skips)

    def _decode(self, middle: Tensor, skips: tuple[Tensor, Tensor, Tensor]) -> list[Tensor]:
        """Return the depth maps; middle: float [N, 256 * width, H/8, W/8]."""
        weight_8, weight_4, weight_2 = self.skip_weights
        eighth, quarter, half = skips
        features = torch.cat([middle, weight_8 * eighth], 1)
        depth_8 = self.output4(features)
        # A float32 depth map makes all features float32; a deconvolution takes its own precision.
        features = torch.cat([self.deconv4(features), weight_4 * quarter, double(depth_8)], 1)
        depth_4 = self.output3(features)
        features = features.to(quarter.dtype)
        features = torch.cat([self.deconv3(features), weight_2 * half, double(depth_4)], 1)
        depth_2 = self.output2(features)
        features = features.to(half.dtype)
        features = torch.cat([self.deconv2(features), double(depth_2)], 1)
        return [depth_8, depth_4, depth_2, self.output1(features)]

    def _decode_fused(
        self, engine: Engine, middle: Tensor, skips: tuple[Tensor, Tensor, Tensor]
    ) -> list[Tensor]:
        """Return the same with fused layers; a coarser depth is read in the network's precision."""
        weighted = [
            (skip if weight == 1.0 else weight * skip).to(middle.dtype)
            for weight, skip in zip(self.skip_weights, skips)
        ]
        depths: list[Tensor] = []
        features, depth = middle, None
        for number, skip in zip((4, 3, 2, 1), (*weighted, None)):
            output = getattr(self, f'output{number}').model[1]
            parts = [features] if skip is None else [features, skip]
            padded = join(engine, parts, depth, output.kernel_size[0] // 2)
            depth = head(engine, padded, output)
            depths.append(depth)
            if number > 1:
                # Behind its reflection pad, which the concatenation has.
                deconv = getattr(self, f'deconv{number}').model
                features = deconv[2:](conv_first_channels(deconv[1], padded))
        return depths


def fold_skip_weights(depth_net: DepthPrediction) -> None:
    """Move the skip weights into the convolutions behind them; the outputs stay the same.

    Trained so, the skip channels learn at the pace of the others: under Adam a weight that is seen
    through a factor 0.01 changes the output a hundred times more slowly. Folding twice is folding
    once.
    """
    _scale_skip_channels(depth_net, depth_net.skip_weights)
    depth_net.skip_weights = (1.0, 1.0, 1.0)


def unfold_skip_weights(depth_net: DepthPrediction) -> None:
    """Undo fold_skip_weights: the weights are again those of the published network."""
    weight_8, weight_4, weight_2 = SKIP_WEIGHTS
    _scale_skip_channels(depth_net, (1 / weight_8, 1 / weight_4, 1 / weight_2))
    depth_net.skip_weights = SKIP_WEIGHTS


@torch.no_grad()
def _scale_skip_channels(depth_net: DepthPrediction, factors: tuple[float, ...]) -> None:
    for number, factor in zip((4, 3, 2), factors):
        for name in (f'deconv{number}', f'output{number}'):
            conv = getattr(depth_net, name).model[1]
            # Inputs: [deconvolved, skip] of equal counts and, except in stage 4, one depth channel.
            count = conv.in_channels // 2
            conv.weight[:, count : 2 * count] *= factor
