"""Depth Prediction module (DP): a U-Net from one structure map to four depth maps (spec 3.5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from s2r_depth_ros.network.blocks import scaled
from s2r_depth_ros.network.size_rule import check_size

# Weights of the skip connections at 1/8, 1/4 and 1/2 (spec 3.5).
SKIP_WEIGHTS = (0.1, 0.05, 0.01)


class _Model(nn.Module):
    """A sequence under the key ``model``, as the released files name it."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.model = nn.Sequential(*layers)

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
    """DEC of the spec: a 3x3 convolution, then a transposed one that doubles the size."""
    return _Model(
        nn.ReflectionPad2d(1),
        nn.Conv2d(in_channels, hidden, 3, bias=False),
        nn.BatchNorm2d(hidden),
        act,
        nn.ConvTranspose2d(hidden, out_channels, 3, stride=2, padding=1, output_padding=1),
        nn.BatchNorm2d(out_channels),
        act,
    )


def _output(in_channels: int, kernel: int) -> _Model:
    return _Model(
        nn.ReflectionPad2d(kernel // 2), nn.Conv2d(in_channels, 1, kernel, bias=False), nn.Tanh()
    )


class _Inception(nn.Module):
    """Three dilated branches (1, 3, 5), merged by a 3x3 convolution around a shortcut."""

    def __init__(self, channels: int, act: nn.PReLU) -> None:
        super().__init__()
        self.layer0, self.layer1, self.layer2 = (
            nn.Sequential(
                nn.ReflectionPad2d(dilation),
                nn.Conv2d(channels, channels, 3, dilation=dilation, bias=False),
            )
            for dilation in (1, 3, 5)
        )
        self.norm1 = nn.BatchNorm2d(3 * channels)
        self.norm2 = nn.BatchNorm2d(channels)
        self.nonlinearity = act
        # The released files call this 3x3 convolution branch1x1.
        self.branch1x1 = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(3 * channels, channels, 3, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        branches = torch.cat([self.layer0(x), self.layer1(x), self.layer2(x)], 1)
        merged = self.branch1x1(self.nonlinearity(self.norm1(branches)))
        return self.nonlinearity(self.norm2(merged) + x)


class DepthPrediction(nn.Module):
    """DP: depth-specific structure map to depth at four scales (spec 3.5).

    Input float [N, 1, H, W] in [0, 1], H and W multiples of 16 and >= 96. Output: a list of four
    float maps in [-1, 1], coarse to fine: [N, 1, H/8, W/8], 1/4, 1/2 and full size.
    Raises SizeError for another size. Attribute skip_weights: those that forward applies.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        self.skip_weights = SKIP_WEIGHTS
        c32, c64, c128, c256, c512 = (scaled(c, width) for c in (32, 64, 128, 256, 512))
        # One scalar for every activation: 18 state-dict keys, one storage (spec 3.5).
        act = nn.PReLU()
        self.conv1 = nn.Sequential(
            nn.ReflectionPad2d(3), nn.Conv2d(1, c64, 7, bias=False), nn.BatchNorm2d(c64), act
        )
        self.conv2 = _double_conv(c64, c128, act)
        self.conv3 = _double_conv(c128, c256, act)
        self.conv4 = _double_conv(c256, c512, act)
        self.center = nn.Sequential(
            *(_Inception(c512, act) for _ in range(3)), _deconv(c512, c512, c256, act)
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
        pool = functional.avg_pool2d
        half = pool(self.conv1(structure), 2)
        quarter = pool(self.conv2(half), 2)
        eighth = pool(self.conv3(quarter), 2)
        middle = self.center(pool(self.conv4(eighth), 2))

        weight_8, weight_4, weight_2 = self.skip_weights
        features = torch.cat([middle, weight_8 * eighth], 1)
        depth_8 = self.output4(features)
        features = torch.cat([self.deconv4(features), weight_4 * quarter, _double(depth_8)], 1)
        depth_4 = self.output3(features)
        features = torch.cat([self.deconv3(features), weight_2 * half, _double(depth_4)], 1)
        depth_2 = self.output2(features)
        features = torch.cat([self.deconv2(features), _double(depth_2)], 1)
        return [depth_8, depth_4, depth_2, self.output1(features)]


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
            # Inputs: [deconvolved, skip] of equal counts and, but for stage 4, one depth channel.
            count = conv.in_channels // 2
            conv.weight[:, count : 2 * count] *= factor


def _double(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode='nearest')
