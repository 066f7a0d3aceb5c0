"""Depth metrics of the monocular depth literature, on one image (docs/network.md 5)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

METRICS = ('abs_rel', 'sq_rel', 'rmse', 'rmse_log', 'delta1', 'delta2', 'delta3')
ALIGNMENTS = ('none', 'median', 'scale_shift')
MIN_DEPTH = 1e-3
"""Nearest depth that counts, m; the authors' protocol (docs/network.md 5)."""

Crop = tuple[float, float, float, float]
"""Top, bottom, left, right as fractions of the image."""
CROPS: dict[str, dict[str, Crop]] = {
    'garg': {'driving': (0.40810811, 0.99189189, 0.03594771, 0.96405229)},
    'eigen': {
        'driving': (0.3324324, 0.91351351, 0.0359477, 0.96405229),
        'indoor': (45 / 480, 471 / 480, 41 / 640, 601 / 640),
    },
}
"""Name -> kind of scene -> crop: of Garg et al., ECCV 2016, and of Eigen et al., NIPS 2014."""

Array = NDArray[np.floating]
Mask = NDArray[np.bool_]


class MetricsError(ValueError):
    """The two depth maps cannot be compared."""


def crop_mask(height: int, width: int, crop: Crop) -> Mask:
    """Return bool [height, width]: True inside ``crop``, whose ends are rounded down."""
    sides = (height, height, width, width)
    # A fraction of whole pixels may come out a little below them.
    top, bottom, left, right = (int(part * side + 1e-6) for part, side in zip(crop, sides))
    mask = np.zeros((height, width), dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


def valid_mask(truth: Array, cap: float, crop: Crop | None = None) -> Mask:
    """Return bool [H, W]: ``truth`` (m, 0 = unknown) in (1 mm, ``cap`` m), inside the crop."""
    mask = (truth > MIN_DEPTH) & (truth < cap)
    return mask if crop is None else mask & crop_mask(truth.shape[0], truth.shape[1], crop)


def align(predicted: Array, truth: Array, alignment: str) -> tuple[Array, float]:
    """Return ``predicted`` [n] m fitted to ``truth`` [n] m, and the scale that was applied.

    ``none``: as is. ``median``: times the ratio of the medians (the paper's protocol).
    ``scale_shift``: the least-squares scale and shift, kept at or above 1 mm.
    Raises MetricsError for another alignment.
    """
    if alignment == 'none':
        return predicted, 1.0
    if alignment == 'median':
        scale = float(np.median(truth) / np.median(predicted))
        return predicted * scale, scale
    if alignment == 'scale_shift':
        design = np.stack([predicted, np.ones_like(predicted)], 1)
        (scale, shift), *_ = np.linalg.lstsq(design, truth, rcond=None)
        return np.maximum(predicted * scale + shift, MIN_DEPTH), float(scale)
    raise MetricsError(f'unknown alignment {alignment!r}; use one of {", ".join(ALIGNMENTS)}')


def errors(predicted: Array, truth: Array) -> dict[str, float]:
    """Return the seven METRICS of two arrays [n] of positive depths in m.

    sq_rel and rmse are in m, the rest has no unit; delta1-3 are fractions below 1.25, 1.25^2
    and 1.25^3.
    """
    difference = predicted - truth
    ratio = np.maximum(predicted / truth, truth / predicted)
    return {
        'abs_rel': float(np.mean(np.abs(difference) / truth)),
        'sq_rel': float(np.mean(difference**2 / truth)),
        'rmse': float(np.sqrt(np.mean(difference**2))),
        'rmse_log': float(np.sqrt(np.mean(np.log(predicted / truth) ** 2))),
        **{f'delta{k}': float(np.mean(ratio < 1.25**k)) for k in (1, 2, 3)},
    }


def depth_metrics(
    predicted: Array,
    truth: Array,
    *,
    cap: float,
    alignment: str = 'median',
    crop: Crop | None = None,
) -> dict[str, float]:
    """Compare two depth maps [H, W] in m; return the METRICS plus ``scale``.

    Unscaled predictions are clamped to [1 mm, cap]. Before an alignment only the lower bound
    applies: the authors clamp to the cap there too, but their outputs end at the cap, so that it
    changes nothing, while a model with a wider range would be cut before it is scaled
    (docs/network.md 5). Raises MetricsError if the shapes differ, no pixel of ``truth`` is valid,
    or the prediction has no finite depth where the truth has one.
    """
    if predicted.shape != truth.shape:
        raise MetricsError(f'prediction is {predicted.shape}, ground truth is {truth.shape}')
    mask = valid_mask(truth, cap, crop)
    if not mask.any():
        where = '' if crop is None else ' inside the crop'
        raise MetricsError(f'no ground truth between {MIN_DEPTH} m and {cap:g} m{where}')
    chosen = np.asarray(predicted[mask], dtype=np.float64)
    if not np.isfinite(chosen).all():
        raise MetricsError('the prediction is not finite where there is ground truth')
    known = np.asarray(truth[mask], dtype=np.float64)
    upper = cap if alignment == 'none' else None
    fitted, scale = align(np.clip(chosen, MIN_DEPTH, upper), known, alignment)
    return {**errors(fitted, known), 'scale': scale}
