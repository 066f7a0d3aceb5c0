"""Depth-specific Attention (DSA): a dilated residual encoder, a decoder (docs/network.md 2.4)."""

from __future__ import annotations

from torch import Tensor, nn

from s2r_depth_ros.network.blocks import UpProjection, scaled, sigmoid_head
from s2r_depth_ros.network.layers import NormChain, batch_norm


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, a projected or plain shortcut, ReLU at the end (docs/network.md 2.4).

    Input float [N, in_channels, h, w], output float [N, out_channels, h / stride, w / stride]. The
    shortcut is projected (``downsample``) where stride or channels change it.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(
            in_channels, out_channels, 3, stride, padding=dilation, dilation=dilation, bias=False
        )
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(
            out_channels, out_channels, 3, padding=dilation, dilation=dilation, bias=False
        )
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = NormChain(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return the features behind the block."""
        shortcut = x if self.downsample is None else self.downsample(x)
        y = batch_norm(self.conv1(x), self.bn1, 0.0)
        return batch_norm(self.conv2(y), self.bn2, 0.0, shortcut)


def _conv_bn_relu(
    in_channels: int, out_channels: int, kernel: int, stride: int = 1, dilation: int = 1
) -> NormChain:
    padding = dilation * (kernel // 2)
    return NormChain(
        nn.Conv2d(in_channels, out_channels, kernel, stride, padding, dilation, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


def _stage(in_channels: int, out_channels: int, stride: int, dilation: int) -> nn.Sequential:
    return nn.Sequential(
        BasicBlock(in_channels, out_channels, stride, dilation),
        BasicBlock(out_channels, out_channels, 1, dilation),
    )


class _Encoder(nn.Module):
    """DRN-D-22 without its classifier: stride 8, dilations 2 and 4 in the last stages."""

    def __init__(self, width: float) -> None:
        super().__init__()
        c16, c32, c64, c128, c256, c512 = (scaled(c, width) for c in (16, 32, 64, 128, 256, 512))
        self.base = nn.Sequential(
            _conv_bn_relu(3, c16, kernel=7),
            _conv_bn_relu(c16, c16, kernel=3),
            _conv_bn_relu(c16, c32, kernel=3, stride=2),
            _stage(c32, c64, stride=2, dilation=1),
            _stage(c64, c128, stride=2, dilation=1),
            _stage(c128, c256, stride=1, dilation=2),
            _stage(c256, c512, stride=1, dilation=4),
            _conv_bn_relu(c512, c512, kernel=3, dilation=2),
            _conv_bn_relu(c512, c512, kernel=3),
        )

    def forward(self, image: Tensor) -> tuple[Tensor, tuple[int, int], tuple[int, int]]:
        """Return features at 1/8 and the (height, width) at 1/4 and at 1/2."""
        half = self.base[:3](image)
        quarter = self.base[3](half)
        eighth = self.base[4:](quarter)
        return eighth, _size(quarter), _size(half)


class _Decoder(nn.Module):
    """Three up-projections back to the input's size; no skip features, only their sizes."""

    def __init__(self, width: float) -> None:
        super().__init__()
        c64, c128, c256, c512 = (scaled(c, width) for c in (64, 128, 256, 512))
        self.up1 = UpProjection(c512, c256)
        self.up2 = UpProjection(c256, c128)
        self.up3 = UpProjection(c128, c64)
        self.conv = nn.Conv2d(c64, 1, 3)

    def forward(self, features: Tensor, sizes: tuple[tuple[int, int], ...]) -> Tensor:
        for up, size in zip((self.up1, self.up2, self.up3), sizes):
            features = up(features, size)
        return sigmoid_head(features, self.conv)


class DepthSpecificAttention(nn.Module):
    """DSA: image to attention map (docs/network.md 2.4).

    Input float [N, 3, H, W] RGB in [-1, 1], any H and W; output float [N, 1, H, W] in [0, 1].
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        self.E = _Encoder(width)
        self.D = _Decoder(width)

    def forward(self, image: Tensor) -> Tensor:
        """Return the attention map of ``image``."""
        features, quarter, half = self.E(image)
        return self.D(features, (quarter, half, _size(image)))

    def is_constant(self) -> bool:
        """Return whether the map is the same for every image: that of a DP which knows no other."""
        return not bool(self.D.conv.weight.any())


def _size(x: Tensor) -> tuple[int, int]:
    return x.shape[-2], x.shape[-1]
