"""The changes of augmentation.py on a batch of images on a device, each image by its own draws.

Images are float32 [N, 3, H, W] RGB, nominally in [0, 1], H and W multiples of 16. All images are
changed and those drawn are kept: nothing is asked of the device, so a CUDA graph can hold it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

_REACH = 4  # px, of blurs: three times the largest deviation
_KNOTS = 6  # of a tone curve
_STYLE_DEVIATION = 0.19  # of an image's width: of the blur that leaves low frequencies
_STYLE_CELLS = (12, 16)  # rows and columns that they are computed in
# Steps of quantisation of luminance at quality 50 (ITU-T T.81, table K.1) and, for both colour
# differences, table K.2.
_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56), (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
_COLOUR = (
    (17, 18, 24, 47, 99, 99, 99, 99), (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99), (47, 66, 99, 99, 99, 99, 99, 99),
    *(((99,) * 8,) * 4),
)  # fmt: skip
# Full-range YCbCr of ITU-R BT.601, as JFIF has it.
_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
_RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))
_Table = tuple[tuple[float, ...], ...]


class Draws:
    """Random numbers of a generator, one row for each image of a batch."""

    def __init__(self, generator: torch.Generator, count: int) -> None:
        self._generator, self.count = generator, count

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Return float32 [N, *shape] between ``low`` and ``high``; shape (1, 1, 1) by default."""
        device = self._generator.device
        size = (self.count, *(shape or (1, 1, 1)))
        drawn = torch.rand(size, generator=self._generator, device=device)
        return low + (high - low) * drawn

    def normal(self, deviation: float, *shape: int) -> Tensor:
        """Return float32 [N, *shape] of mean 0; shape (1, 1, 1) by default."""
        device = self._generator.device
        size = (self.count, *(shape or (1, 1, 1)))
        return deviation * torch.randn(size, generator=self._generator, device=device)


def photometric(image: Tensor, donor: Tensor, generator: torch.Generator) -> Tensor:
    """Return images as other cameras, lights and styles might have shown them, in [0, 1].

    donor: of the same shape, lends its style.
    """
    draws = Draws(generator, len(image))
    for probability, change in _CHANGES:
        drawn = draws.uniform(0, 1) < probability
        image = torch.where(drawn, change(image, donor, draws), image)
    return image.clamp(0, 1)


def _random_convolution(image: Tensor, donor: Tensor, draws: Draws) -> Tensor:
    """Mix the image with a random 3x3 convolution of it: new textures, same edges."""
    kernel = draws.normal(1 / 3 / math.sqrt(3), 3, 27)
    patches = functional.unfold(functional.pad(image, (1, 1, 1, 1), mode='reflect'), 3)
    filtered = (kernel @ patches).view_as(image)
    filtered = _with_statistics_of(image, filtered, (1, 2, 3))
    return image.lerp(filtered, draws.uniform(0.2, 0.7))


