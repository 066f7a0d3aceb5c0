"""Training samples drawn and changed on the device: what samples.py does, a batch at a time.

Nothing here asks the device for a number, so that drawing can be part of a CUDA graph.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from s2r_depth_training.dataset.augmentation import TALLEST
from s2r_depth_training.dataset.config import DataConfig
from s2r_depth_training.dataset.device_frames import DeviceFrames
from s2r_depth_training.dataset.device_photometric import photometric
from s2r_depth_training.dataset.samples import WIDEST, Batch
from s2r_depth_training.dataset.sampling import kind_shares
from s2r_depth_training.errors import ConfigError, DataError


class Windows(NamedTuple):
    """Where in stored frames a batch is taken from: float32 [N], px, and which are mirrored."""

    top: Tensor
    left: Tensor
    height: Tensor
    width: Tensor
    mirrored: Tensor


class DeviceSamples:
    """Draws batches of augmented samples on the device of ``frames``.

    generator: of that device; it alone decides the samples. pairs: also give the view in another
    style, for which the frames must have one. Raises DataError, ConfigError for paintings.
    """

    def __init__(
        self,
        frames: Sequence[DeviceFrames],
        config: DataConfig,
        generator: torch.Generator,
        *,
        pairs: bool = False,
    ) -> None:
        if config.paintings:
            raise ConfigError('data.paintings: their style is lent by `fit` on a CPU only')
        if config.resize != 'area' or config.rotation or config.darken:
            raise ConfigError(
                'data.resize, rotation and darken are not known to pieces on a GPU; train by `fit`'
            )
        if pairs and any(kind.restyled is kind.rgb for kind in frames):
            raise DataError('the stage needs frames in two styles; render without --plain')
        self._frames, self._config, self._pairs = frames, config, pairs
        self.generator = generator
        self._size = (config.height, config.width)

    def draw(self, count: int) -> Batch:
        """Return ``count`` samples; kinds have their shares of the mix, in whole samples."""
        parts = [
            self._draw_kind(kind, n) for kind, n in zip(self._frames, self._counts(count)) if n
        ]
        image, paired, depth, weight = (torch.cat(field) for field in zip(*parts))
        # The neighbour lends its style: frames are drawn at random, so any will do.
        donor = image.roll(1, 0)
        changed = self._appearance(image, donor)
        other = self._appearance(paired, donor) if self._pairs else changed
        number = torch.zeros(count, dtype=torch.int64, device=depth.device)
        return Batch(changed * 2 - 1, other * 2 - 1, depth, weight, number)

    def _counts(self, count: int) -> list[int]:
        """Return how many samples of each kind make up ``count``."""
        shares = kind_shares([kind.kind for kind in self._frames], self._config)
        ordered = [shares[kind.kind] for kind in self._frames]
        ends = torch.tensor(ordered, dtype=torch.float64).cumsum(0)
        rounded = (ends / ends[-1] * count).round().int().tolist()
        return [end - start for start, end in zip([0, *rounded], rounded)]

    def _appearance(self, image: Tensor, donor: Tensor) -> Tensor:
        if not self._config.photometric:
            return image
        return photometric(image, donor, self.generator)

    def _draw_kind(self, frames: DeviceFrames, count: int) -> tuple[Tensor, ...]:
        """Return image and paired image in [0, 1], depth in m and weight of ``count`` samples."""
        device, config = frames.rgb.device, self._config
        place = torch.randint(
            len(frames.typical), (count,), device=device, generator=self.generator
        )
        chosen = frames.typical[place]
        windows = self._windows(frames, count)
        rgb, restyled = (view[chosen].permute(0, 3, 1, 2) for view in (frames.rgb, frames.restyled))
        swapped = (self._uniform(count, device) < config.restyled).view(-1, 1, 1, 1)
        first, other = torch.where(swapped, restyled, rgb), torch.where(swapped, rgb, restyled)
        image = resample(first.float() / 255, windows, self._size)
        paired = resample(other.float() / 255, windows, self._size) if self._pairs else image
        metres = nearest(frames.depth[chosen], windows, self._size).float()
        fx = frames.fx[chosen] * config.width / windows.width
        return image, paired, *_canonical(metres, fx, frames.zero_is_sky, config)

    def _windows(self, frames: DeviceFrames, count: int) -> Windows:
        """Draw crops as augmentation.random_window does, but not rounded to whole pixels."""
        (height, width), config = frames.size, self._config
        device = frames.rgb.device
        cropped, shape, side, down, right, mirror = (self._uniform(count, device) for _ in range(6))
        widest = config.widest.get(frames.kind, WIDEST)
        spread = math.log(widest) - math.log(TALLEST)
        aspect = config.width / config.height * torch.exp(math.log(TALLEST) + shape * spread)
        side = config.crop_scale + side * (1 - config.crop_scale)
        tall = (width / aspect).clamp(max=height) * side
        wide = (height * aspect).clamp(max=width) * side
        whole = cropped >= config.crop
        tall = torch.where(whole, float(height), tall)
        wide = torch.where(whole, float(width), wide)
        return Windows(down * (height - tall), right * (width - wide), tall, wide, mirror < 0.5)

    def _uniform(self, count: int, device: torch.device) -> Tensor:
        return torch.rand(count, device=device, generator=self.generator)


def resample(image: Tensor, windows: Windows, size: tuple[int, int]) -> Tensor:
    """Cut ``windows`` out of [N, C, H, W] and bring them to ``size``, float32 [N, C, *size].

    Bilinear; where it shrinks, averaged over the pixels of a target pixel (antialiased).
    """
    height, width = image.shape[-2:]
    rows = _filter(_centres(windows.top, windows.height, size[0]), windows.height, height)
    places = _centres(windows.left, windows.width, size[1])
    places = torch.where(windows.mirrored[:, None], places.flip(1), places)
    columns = _filter(places, windows.width, width)
    return rows[:, None] @ (image @ columns[:, None].transpose(-1, -2))


def nearest(image: Tensor, windows: Windows, size: tuple[int, int]) -> Tensor:
    """Cut ``windows`` out of [N, H, W] and bring them to ``size`` by the nearest pixel.

    Returns [N, 1, *size]: depth, which must not be mixed at edges.
    """
    height, width = image.shape[-2:]
    rows = _centres(windows.top, windows.height, size[0]).round().long().clamp(0, height - 1)
    places = _centres(windows.left, windows.width, size[1])
    places = torch.where(windows.mirrored[:, None], places.flip(1), places)
    columns = places.round().long().clamp(0, width - 1)
    number = torch.arange(len(image), device=image.device)[:, None, None]
    return image[number, rows[:, :, None], columns[:, None, :]][:, None]


def _centres(start: Tensor, length: Tensor, count: int) -> Tensor:
    """Return the centres of ``count`` equal parts of windows, [N, count], in pixel indices."""
    parts = (torch.arange(count, device=start.device) + 0.5) / count
    return start[:, None] + length[:, None] * parts - 0.5


def _filter(places: Tensor, length: Tensor, count: int) -> Tensor:
    """Return the weights [N, places, count] of pixels in what is drawn at ``places`` [N, P]."""
    reach = (length / places.shape[1]).clamp(min=1)[:, None, None]
    pixels = torch.arange(count, device=places.device)
    distance = (places.clamp(0, count - 1)[:, :, None] - pixels).abs()
    weights = (1 - distance / reach).clamp(min=0)
    return weights / weights.sum(2, keepdim=True)


def _canonical(
    metres: Tensor, fx: Tensor, zero_is_sky: bool, config: DataConfig
) -> tuple[Tensor, Tensor]:
    """Return depth in the canonical camera and weight, as canonical.canonical_depth does."""
    depth = metres * (config.focal_length / fx).view(-1, 1, 1, 1)
    weight = (depth > config.min_depth).float()
    if zero_is_sky:
        sky = metres <= 0
        weight = torch.where(sky, config.sky_weight, weight)
        depth = torch.where(sky, config.max_depth, depth)
    return depth.clamp(config.min_depth, config.max_depth), weight
