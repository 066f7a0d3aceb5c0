"""Predictors that do not look at the image: what a model must beat to have learnt anything.

A priors file (.npz) holds, for every kind of scene, the mean log depth over training images in the
canonical camera: per pixel, per row and as one constant. A camera with another focal length sees
the same prior scaled by fx / focal_length, as the network's depth is.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.files import write_atomically

PRIORS = ('constant', 'row', 'pixel')
PRIOR_OF_KIND = {'driving': 'driving', 'indoor': 'indoor', 'stereo': 'indoor'}
"""Which prior a kind of scene is compared with; Middlebury's pairs are rooms and tables."""

_LOG_DEPTH, _FOCAL_LENGTH = '_log_depth', '_focal_length'
# What numpy raises for a file that is cut short, of another kind, or without an array.
_UNREADABLE = (
    OSError, ValueError, EOFError, KeyError, TypeError, AttributeError, BadZipFile, zlib.error
)  # fmt: skip
_MOST_BYTES = 2**26  # of a file, unpacked; those of the package have some 100 kB
_MOST_LOG_DEPTH = 20.0  # exp(20) m are beyond all depths
_REMEDY = 'make one with `s2r_train priors`'


class PriorsError(UserError):
    """The file of priors cannot be used."""


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
    """Write the priors of every kind to ``path`` (.npz); all of it, or nothing."""
    arrays: dict[str, NDArray[np.float32]] = {}
    for kind, prior in priors.items():
        arrays[kind + _LOG_DEPTH] = prior.log_depth
        arrays[kind + _FOCAL_LENGTH] = np.array(prior.focal_length, np.float32)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # its stub takes a bool last
    write_atomically(path, buffer.getbuffer())


def load_priors(path: str | Path) -> dict[str, DepthPrior]:
    """Read what save_priors wrote: kind -> prior. Raises PriorsError for another file."""
    path = Path(path)
    if not path.is_file():
        raise PriorsError(f'{path}: no such priors file; {_REMEDY}')
    try:
        # Opened here: numpy leaves a file open that it cannot read.
        with path.open('rb') as stream, np.load(stream, allow_pickle=False) as arrays:
            if sum(member.file_size for member in arrays.zip.infolist()) > _MOST_BYTES:
                raise ValueError('too large, once it is unpacked')
            kinds = [key.removesuffix(_LOG_DEPTH) for key in arrays if key.endswith(_LOG_DEPTH)]
            priors = {kind: _prior(arrays, kind) for kind in kinds}
    except _UNREADABLE as error:
        raise PriorsError(f'{path} is not a priors file; {_REMEDY}') from error
    if not priors:
        raise PriorsError(f'{path} holds no priors; {_REMEDY}')
    return priors


def _prior(arrays: Mapping[str, NDArray[np.float32]], kind: str) -> DepthPrior:
    """Return one prior of a file. Raises as reading its arrays does, ValueError for their shape."""
    log_depth, focal_length = arrays[kind + _LOG_DEPTH], float(arrays[kind + _FOCAL_LENGTH])
    # Also NaN is not within the bounds.
    is_depth = log_depth.ndim == 2 and log_depth.size and np.abs(log_depth).max() < _MOST_LOG_DEPTH
    if not (is_depth and 0 < focal_length < np.inf):
        raise ValueError(f'{kind}: no log depth [h, w] with a focal length')
    return DepthPrior(log_depth, focal_length)