def _with_statistics_of(image: Tensor, other: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Return ``other`` with the mean and deviation that ``image`` has over ``axes``."""
    deviation = other.std(axes, keepdim=True) + 1e-3
    scaled = (other - other.mean(axes, keepdim=True)) / deviation
    return scaled * image.std(axes, keepdim=True) + image.mean(axes, keepdim=True)


def _brush(image: Tensor, donor: Tensor, draws: Draws) -> Tensor:
    """Flatten fine texture: the median of 3 pixels along rows, then along columns."""
    left, middle, right = _three(functional.pad(image, (1, 1, 0, 0), mode='replicate'), 3)
    image = _median(left, middle, right)
    return _median(*_three(functional.pad(image, (0, 0, 1, 1), mode='replicate'), 2))


def _three(padded: Tensor, axis: int) -> tuple[Tensor, ...]:
    length = padded.shape[axis] - 2
    return tuple(padded.narrow(axis, i, length) for i in range(3))


def _median(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return torch.maximum(torch.minimum(a, b), torch.minimum(torch.maximum(a, b), c))


def _gamma(image: Tensor, donor: Tensor, draws: Draws) -> Tensor:
    # A power of 0 has no finite logarithm on some devices.
    return image.clamp(1e-4, 1) ** draws.normal(0.3).exp()


def _colour(image: Tensor, donor: Tensor, draws: Draws) -> Tensor:
    """Change saturation, contrast, exposure and white balance."""
    grey = image.mean(1, keepdim=True)
    image = grey + (image - grey) * draws.uniform(0.2, 1.4)
    mean = image.mean((1, 2, 3), keepdim=True)
    image = (image - mean) * draws.uniform(0.6, 1.35) + mean
    return image * (draws.uniform(0.55, 1.35) * draws.normal(0.1, 3, 1, 1).exp())


def _tone_curve(image: Tensor, donor: Tensor, draws: Draws) -> Tensor:
    """Bend every channel by its own rising curve."""
    even = torch.linspace(0, 1, _KNOTS, device=image.device)
    knots = (even + draws.normal(0.12, 3, _KNOTS)).clamp(0, 1).sort(-1).values
    place = image.clamp(0, 1).flatten(2) * (_KNOTS - 1)
    below = place.floor().clamp(max=_KNOTS - 2)
    low, high = knots.gather(2, below.long()), knots.gather(2, below.long() + 1)
    return low.lerp(high, place - below).view_as(image)


def _low_frequency_style(image: Tensor, donor: Tensor, draws: Draws) -> Tensor:
    """Replace part of the image's low frequencies by the donor's (a blur splits the spectrum)."""
    height, width = image.shape[-2:]
    coarse = functional.adaptive_avg_pool2d(donor - image, _STYLE_CELLS)
    deviation = _STYLE_DEVIATION * width
    rows = _smoothing(height, _STYLE_CELLS[0], deviation / height, image.device)
    columns = _smoothing(width, _STYLE_CELLS[1], deviation / width, image.device)
    return image + draws.uniform(0.3, 1.0) * (rows @ coarse @ columns.T)


@cache
def _smoothing(count: int, cells: int, deviation: float, device: torch.device) -> Tensor:
    """Return the weights [count, cells] of cells in pixels that they are blurred to.

    deviation: of the Gaussian, a share of the side; the side goes on as its mirror image.
    """
    places = (torch.arange(count, device=device)[:, None] + 0.5) / count
    centres = (torch.arange(cells, device=device) + 0.5) / cells
    weights = sum(
        torch.exp(-0.5 * ((places - seen) / deviation) ** 2)
        for seen in (centres, -centres, 2 - centres)
    )
    assert isinstance(weights, Tensor)
    return weights / weights.sum(1, keepdim=True)


def _channel_statistics(image: Tensor, donor: Tensor, draws: Draws) -> Tensor:
    """Give every channel part of the donor's mean and standard deviation."""
    return image.lerp(_with_statistics_of(donor, image, (2, 3)), draws.uniform(0.3, 1.0))


def _blurred(image: Tensor, deviation: Tensor) -> Tensor:
    """Blur each image by a Gaussian of its own ``deviation``, float [N, 1, 1, 1], px."""
    offsets = torch.arange(-_REACH, _REACH + 1, device=image.device)
    kernel = torch.exp(-0.5 * (offsets / deviation.view(-1, 1)) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(3, 0)
    flat = functional.pad(image, (_REACH,) * 4, mode='reflect').flatten(0, 1)[None]
    flat = functional.conv2d(flat, kernel[:, None, None, :], groups=len(kernel))
    flat = functional.conv2d(flat, kernel[:, None, :, None], groups=len(kernel))
    return flat.view_as(image)


def _blur(image: Tensor, donor: Tensor, draws: Draws) -> Tensor:
    return _blurred(image, draws.uniform(0.4, 1.3))


def _sharpen(image: Tensor, donor: Tensor, draws: Draws) -> Tensor:
    soft = _blurred(image, torch.ones_like(draws.uniform(0, 1)))
    return soft + (image - soft) * draws.uniform(1.3, 2.5)


def _vignette(image: Tensor, donor: Tensor, draws: Draws) -> Tensor:
    y, x = (torch.linspace(-1, 1, n, device=image.device) for n in image.shape[-2:])
    return image * (1 - draws.uniform(0, 0.5) * (y[:, None] ** 2 + x**2) / 2)


def _noise(image: Tensor, donor: Tensor, draws: Draws) -> Tensor:
    noise = draws.normal(1.0, *image.shape[1:])
    noise = torch.where(draws.uniform(0, 1) < 0.5, noise[:, :1], noise)
    return image + noise * draws.uniform(0.005, 0.06)


def _jpeg(image: Tensor, donor: Tensor, draws: Draws) -> Tensor:
    """Do to the image what JPEG does, at qualities 25 to 90 and half the resolution of colour."""
    quality = draws.uniform(25, 90)
    factor = torch.where(quality < 50, 50 / quality, 2 - quality / 50)
    planes = _mixed(image.clamp(0, 1) * 255, _YCC)
    light = _quantised(planes[:, :1] - 128, _LUMINANCE, factor) + 128
    colour = _quantised(functional.avg_pool2d(planes[:, 1:], 2), _COLOUR, factor)
    colour = functional.interpolate(colour, scale_factor=2, mode='bilinear', align_corners=False)
    planes = torch.cat([light, colour], 1)
    return _mixed(planes, _RGB) / 255


def _mixed(planes: Tensor, table: _Table) -> Tensor:
    """Return three planes as sums of the three given, by the rows of ``table``."""
    return torch.einsum('ij,njhw->nihw', _constant(table, planes.device), planes)


@cache
def _constant(table: _Table, device: torch.device) -> Tensor:
    """Return ``table`` on a device; kept, because a CUDA graph cannot copy from the host."""
    return torch.tensor(table, device=device, dtype=torch.float32)


def _quantised(planes: Tensor, table: _Table, factor: Tensor) -> Tensor:
    """Round the cosine transform of 8x8 blocks of [N, C, H, W] to ``factor`` times ``table``."""
    n, channels, height, width = planes.shape
    blocks = planes.view(n, channels, height // 8, 8, width // 8, 8).transpose(3, 4)
    transform = _cosines(planes.device)
    steps = _constant(table, planes.device) * factor[..., None, None]
    steps = steps.round().clamp(1, 255)
    rounded = (transform @ blocks @ transform.T / steps).round() * steps
    return (transform.T @ rounded @ transform).transpose(3, 4).reshape(planes.shape)


def _cosines(device: torch.device) -> Tensor:
    """Return the orthonormal matrix [8, 8] of the cosine transform."""
    place = (torch.arange(8, device=device) + 0.5) * math.pi / 8
    matrix = torch.cos(torch.arange(8, device=device)[:, None] * place) / 2
    return torch.cat([matrix[:1] / math.sqrt(2), matrix[1:]])


def _grey(image: Tensor, donor: Tensor, draws: Draws) -> Tensor:
    return image.mean(1, keepdim=True).expand_as(image)


# Probability and change, as in augmentation.py: light, lens, sensor and codec follow each other.
_CHANGES: tuple[tuple[float, Callable[[Tensor, Tensor, Draws], Tensor]], ...] = (
    (0.08, _random_convolution),
    (0.08, _brush),
    (0.5, _gamma),
    (0.8, _colour),
    (0.25, _tone_curve),
    (0.2, _low_frequency_style),
    (0.1, _channel_statistics),
    (0.3, _blur),
    (0.15, _sharpen),
    (0.2, _vignette),
    (0.6, _noise),
    (0.3, _jpeg),
    (0.1, _grey),
)
