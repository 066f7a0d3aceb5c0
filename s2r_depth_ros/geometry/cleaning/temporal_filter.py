"""Steadies depth from frame to frame: an exponential mean of inverse depth that does not ghost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.geometry.settings import check_between, check_positive

_BLOCK = 75_000  # pixels that are worked on at a time
_GRID = 4  # px; images are compared at every fourth pixel
_SPARSE = 8  # px; the common scale is taken at every eighth
_LEAST_COMMON = 32  # of these that must be known in both frames
_SMOOTH = 5  # pixels of the grid over which images are compared


@dataclass(frozen=True)
class TemporalSettings:
    """weight: of the newest frame, 0.4 to 1; after three frames at most 0.6^3 of it is old.

    max_change: relative change of inverse depth, beyond the common one, at which a pixel starts
    anew, at most 0.25. max_difference: of the grey levels (0 to 255) of an image region, at which
    it does. max_gap: s between two frames, at which all does. Raises FilterError.
    """

    weight: float = 0.4
    max_change: float = 0.1
    max_difference: float = 12.0
    max_gap: float = 0.5

    def __post_init__(self) -> None:
        check_between('temporal_filter.weight', self.weight, 0.4, 1.0)
        check_between('temporal_filter.max_change', self.max_change, 0.0, 0.25)
        check_between('temporal_filter.max_difference', self.max_difference, 0.0, 255.0)
        check_positive('temporal_filter.max_gap', self.max_gap, 's')


class TemporalFilter:
    """Filters the depth images of one camera, in the order of their stamps. One caller at a time.

    What a pixel shows n frames after a change is off by max_change * (1 - weight)^n of the newest
    depth at most, so that nothing is seen where it was.
    """

    def __init__(self, settings: TemporalSettings) -> None:
        self.settings = settings
        self._stamp = -math.inf
        self._grey: NDArray[np.uint8] = np.empty((0, 0), np.uint8)
        self._past: NDArray[np.float32] = np.empty((0, 0), np.float32)  # inverse depth, 1/m
        self._scratch = _Scratch.of_shape((0, 0))

    def reset(self) -> None:
        """Forget all frames."""
        self._stamp = -math.inf

    def update(
        self, depth: NDArray[np.float32], rgb: NDArray[np.uint8], stamp: float
    ) -> NDArray[np.float32]:
        """Blend ``depth`` (float32 [H, W], m) in place with earlier frames, and return it.

        rgb: uint8 [H, W, 3], the image. stamp: s. NaN stays NaN. A pixel starts anew where its
        image or its depth changed; the whole frame where the size changed, the stamp did not grow,
        or too much time passed. Before they are blended, earlier frames are scaled to the newest
        one: the blend has its scale. Raises ValueError unless depth and image are of one size.
        """
        if rgb.shape != (*depth.shape, 3):
            raise ValueError(f'the image is {rgb.shape}, depth {depth.shape}; sizes must be equal')
        follows = 0 < stamp - self._stamp <= self.settings.max_gap
        if self._past.shape != depth.shape:
            self._past, follows = np.empty_like(depth), False
        grey, past_grey = _grey_grid(rgb), self._grey
        self._grey, self._stamp = grey, stamp
        scale = _common_scale(self._past, depth) if follows else None
        if scale is None:
            with np.errstate(divide='ignore', over='ignore'):
                np.reciprocal(depth, out=self._past)
        else:
            self._blend(depth, scale, self._changed(grey, past_grey))
        return depth

    def _changed(self, grey: NDArray[np.uint8], past: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return 255 where the image changed, uint8, of the size of the grid."""
        difference = cv2.blur(cv2.absdiff(grey, past), (_SMOOTH, _SMOOTH))
        most = self.settings.max_difference
        return np.asarray(cv2.threshold(difference, most, 255, cv2.THRESH_BINARY)[1], np.uint8)

    def _blend(self, depth: NDArray[np.float32], scale: float, changed: NDArray[np.uint8]) -> None:
        """Blend ``depth`` in place with the past where neither depth nor image changed."""
        height, width = depth.shape
        same = np.repeat(changed == 0, _GRID, axis=1)[:, :width]
        # Of rows that stay in the cache from one step to the next.
        rows = max(1, _BLOCK // width // _GRID) * _GRID
        shape = (min(rows, height), width)
        if self._scratch.ratio.shape != shape:
            self._scratch = _Scratch.of_shape(shape)
        for first in range(0, height, rows):
            part = slice(first, min(first + rows, height))
            grid = same[first // _GRID : -(-part.stop // _GRID)]
            few = self._scratch.first(part.stop - first)
            self._blend_rows((self._past[part], depth[part]), scale, grid, few)

    def _blend_rows(
        self,
        images: tuple[NDArray[np.float32], NDArray[np.float32]],
        scale: float,
        same: NDArray[np.bool_],
        scratch: _Scratch,
    ) -> None:
        """Blend rows of past and depth; same: of every fourth row, where the image stayed."""
        past, depth = images
        ratio, anew, other, one = scratch
        weight, most = self.settings.weight, 1 + self.settings.max_change
        with np.errstate(divide='ignore', over='ignore', invalid='ignore'):
            np.multiply(past, depth, out=ratio)
            np.less_equal(ratio, np.float32(most / scale), out=anew)
            anew &= np.greater_equal(ratio, np.float32(1 / (most * scale)), out=other)
            # No depth is negative; the product of two that are would look like one that stayed.
            anew &= np.greater(depth, 0, out=other)
            for row in range(min(_GRID, len(anew))):
                anew[row::_GRID] &= same[: len(anew[row::_GRID])]
            np.logical_not(anew, out=anew)
            # weight / depth + (1 - weight) * scale * past is this over depth:
            cv2.addWeighted(ratio, (1 - weight) * scale, ratio, 0, weight, dst=ratio)
            cv2.copyTo(one, anew.view(np.uint8), ratio)
            np.divide(depth, ratio, out=depth)
            np.reciprocal(depth, out=past)


class _Scratch(NamedTuple):
    """Images of one size: ratio, float32; anew and other, bool; one, float32, 1 everywhere."""

    ratio: NDArray[np.float32]
    anew: NDArray[np.bool_]
    other: NDArray[np.bool_]
    one: NDArray[np.float32]

    @classmethod
    def of_shape(cls, shape: tuple[int, int]) -> _Scratch:
        return cls(
            np.empty(shape, np.float32),
            np.empty(shape, np.bool_),
            np.empty(shape, np.bool_),
            np.ones(shape, np.float32),
        )

    def first(self, rows: int) -> _Scratch:
        """Return the first rows of all."""
        return _Scratch(self.ratio[:rows], self.anew[:rows], self.other[:rows], self.one[:rows])


def _grey_grid(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the grey levels of about every fourth pixel, uint8."""
    height, width = rgb.shape[:2]
    size = (-(-width // _GRID), -(-height // _GRID))
    picked = cv2.resize(rgb, size, interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.cvtColor(picked, cv2.COLOR_RGB2GRAY), np.uint8)


def _common_scale(past_inverse: NDArray[np.float32], depth: NDArray[np.float32]) -> float | None:
    """Return by what inverse depth of the past must be multiplied; None if too little is known."""
    with np.errstate(invalid='ignore'):
        ratio = past_inverse[::_SPARSE, ::_SPARSE] * depth[::_SPARSE, ::_SPARSE]
    known = ratio[np.isfinite(ratio) & (ratio > 0)]
    if len(known) < min(_LEAST_COMMON, ratio.size):
        return None
    return float(1 / np.median(known))
