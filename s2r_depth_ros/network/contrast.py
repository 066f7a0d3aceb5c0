"""The structure map that is known for every image: what STE begins with and is judged by."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def normalised_contrast(image: Tensor) -> Tensor:
    """Return grey images [N, 1, H, W] in [0, 1] whose contrast is the same everywhere.

    image: [N, 3, H, W] in [-1, 1]. The mean over a neighbourhood becomes 0.5 and the standard
    deviation 0.2: edges stay, light and colours go (local contrast normalisation). What is learnt
    from it holds on real images as on rendered ones.
    """
    grey = _blurred(image.mean(1, keepdim=True), 0.7 / 96)
    mean = _blurred(grey, 6 / 96)
    deviation = _blurred((grey - mean) ** 2, 6 / 96).clamp(min=0).sqrt()
    return (0.5 + 0.2 * (grey - mean) / (deviation + 0.06)).clamp(0, 1)


def _blurred(image: Tensor, sigma: float) -> Tensor:
    """Blur [N, 1, H, W] with a Gaussian of ``sigma`` image heights."""
    sigma *= image.shape[-2]
    reach = max(1, int(3 * sigma + 0.5))
    offsets = torch.arange(-reach, reach + 1, device=image.device, dtype=image.dtype)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = kernel / kernel.sum()
    for shape, pad in (
        ((1, 1, 1, -1), (reach, reach, 0, 0)),
        ((1, 1, -1, 1), (0, 0, reach, reach)),
    ):
        padded = functional.pad(image, pad, mode='reflect')
        image = functional.conv2d(padded, kernel.view(shape))
    return image
