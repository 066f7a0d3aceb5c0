"""A camera's sensor and lens on a rendered image: what makes a picture look taken.

Only changes colours, never where things are: depth stays valid for every pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_training.synthetic.geometry.scene import Colour, colour_of


@dataclass(frozen=True)
class Photo:
    """How a picture is taken.

    gain: linear exposure factor. white: linear gains of r, g, b. contrast: slope of the display
    values about middle grey. vignette: share of light lost in the corners, [0, 1]. blur: sigma
    of the lens and sensor, px. shake: length of motion blur, px, along ``shake_angle``, radians.
    shot_noise, read_noise: sigma of display values in [0, 1] for white and for black.
    grain: size of the noise after demosaicing, px. quality: of JPEG, 1..100, 0 for none.
    """

    gain: float = 1.0
    white: Colour = (1.0, 1.0, 1.0)
    contrast: float = 1.0
    vignette: float = 0.0
    blur: float = 0.0
    shake: float = 0.0
    shake_angle: float = 0.0
    shot_noise: float = 0.0
    read_noise: float = 0.0
    grain: float = 0.0
    quality: int = 0


def sample_photo(rng: np.random.Generator, height: int) -> Photo:
    """Draw a camera and its settings; blur grows with the image's height, px."""
    scale = height / 192.0
    shaken = rng.random() < 0.15
    return Photo(
        gain=float(np.exp(rng.normal(0.0, 0.22))),
        white=colour_of(float(g) for g in np.exp(rng.normal(0.0, 0.06, 3))),
        contrast=float(rng.uniform(0.8, 1.25)),
        vignette=float(rng.uniform(0.0, 0.35) * (rng.random() < 0.6)),
        blur=float(rng.uniform(0.0, 0.9) ** 2 * scale * 1.3),
        shake=float(rng.uniform(1.0, 4.0) * scale) if shaken else 0.0,
        shake_angle=float(rng.uniform(0.0, np.pi)),
        shot_noise=float(rng.uniform(0.0, 0.035)),
        read_noise=float(rng.uniform(0.0, 0.018)),
        grain=float(rng.uniform(0.0, 0.8)),
        quality=int(rng.integers(35, 96)) if rng.random() < 0.7 else 0,
    )


def take_photo(rgb: NDArray[np.uint8], photo: Photo, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return an image as a photo shows it, [H, W, 3] as the image.

    rng: draws the noise. Raises ValueError for another dtype or shape.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f'expected a uint8 image of H x W x 3, got {rgb.dtype} {rgb.shape}')
    light = (rgb.astype(np.float32) / 255.0) ** 2.2
    light *= np.array(photo.white, np.float32) * photo.gain
    if photo.vignette:
        light *= _falloff(rgb.shape[0], rgb.shape[1], photo.vignette)
    if photo.shake > 1.0:
        streak = _streak(photo.shake, photo.shake_angle)
        light = np.asarray(cv2.filter2D(light, -1, streak), np.float32)
    if photo.blur > 0.15:
        light = np.asarray(cv2.GaussianBlur(light, (0, 0), photo.blur), np.float32)
    shown = np.clip(light, 0.0, 1.0) ** np.float32(1 / 2.2)
    shown = (shown - 0.45) * photo.contrast + 0.45
    shown += _noise(np.clip(shown, 0.0, 1.0), photo, rng)
    result = np.clip(shown * 255.0 + 0.5, 0, 255).astype(np.uint8)
    return _jpeg(result, photo.quality) if photo.quality else result


def _falloff(height: int, width: int, loss: float) -> NDArray[np.float32]:
    """Return the share of light that reaches each pixel, [H, W, 1]; less toward the corners."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    square = (2 * (x + 0.5) / width - 1) ** 2 + (2 * (y + 0.5) / height - 1) ** 2
    return (1.0 - loss * square / 2.0)[..., None]


def _streak(length: float, angle: float) -> NDArray[np.float32]:
    """Return the kernel of a straight motion over ``length`` px; it sums to one."""
    size = 2 * int(np.ceil(length / 2)) + 1
    t = np.linspace(-length / 2, length / 2, 8 * size)
    kernel = np.zeros((size, size), np.float32)
    rows = np.round(size // 2 + t * np.sin(angle)).astype(int)
    columns = np.round(size // 2 + t * np.cos(angle)).astype(int)
    np.add.at(kernel, (rows, columns), 1.0)
    return kernel / kernel.sum()


def _noise(
    shown: NDArray[np.float32], photo: Photo, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw noise that grows with the display values in [0, 1], [H, W, 3] as they are."""
    if not (photo.shot_noise or photo.read_noise):
        return np.zeros_like(shown)
    noise = rng.standard_normal(shown.shape, np.float32)
    if photo.grain > 0.3:
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), photo.grain), np.float32)
        noise /= max(float(noise.std()), 1e-6)
    sigma = np.sqrt(photo.read_noise**2 + photo.shot_noise**2 * shown)
    return noise * sigma


def _jpeg(rgb: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Compress and decompress an image."""
    _, code = cv2.imencode('.jpg', rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])
