"""From a frame to what the network learns from: samples that their number alone decides."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from s2r_depth_training.dataset.augmentation import (
    Window,
    crop_and_resize,
    photometric,
    random_window,
    unit_range,
)
from s2r_depth_training.dataset.authors import (
    bicubic_colour,
    bicubic_depth,
    darkened,
    turned,
    turned_depth,
)
from s2r_depth_training.dataset.canonical import canonical_depth
from s2r_depth_training.dataset.config import DataConfig
from s2r_depth_training.dataset.format import StoredFrame
from s2r_depth_training.dataset.sampling import FrameMix, spread_evenly
from s2r_depth_training.dataset.store import Frames, FrameStore
from s2r_depth_training.dataset.style import load_paintings, painted
from s2r_depth_training.errors import DataError

_TURNED, _DARKENED = 0.5, 0.5  # shares of the images, where the experiment wants some
_PAINTED = 0.5  # share of the images that are restyled as a whole where there are paintings
WIDEST = 1.18  # of the kinds that data.widest does not name


class Batch(NamedTuple):
    """What a training step sees.

    image: float [N, 3, H, W] in [-1, 1]. paired: the same view in another style (the image itself
    where no pair was asked for). depth: [N, 1, H, W], m in the canonical camera, > 0. weight:
    [N, 1, H, W], 0 = unknown. number: [N], of the samples.
    """

    image: Tensor
    paired: Tensor
    depth: Tensor
    weight: Tensor
    number: Tensor


class TrainingSamples(Dataset):
    """Sample number -> augmented sample; the seed and the number decide everything.

    pairs: also give the view in another style (stage 0). Raises DataError if the mix names a kind
    of which there are no frames, StyleError if there are no paintings where the config wants some.
    """

    def __init__(
        self, frames: Frames, config: DataConfig, seed: int, *, pairs: bool = False
    ) -> None:
        self._config, self._seed, self._pairs = config, seed, pairs
        self._mix = FrameMix(frames, config)
        self._size = (config.height, config.width)
        self._paintings = (
            load_paintings(config.paintings, *self._size) if config.paintings else None
        )

    def __getitem__(self, number: int) -> Batch:
        """Return sample ``number`` as a Batch without its first axis.

        Raises DataError if hardly any frame of a kind is typical, or depth is too sparse for what
        the experiment does to it.
        """
        rng = np.random.default_rng((self._seed, number))
        frame, style = self._mix.draw_typical(rng), self._style(rng)
        window = self._window(frame, rng)
        mirrored = rng.random() < 0.5
        angle = self._angle(rng)

        def placed(view: NDArray[np.uint8]) -> NDArray[np.uint8]:
            colours = _colour(view, window, self._config)
            return turned(_mirrored(colours) if mirrored else colours, angle)

        views = [frame.rgb] if frame.restyled is None else [frame.rgb, frame.restyled]
        if len(views) == 2 and rng.random() < self._config.restyled:
            views.reverse()
        image = self._appearance(placed(views[0]), style, rng)
        paired = self._appearance(placed(views[-1]), style, rng) if self._pairs else image
        depth, weight = _depth(frame, window, self._config)
        if mirrored:
            depth, weight = _mirrored(depth), _mirrored(weight)
        depth, weight = turned_depth(depth, weight, angle, self._config.min_depth)
        return _sample(image, paired, depth, weight, number)

    def _angle(self, rng: np.random.Generator) -> float:
        """Return by how many degrees a sample is turned."""
        most = self._config.rotation
        return float(rng.uniform(-most, most)) if most and rng.random() < _TURNED else 0.0

    def _style(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return the image that lends its style, [H, W, 3]: a painting, or any frame."""
        if self._paintings is not None:
            return self._paintings[rng.integers(len(self._paintings))]
        donor = self._mix.draw(rng).rgb
        return crop_and_resize(donor, _whole(donor), self._size, nearest=False)

    def _window(self, frame: StoredFrame, rng: np.random.Generator) -> Window:
        config = self._config
        if rng.random() >= config.crop:
            return _whole(frame.rgb)
        height, width = frame.rgb.shape[:2]
        aspect, widest = config.width / config.height, config.widest.get(frame.kind, WIDEST)
        return random_window(height, width, aspect, config.crop_scale, rng, widest)

    def _appearance(
        self, rgb: NDArray[np.uint8], style: NDArray[np.uint8], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        if self._paintings is not None and self._config.photometric and rng.random() < _PAINTED:
            rgb = painted(rgb, style, rng)
        image = photometric(rgb, style, rng) if self._config.photometric else unit_range(rgb)
        if self._config.darken and rng.random() < _DARKENED:
            return darkened(image, rng)
        return image


class ValidationSamples(Dataset):
    """The same frames every time, evenly over the kinds trained on, whole and unchanged.

    count: of frames of each kind. Raises DataError for a kind in the mix of which there are no
    (typical) frames.
    """

    def __init__(self, store: FrameStore, config: DataConfig, count: int) -> None:
        self._store, self._config = store, config
        kinds = sorted(config.mix) or store.kinds
        if missing := set(kinds) - set(store.kinds):
            raise DataError(f'no validation frames of {sorted(missing)}, only of {store.kinds}')
        self._chosen = [(k, i) for k in kinds for i in spread_evenly(store, k, config, count)]

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, number: int) -> Batch:
        """Return frame ``number`` as a Batch without its first axis."""
        frame = self._store.frame(*self._chosen[number])
        whole = _whole(frame.rgb)
        image, paired = (
            unit_range(_colour(view, whole, self._config))
            for view in (frame.rgb, frame.rgb if frame.restyled is None else frame.restyled)
        )
        depth, weight = _depth(frame, whole, self._config)
        return _sample(image, paired, depth, weight, number)


def _whole(image: NDArray[np.uint8]) -> Window:
    height, width = image.shape[:2]
    return 0, 0, height, width


def _mirrored(array: NDArray[Any]) -> NDArray[Any]:
    return array[:, ::-1]


def _colour(rgb: NDArray[np.uint8], window: Window, config: DataConfig) -> NDArray[np.uint8]:
    """Return a window of an image at the network's size."""
    size = (config.height, config.width)
    if config.resize == 'bicubic':
        return bicubic_colour(rgb, window, size)
    return crop_and_resize(rgb, window, size, nearest=False)


def _depth(
    frame: StoredFrame, window: Window, config: DataConfig
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return depth of a window in the canonical camera, m, and its weight, at the network's size.

    Raises DataError for depth that is too sparse for the experiment's resizing.
    """
    size = (config.height, config.width)
    if config.resize == 'bicubic':
        depth = bicubic_depth(frame.depth, window, size, frame.zero_is_sky)
    else:
        depth = crop_and_resize(frame.depth.astype(np.float32), window, size, nearest=True)
    fx = frame.fx * config.width / window[3]
    return canonical_depth(depth, fx, frame.zero_is_sky, config)


def _sample(
    image: NDArray[np.float32],
    paired: NDArray[np.float32],
    depth: NDArray[np.float32],
    weight: NDArray[np.float32],
    number: int,
) -> Batch:
    """Return a Batch of one, without its first axis: colours [H, W, 3] in [0, 1], depth [H, W]."""

    def channels_first(array: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1))) * 2 - 1

    return Batch(
        channels_first(image),
        channels_first(paired),
        torch.from_numpy(np.ascontiguousarray(depth))[None],
        torch.from_numpy(np.ascontiguousarray(weight))[None],
        torch.tensor(number),
    )
