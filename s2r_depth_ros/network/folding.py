"""Batch norms as scales and offsets of the convolutions in front of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from s2r_depth_ros.network.inference_layers import ConvChain

_Convolution = TypeVar('_Convolution', bound=nn.Conv2d | nn.ConvTranspose2d)


def fold_norm(conv: _Convolution, norm: nn.BatchNorm2d) -> _Convolution:
    """Return a convolution that does what ``conv`` and, behind it, ``norm`` do."""
    return fuse_conv_bn_eval(conv, norm, transpose=isinstance(conv, nn.ConvTranspose2d))


def fold_norms(layers: Iterable[nn.Module]) -> ConvChain:
    """Return the layers as a sequence, each batch norm folded into the convolution before it."""
    folded: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, nn.BatchNorm2d):
            conv = folded.pop()
            assert isinstance(conv, nn.Conv2d | nn.ConvTranspose2d)
            folded.append(fold_norm(conv, layer))
        else:
            folded.append(layer)
    return ConvChain(*folded)


def split_norm(norm: nn.BatchNorm2d, parts: int) -> list[nn.BatchNorm2d]:
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


def leaky(act: nn.PReLU) -> nn.LeakyReLU:
    """Return a leaky ReLU, in place, of the slope that ``act`` learnt."""
    return nn.LeakyReLU(act.weight.item(), inplace=True)
