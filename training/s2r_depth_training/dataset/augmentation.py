"""From a rendered frame to a training sample: crops, and the ways in which real cameras differ.

Every function takes a numpy Generator and nothing else that is random, so that a sample is decided
by its seed. Images are float32 [H, W, 3] RGB, nominally in [0, 1], unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Changed = NDArray[Any]  # an Image, in whatever dtype numpy and OpenCV computed it
Rng = np.random.Generator
TALLEST = 0.85  # least multiple of the aspect that a crop has
Window = tuple[int, int, int, int]  # top, left, height, width in px


def random_window(
    height: int, width: int, aspect: float, smallest: float, rng: Rng, widest: float
) -> Window:
    """Return a crop of about ``aspect`` = width / height.

    smallest: least share of the largest such crop's side that is kept. widest: largest multiple of
    ``aspect``; the smallest is TALLEST.
    """
    aspect *= np.exp(rng.uniform(np.log(TALLEST), np.log(widest)))
    side = rng.uniform(smallest, 1.0)
    crop_height = max(1, int(min(height, width / aspect) * side))
    crop_width = max(1, int(min(width, height * aspect) * side))
    top = int(rng.integers(height - crop_height + 1))
    left = int(rng.integers(width - crop_width + 1))
    return top, left, crop_height, crop_width


def crop_and_resize(
    image: NDArray[Any], window: Window, size: tuple[int, int], *, nearest: bool
) -> NDArray[Any]:
    """Cut ``window`` out of an array [H, W(, C)] and resize it to ``size`` = (height, width).

    Colours are averaged when shrinking; ``nearest`` is for depth, which must not be mixed at edges.
    """
    top, left, height, width = window
    cut = image[top : top + height, left : left + width]
    if cut.shape[:2] == size:
        return np.ascontiguousarray(cut)
    shrinks = size[0] < height or size[1] < width
    colour = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(
        np.ascontiguousarray(cut),
        size[::-1],
        interpolation=cv2.INTER_NEAREST if nearest else colour,
    )


def unit_range(rgb: NDArray[np.uint8]) -> Image:
    """Return the colours 0 to 255 as 0 to 1."""
    return rgb.astype(np.float32) / np.float32(255)


def photometric(rgb: NDArray[np.uint8], donor: NDArray[np.uint8], rng: Rng) -> Image:
    """Return ``rgb`` as another camera, light and style might have shown it, clipped to [0, 1].

    donor: uint8 [H, W, 3] of the same size, lends its style.
    """
    image, other = unit_range(rgb), unit_range(donor)
    for probability, change in _CHANGES:
        if rng.random() < probability:
            image = change(image, other, rng).astype(np.float32)
    return np.clip(image, 0, 1)


def _gamma(image: Image, donor: Image, rng: Rng) -> Changed:
    return np.clip(image, 0, 1) ** np.exp(rng.normal(0, 0.3))


def _colour(image: Image, donor: Image, rng: Rng) -> Changed:
    """Change saturation, contrast, exposure and white balance."""
    grey = image.mean(2, keepdims=True)
    image = grey + (image - grey) * rng.uniform(0.2, 1.4)
    mean = image.mean()
    image = (image - mean) * rng.uniform(0.6, 1.35) + mean
    return image * rng.uniform(0.55, 1.35) * np.exp(rng.normal(0, 0.1, 3))


def _tone_curve(image: Image, donor: Image, rng: Rng) -> Changed:
    """Bend every channel by its own rising curve."""
    knots = np.linspace(0, 1, 6)
    curves = [np.sort(np.clip(knots + rng.normal(0, 0.12, 6), 0, 1)) for _ in range(3)]
    return np.stack([np.interp(image[..., c], knots, curves[c]) for c in range(3)], -1)


def _low_frequency_style(image: Image, donor: Image, rng: Rng) -> Changed:
    """Replace part of the image's low frequencies by the donor's (a blur splits the spectrum)."""
    share = rng.uniform(0.3, 1.0)
    sigma = image.shape[1] * 0.19
    difference = cv2.GaussianBlur(donor - image, (0, 0), sigma)
    return image + np.float32(share) * difference


def _channel_statistics(image: Image, donor: Image, rng: Rng) -> Changed:
    """Give every channel part of the donor's mean and standard deviation."""
    mean, std = image.mean((0, 1)), image.std((0, 1)) + 1e-3
    wanted = (image - mean) / std * (donor.std((0, 1)) + 0.05) + donor.mean((0, 1))
    share = np.float32(rng.uniform(0.3, 1.0))
    return image * (1 - share) + wanted * share


def _random_convolution(image: Image, donor: Image, rng: Rng) -> Changed:
    """Mix the image with a random 3x3 convolution of it: new textures, same edges."""
    size = 3
    kernel = rng.normal(0, 1 / size, (3, size, size, 3)) / np.sqrt(3)
    filtered = np.stack(
        [
            sum(cv2.filter2D(image[..., k], -1, kernel[c, ..., k]) for k in range(3))
            for c in range(3)
        ],
        -1,
    )
    filtered = (filtered - filtered.mean()) / (filtered.std() + 1e-3) * image.std() + image.mean()
    share = rng.uniform(0.2, 0.7)
    return image * (1 - share) + filtered * share


def _brush(image: Image, donor: Image, rng: Rng) -> Changed:
    """Flatten fine texture as a painter's brush does (median filter)."""
    bytes_ = (np.clip(image, 0, 1) * 255).astype(np.uint8)
    return cv2.medianBlur(bytes_, int(rng.choice((3, 5)))).astype(np.float32) / 255


def _blur(image: Image, donor: Image, rng: Rng) -> Changed:
    return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.3))


def _sharpen(image: Image, donor: Image, rng: Rng) -> Changed:
    soft = cv2.GaussianBlur(image, (0, 0), 1.0)
    return soft + (image - soft) * rng.uniform(1.3, 2.5)


def _vignette(image: Image, donor: Image, rng: Rng) -> Changed:
    height, width = image.shape[:2]
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return image * (1 - rng.uniform(0, 0.5) * (x**2 + y**2) / 2)[..., None]


def _noise(image: Image, donor: Image, rng: Rng) -> Changed:
    channels = 1 if rng.random() < 0.5 else 3
    return image + rng.normal(0, rng.uniform(0.005, 0.06), (*image.shape[:2], channels))


def _jpeg(image: Image, donor: Image, rng: Rng) -> Changed:
    quality = int(rng.integers(25, 90))
    bytes_ = (np.clip(image, 0, 1) * 255).astype(np.uint8)
    _, code = cv2.imencode('.jpg', bytes_, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(code, cv2.IMREAD_COLOR)
    assert decoded is not None  # it was encoded just now
    return decoded.astype(np.float32) / 255


def _grey(image: Image, donor: Image, rng: Rng) -> Changed:
    return np.repeat(image.mean(2, keepdims=True), 3, 2)


# Probability and change, in the order in which light, lens, sensor and codec follow each other.
_CHANGES: tuple[tuple[float, Callable[[Image, Image, Rng], Changed]], ...] = (
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
