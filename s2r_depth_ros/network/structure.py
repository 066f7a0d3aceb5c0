"""Structure Extraction module (STE): encoder E_s and decoder D_s (docs/network.md 2.1, 2.3)."""

from __future__ import annotations

from torch import Tensor, nn

from s2r_depth_ros.network.blocks import UpProjection, scaled, sigmoid_head
from s2r_depth_ros.network.layers import instance_norm, reflect_pad

_SLOPE = 0.2


class ConvNormAct(nn.Module):
    """Reflection pad, convolution, instance norm, leaky ReLU 0.2 (docs/network.md 2.1).

    Input float [N, in_channels, h, w]; the norm has no weights and takes away the bias.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int, pad: int):
        super().__init__()
        self.pad = pad
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features behind the activation."""
        return instance_norm(self.conv(reflect_pad(x, self.pad)), _SLOPE)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut, no activation after the sum (docs/network.md 2.1).

    Input and output float [N, channels, h, w]; the norms have no weights and take away the biases.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3)
        self.conv2 = nn.Conv2d(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features behind the block."""
        y = instance_norm(self.conv1(reflect_pad(x, 1)), _SLOPE)
        return instance_norm(self.conv2(reflect_pad(y, 1)), shortcut=x)


class _ResidualBlocks(nn.Module):
    """A chain of residual blocks under the key ``model``, as the released files name it."""

    def __init__(self, channels: int, count: int) -> None:
        super().__init__()
        self.model = nn.Sequential(*(ResidualBlock(channels) for _ in range(count)))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class StructureEncoder(nn.Module):
    """E_s: image to structural code (docs/network.md 2.1).

    Input float [N, 3, H, W] RGB in [-1, 1]; output float [N, 256 * width, H // 4, W // 4].
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        c64, c128, c256 = (scaled(c, width) for c in (64, 128, 256))
        self.conv = ConvNormAct(3, c64, kernel=7, stride=1, pad=3)
        self.conv1 = ConvNormAct(c64, c128, kernel=4, stride=2, pad=1)
        self.conv2 = ConvNormAct(c128, c256, kernel=4, stride=2, pad=1)
        self.resblock = _ResidualBlocks(c256, count=4)

    def forward(self, image: Tensor) -> Tensor:
        """Return the structural code of ``image``."""
        return self.resblock(self.conv2(self.conv1(self.conv(image))))


class StructureDecoder(nn.Module):
    """D_s: structural code to structure map (docs/network.md 2.3).

    Input float [N, 256 * width, h, w]; output float [N, 1, 4h, 4w] in [0, 1].
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        c64, c128, c256 = (scaled(c, width) for c in (64, 128, 256))
        self.up1 = UpProjection(c256, c128)
        self.up2 = UpProjection(c128, c64)
        self.conv = nn.Conv2d(c64, 1, 3)

    def forward(self, code: Tensor) -> Tensor:
        """Return the structure map of a structural ``code``."""
        height, width = code.shape[-2:]
        x = self.up1(code, (2 * height, 2 * width))
        x = self.up2(x, (4 * height, 4 * width))
        return sigmoid_head(x, self.conv)
