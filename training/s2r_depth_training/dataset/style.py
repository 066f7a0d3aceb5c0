"""Image-level style on torch batches: another look on the same picture, for any images.

The low frequencies of another image's spectrum (FDA, Yang and Soatto 2020), its channel statistics,
a small palette, brush-like smoothing, random convolution (Xu et al. 2021). A folder of paintings
gives the style images. Functions on batches take and return float32 [N, 3, H, W] in [0, 1]. Nothing
is ever moved, so depth stays valid.
"""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from s2r_depth_ros.media.sources import IMAGE_SUFFIXES
from s2r_depth_training.errors import StyleError


def swap_low_frequencies(images: torch.Tensor, styles: torch.Tensor, share: float) -> torch.Tensor:
    """Give images the low-frequency amplitudes of styles, keeping their phases.

    share: half side of the swapped square as a fraction of the spectrum, in (0, 0.5).
    """
    own, other = torch.fft.fft2(images), torch.fft.fft2(styles)
    amplitude, phase = own.abs(), own.angle()
    rows = torch.fft.fftfreq(images.shape[2], device=images.device).abs()[:, None] <= share
    columns = torch.fft.fftfreq(images.shape[3], device=images.device).abs()[None] <= share
    amplitude = torch.where(rows & columns, other.abs(), amplitude)
    return torch.fft.ifft2(torch.polar(amplitude, phase)).real.clamp(0.0, 1.0)


def match_statistics(images: torch.Tensor, styles: torch.Tensor) -> torch.Tensor:
    """Give images the mean and deviation of each channel of styles."""
    mean, deviation = _statistics(images)
    style_mean, style_deviation = _statistics(styles)
    return ((images - mean) / deviation * style_deviation + style_mean).clamp(0.0, 1.0)


def _statistics(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    mean = images.mean((2, 3), keepdim=True)
    return mean, images.std((2, 3), keepdim=True) + 1e-3


def reduce_palette(images: torch.Tensor, colours: int, generator: torch.Generator) -> torch.Tensor:
    """Paint with few colours, taken from random places of each picture itself."""
    n, _, height, width = images.shape
    pixels = images.flatten(2).transpose(1, 2)
    picks = torch.randint(height * width, (n, colours), generator=generator)
    picks = picks.to(images.device)[..., None].expand(-1, -1, 3)
    palette = torch.gather(pixels, 1, picks)
    nearest = torch.cdist(pixels, palette).argmin(2)
    painted = torch.gather(palette, 1, nearest[..., None].expand(-1, -1, 3))
    return painted.transpose(1, 2).reshape(images.shape)


def brush(images: torch.Tensor, radius: int) -> torch.Tensor:
    """Smooth like brush strokes: each pixel takes the calmest quarter around it (Kuwahara)."""
    size = radius + 1
    padded = functional.pad(images, (radius,) * 4, mode='reflect')
    mean = functional.avg_pool2d(padded, size, 1)
    spread = functional.avg_pool2d(padded**2, size, 1) - mean**2
    height, width = images.shape[2:]
    corners = [(0, 0), (0, radius), (radius, 0), (radius, radius)]
    means = torch.stack([mean[..., y : y + height, x : x + width] for y, x in corners])
    spreads = torch.stack([spread[..., y : y + height, x : x + width] for y, x in corners])
    calmest = spreads.sum(2, keepdim=True).argmin(0, keepdim=True).expand(-1, -1, 3, -1, -1)
    return torch.gather(means, 0, calmest)[0].clamp(0.0, 1.0)


def random_convolution(
    images: torch.Tensor, generator: torch.Generator, strength: float
) -> torch.Tensor:
    """Filter each picture with a random kernel of its own, mixed in with ``strength`` in [0, 1]."""
    n = len(images)
    size = int(torch.randint(0, 2, (1,), generator=generator)) * 2 + 1
    kernels = torch.randn(n * 3, 3, size, size, generator=generator) / (3 * size * size) ** 0.5
    flat = functional.pad(images, (size // 2,) * 4, mode='reflect').flatten(0, 1)[None]
    filtered = functional.conv2d(flat, kernels.to(images), groups=n).view(images.shape)
    low, high = filtered.amin((2, 3), keepdim=True), filtered.amax((2, 3), keepdim=True)
    filtered = (filtered - low) / (high - low + 1e-4)
    return (1 - strength) * images + strength * filtered


def load_paintings(folder: str | Path, height: int, width: int) -> NDArray[np.uint8]:
    """Load the images in a folder and those below it, uint8 [N, H, W, 3] RGB.

    Raises StyleError for a folder that cannot be read or has no images.
    """
    try:
        os.listdir(folder)
    except OSError as error:
        raise StyleError(f'{folder}: the folder of paintings cannot be read: {error}') from error
    files = sorted(f for f in Path(folder).rglob('*') if f.suffix.lower() in IMAGE_SUFFIXES)
    loaded = [image for f in files if (image := cv2.imread(str(f))) is not None]
    if not loaded:
        raise StyleError(
            f'{folder}: the folder of paintings has no images that can be read '
            f'({", ".join(IMAGE_SUFFIXES)})'
        )
    resized = [cv2.resize(i, (width, height), interpolation=cv2.INTER_AREA) for i in loaded]
    return np.ascontiguousarray(np.stack(resized)[..., ::-1], np.uint8)


def transfer_style(
    images: torch.Tensor, styles: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Restyle a batch after ``styles`` of its shape, by an operation that ``generator`` draws."""
    draw = int(torch.randint(0, 5, (1,), generator=generator))
    amount = float(torch.rand((1,), generator=generator))
    if draw == 0:
        return swap_low_frequencies(images, styles, 0.005 + 0.03 * amount)
    if draw == 1:
        return match_statistics(images, styles)
    if draw == 2:
        return reduce_palette(images, 4 + int(12 * amount), generator)
    if draw == 3:
        return brush(images, 1 + int(3 * amount))
    return random_convolution(images, generator, 0.3 + 0.7 * amount)


def painted(
    rgb: NDArray[np.uint8], painting: NDArray[np.uint8], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return ``rgb`` in the manner of ``painting``, both [H, W, 3]."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    image, style = (
        torch.from_numpy(np.ascontiguousarray(a.transpose(2, 0, 1))[None]).float() / 255
        for a in (rgb, painting)
    )
    changed = transfer_style(image, style, generator)[0].clamp(0, 1)
    return (changed * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
