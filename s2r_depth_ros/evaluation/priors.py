"""Predictors that do not look at the image: what a model must beat to have learnt anything.

A priors file (.npz) holds, for every kind of scene, the mean log depth over training images in the
canonical camera: per pixel, per row and as one constant. A camera with another focal length sees
the same prior scaled by fx / focal_length, as the network's depth is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.errors import UserError

PRIORS = ('constant', 'row', 'pixel')
PRIOR_OF_KIND = {'driving': 'driving', 'indoor': 'indoor', 'stereo': 'indoor'}
"""Which prior a kind of scene is compared with; Middlebury's pairs are rooms and tables."""

_LOG_DEPTH, _FOCAL_LENGTH = '_log_depth', '_focal_length'


@dataclass(frozen=True)
class DepthPrior:
    """Mean log depth of one kind of scene.

    log_depth: float32 [h, w], log of m, for a camera whose fx is ``focal_length`` px when its
    image is w pixels wide.
    """

    log_depth: NDArray[np.float32]
    focal_length: float

    def predict(self, name: str, height: int, width: int, fx: float) -> NDArray[np.float32]:
        """Return the prior ``name`` (of PRIORS) as depth [height, width] in m.

        fx: focal length in px at ``width``. Raises ValueError for another name.
        """
        if name == 'pixel':
            log_depth = self.log_depth
        elif name == 'row':
            log_depth = np.broadcast_to(self.log_depth.mean(1, keepdims=True), self.log_depth.shape)
        elif name == 'constant':
            log_depth = np.full_like(self.log_depth, self.log_depth.mean())
        else:
            raise ValueError(f'unknown prior {name!r}; use one of {", ".join(PRIORS)}')
        scale = fx * self.log_depth.shape[1] / width / self.focal_length
        full = cv2.resize(np.ascontiguousarray(log_depth), (width, height))
        return (np.exp(full) * scale).astype(np.float32)


def mean_log_depth(
    depths: Iterable[tuple[NDArray[np.float32], float]],
    size: tuple[int, int],
    focal_length: float,
    max_depth: float,
) -> DepthPrior:
    """Average training images into a prior of ``size`` = (height, width).

    depths: pairs of a depth map [h, w] in m (0 = sky or unknown, left out) and its fx in px.
    Pixels never seen get ``max_depth`` (m), which also bounds every depth.
    """
    height, width = size
    total = np.zeros(size)
    count = np.zeros(size)
    for depth, fx in depths:
        scale = focal_length / (fx * width / depth.shape[1])
        small = cv2.resize(
            depth.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST
        )
        known = small > 0
        total[known] += np.log(np.minimum(small[known] * scale, max_depth))
        count += known
    mean = np.where(count > 0, total / np.maximum(count, 1), np.log(max_depth))
    return DepthPrior(mean.astype(np.float32), focal_length)


def save_priors(path: str | Path, priors: Mapping[str, DepthPrior]) -> None:
    """Write the priors of every kind to ``path`` (.npz)."""
    arrays: dict[str, NDArray[np.float32]] = {}
    for kind, prior in priors.items():
        arrays[kind + _LOG_DEPTH] = prior.log_depth
        arrays[kind + _FOCAL_LENGTH] = np.array(prior.focal_length, np.float32)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]  # its stub takes a bool last


def load_priors(path: str | Path) -> dict[str, DepthPrior]:
    """Read what save_priors wrote: kind -> prior. Raises UserError for no such file."""
    if not Path(path).is_file():
        raise UserError(f'{path}: no such priors file; make one with `s2r_train priors`')
    with np.load(path, allow_pickle=False) as arrays:
        kinds = [key.removesuffix(_LOG_DEPTH) for key in arrays if key.endswith(_LOG_DEPTH)]
        return {
            kind: DepthPrior(arrays[kind + _LOG_DEPTH], float(arrays[kind + _FOCAL_LENGTH]))
            for kind in kinds
        }
