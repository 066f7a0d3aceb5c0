"""Stage 0's helpers: a style code, and a decoder that paints a structural code in a style.

Used in training only. The paper trained E_s by image translation but never released how
(docs/network.md 4.3). Rendered pairs of one geometry in two styles give the supervision that an
adversary stands in for elsewhere: the code of either image, painted in the style of the other,
must be the other.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from s2r_depth_ros.network.blocks import scaled


class StyleEncoder(nn.Module):
    """Image [N, 3, H, W] to style code [N, C]: global averages, so that no geometry fits in it."""

    def __init__(self, width: float, style_channels: int) -> None:
        super().__init__()
        c32, c64, c128 = (scaled(c, width) for c in (32, 64, 128))
        self.layers = nn.Sequential(
            nn.Conv2d(3, c32, 7, padding=3),
            nn.ReLU(),
            nn.Conv2d(c32, c64, 4, 2, padding=1),
            nn.ReLU(),
            nn.Conv2d(c64, c128, 4, 2, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(c128, style_channels),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Return the style code of ``image``."""
        return self.layers(image)


class StyledBlock(nn.Module):
    """A residual block whose normalisation takes its scale and shift from the style (AdaIN)."""

    def __init__(self, channels: int, style_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode='reflect')
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode='reflect')
        self.style1 = nn.Linear(style_channels, 2 * channels)
        self.style2 = nn.Linear(style_channels, 2 * channels)

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """Return ``features`` [N, C, h, w] repainted by ``style`` [N, S]."""
        y = functional.relu(_styled(self.conv1(features), self.style1(style)))
        return features + _styled(self.conv2(y), self.style2(style))


def _styled(features: Tensor, parameters: Tensor) -> Tensor:
    scale, shift = parameters[..., None, None].chunk(2, 1)
    return functional.instance_norm(features) * (1 + scale) + shift


class Painter(nn.Module):
    """Structural code [N, 256 * width, h, w] and style code to image [N, 3, 4h, 4w] in [-1, 1]."""

    def __init__(self, width: float, style_channels: int) -> None:
        super().__init__()
        c64, c128, c256 = (scaled(c, width) for c in (64, 128, 256))
        self.blocks = nn.ModuleList(StyledBlock(c256, style_channels) for _ in range(2))
        self.up1 = nn.Conv2d(c256, c128, 5, padding=2, padding_mode='reflect')
        self.up2 = nn.Conv2d(c128, c64, 5, padding=2, padding_mode='reflect')
        self.colour = nn.Conv2d(c64, 3, 7, padding=3, padding_mode='reflect')
        self.tint = nn.Linear(style_channels, 2 * c64)

    def forward(self, code: Tensor, style: Tensor) -> Tensor:
        """Paint ``code`` in ``style``."""
        for block in self.blocks:
            code = block(code, style)
        code = functional.relu(self.up1(functional.interpolate(code, scale_factor=2)))
        code = self.up2(functional.interpolate(code, scale_factor=2))
        return torch.tanh(self.colour(functional.relu(_styled(code, self.tint(style)))))


def code_distance(first: Tensor, second: Tensor) -> Tensor:
    """Return the mean squared difference of two codes over their variance: 0 equal, 2 unrelated.

    Relative to the variance, or shrinking the code would be the cheapest way to equal codes.
    """
    variance = (first.var((1, 2, 3)) + second.var((1, 2, 3))) / 2
    return ((first - second).square().mean((1, 2, 3)) / (variance + 1e-6)).mean()
