"""Convolutions with their bias, shortcut and activation, for inference without gradients.

With an engine (see ``s2r_depth_ros.network.engine``) what follows a convolution is one pass over
its result; without one it is torch's own steps in place.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from s2r_depth_ros.network.engine import engine_for
from s2r_depth_ros.network.layers import in_pairs, slope_of


def without_bias(conv: nn.Module, x: Tensor) -> Tensor:
    """Return what ``conv`` gives without its bias."""
    assert isinstance(conv, nn.Conv2d | nn.ConvTranspose2d)
    if isinstance(conv, nn.ConvTranspose2d):
        return functional.conv_transpose2d(
            x, conv.weight, None, conv.stride,
            conv.padding,  # type: ignore[arg-type]  # numbers, for one that is transposed
            conv.output_padding, conv.groups, conv.dilation,
        )  # fmt: skip
    return functional.conv2d(
        x, conv.weight, None, conv.stride, conv.padding, conv.dilation, conv.groups
    )


def convolved(conv: nn.Module, x: Tensor, slope: float, shortcut: Tensor | None = None) -> Tensor:
    """Return leaky_relu(conv(x) + shortcut); slope 0 is a ReLU."""
    engine = engine_for(x)
    if engine is None:
        y = conv(x)
        if shortcut is not None:
            y = y.add_(shortcut)
        return functional.leaky_relu_(y, slope) if slope else y.relu_()
    y = without_bias(conv, x)
    result: Tensor = engine.activation.activated(y, slope, conv.bias, shortcut, out=y)
    return result


class ConvChain(nn.Sequential):
    """A sequence in which a convolution and the ReLU or leaky ReLU behind it are one step."""

    def forward(self, x: Tensor) -> Tensor:
        """Return what the layers, one after the other, make of ``x``."""
        if engine_for(x) is None:
            return super().forward(x)
        for layer, act in in_pairs(self, _convolves, (nn.ReLU, nn.LeakyReLU)):
            if act is None:
                x = layer(x)
            else:
                slope = slope_of(act)
                assert isinstance(slope, float)
                x = convolved(layer, x, slope)
        return x


def _convolves(layer: nn.Module) -> bool:
    """Return whether ``layer`` is a convolution with a bias."""
    return isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and layer.bias is not None
