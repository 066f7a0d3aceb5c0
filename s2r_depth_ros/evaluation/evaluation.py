"""The paper's evaluation protocol on a manifest of real images (spec 1.8), beside the priors.

Errors are averaged over the frames of a scene, then over the scenes of a kind, so that a long
recording of one room does not outweigh the rest; intervals come from resampling scenes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.evaluation.metrics import (
    ALIGNMENTS,
    METRICS,
    MIN_DEPTH,
    MetricsError,
    depth_metrics,
    valid_mask,
)
from s2r_depth_ros.evaluation.priors import PRIORS, DepthPrior

CAPS = {'driving': 80.0, 'indoor': 10.0, 'stereo': 10.0}
"""Farthest ground truth that counts, m, by kind of scene."""

# Stereo pairs of Middlebury are rooms and objects on tables.
PRIOR_OF_KIND = {'driving': 'driving', 'indoor': 'indoor', 'stereo': 'indoor'}
_BOOTSTRAP = 2000
_FIELDS = ('id', 'rgb', 'depth', 'depth_scale', 'fx', 'kind', 'scene')

Array = NDArray[np.float32]
Predictor = Callable[[NDArray[np.uint8], float], Array]
Summary = dict[str, dict[str, float]]


class ManifestError(UserError):
    """The evaluation manifest or a file that it names cannot be used."""


@dataclass(frozen=True)
class Frame:
    """One image with ground truth.

    depth_scale: m per unit of the 16-bit depth PNG; fx: px at the stored size; kind: key of CAPS.
    """

    id: str
    rgb: Path
    depth: Path
    depth_scale: float
    fx: float
    kind: str
    scene: str

    def load(self) -> tuple[NDArray[np.uint8], Array]:
        """Return the image uint8 [H, W, 3] RGB and the depth float32 [H, W] m, 0 = unknown."""
        bgr = cv2.imread(str(self.rgb), cv2.IMREAD_COLOR)
        raw = cv2.imread(str(self.depth), cv2.IMREAD_UNCHANGED)
        if bgr is None or raw is None:
            path = self.rgb if bgr is None else self.depth
            raise ManifestError(f'cannot read {path} of frame {self.id}')
        if raw.ndim != 2 or raw.shape != bgr.shape[:2]:
            raise ManifestError(f'{self.depth} must be one channel of the size of {self.rgb}')
        rgb = np.ascontiguousarray(bgr[..., ::-1])
        return rgb.astype(np.uint8), raw.astype(np.float32) * np.float32(self.depth_scale)


@dataclass(frozen=True)
class Record:
    """The errors of one predictor on one frame under one alignment."""

    frame: str
    kind: str
    scene: str
    predictor: str
    alignment: str
    errors: dict[str, float]


def read_manifest(path: str | Path) -> list[Frame]:
    """Read ``frames`` of a manifest.json; file names in it are relative to its folder.

    Raises ManifestError naming the frame and what is missing or wrong.
    """
    path = Path(path)
    try:
        entries = json.loads(path.read_text())['frames']
    except (OSError, ValueError, KeyError) as error:
        raise ManifestError(f'{path} is not a manifest with a list "frames": {error}') from error
    return [_frame(entry, path.parent) for entry in entries]


def _frame(entry: Mapping, folder: Path) -> Frame:
    missing = [field for field in _FIELDS if field not in entry]
    if missing:
        raise ManifestError(f'frame {entry.get("id", "?")} lacks {", ".join(missing)}')
    if entry['kind'] not in CAPS:
        raise ManifestError(
            f'frame {entry["id"]} has kind {entry["kind"]!r}; use one of {", ".join(CAPS)}'
        )
    values = {field: entry[field] for field in _FIELDS}
    return Frame(**{**values, 'rgb': folder / entry['rgb'], 'depth': folder / entry['depth']})


def evaluate_frame(
    frame: Frame, predictor: Predictor, priors: Mapping[str, DepthPrior], *, garg: bool = False
) -> Iterator[Record]:
    """Yield the errors of the model and of the priors on ``frame``, for every alignment.

    garg: crop driving frames as Garg et al. do. A kind that ``priors`` lacks has no prior rows.
    Raises ManifestError if the frame has no ground truth to compare with.
    """
    rgb, truth = frame.load()
    height, width = truth.shape
    predictions = {'model': fill_invalid(predictor(rgb, frame.fx))}
    prior = priors.get(PRIOR_OF_KIND[frame.kind])
    if prior is not None:
        predictions.update({name: prior.predict(name, height, width, frame.fx) for name in PRIORS})
    crop = garg and frame.kind == 'driving'
    for name, depth in predictions.items():
        for alignment in ALIGNMENTS:
            try:
                result = depth_metrics(
                    depth, truth, cap=CAPS[frame.kind], alignment=alignment, garg=crop
                )
            except MetricsError as error:
                raise ManifestError(f'frame {frame.id}: {error}') from error
            yield Record(frame.id, frame.kind, frame.scene, name, alignment, result)


def fill_invalid(depth: Array) -> Array:
    """Replace NaN by the nearest depth that counts, so that leaving pixels out is no advantage."""
    return np.where(np.isfinite(depth), depth, MIN_DEPTH).astype(np.float32)


def summarise(records: Sequence[Record], seed: int = 0) -> dict[str, dict[str, dict[str, Summary]]]:
    """Average records: kind -> alignment -> predictor -> metric -> {mean, low, high}.

    low and high bound the 95 % bootstrap interval over scenes; with one scene they equal the mean.
    """
    summary: dict[str, dict[str, dict[str, Summary]]] = {}
    for kind, alignment, predictor in dict.fromkeys(
        (r.kind, r.alignment, r.predictor) for r in records
    ):
        chosen = [
            r for r in records if (r.kind, r.alignment, r.predictor) == (kind, alignment, predictor)
        ]
        scenes = _scene_means(chosen)
        summary.setdefault(kind, {}).setdefault(alignment, {})[predictor] = {
            metric: _interval(values, seed) for metric, values in scenes.items()
        }
    return summary


def _scene_means(records: Sequence[Record]) -> dict[str, NDArray]:
    """Return metric -> the mean of every scene."""
    by_scene: dict[str, list[Record]] = {}
    for record in records:
        by_scene.setdefault(record.scene, []).append(record)
    return {
        metric: np.array([np.mean([r.errors[metric] for r in rs]) for rs in by_scene.values()])
        for metric in (*METRICS, 'scale')
    }


def _interval(values: NDArray, seed: int) -> dict[str, float]:
    draws = np.random.default_rng(seed).integers(len(values), size=(_BOOTSTRAP, len(values)))
    low, high = np.percentile(values[draws].mean(1), (2.5, 97.5))
    return {'mean': float(values.mean()), 'low': float(low), 'high': float(high)}


def counts(records: Sequence[Record]) -> dict[str, dict[str, int]]:
    """Return kind -> how many frames and scenes the records cover."""
    return {
        kind: {
            'frames': len({r.frame for r in records if r.kind == kind}),
            'scenes': len({r.scene for r in records if r.kind == kind}),
        }
        for kind in dict.fromkeys(r.kind for r in records)
    }


def format_table(summary: Mapping, metrics: Sequence[str] = METRICS) -> str:
    """Return the summary as text: one block a kind and alignment, one row a predictor."""
    lines = []
    for kind, alignments in summary.items():
        for alignment, predictors in alignments.items():
            lines.append(f'{kind}, alignment: {alignment}')
            lines.append(' ' * 10 + ''.join(f'{name:>23}' for name in metrics))
            for predictor, values in predictors.items():
                cells = (values[name] for name in metrics)
                lines.append(f'{predictor:<10}' + ''.join(f'{_cell(c):>23}' for c in cells))
            lines.append('')
    return '\n'.join(lines)


def _cell(value: Mapping[str, float]) -> str:
    return f'{value["mean"]:.3f} [{value["low"]:.3f} {value["high"]:.3f}]'


def beats_prior(summary: Mapping, kinds: Sequence[str], prior: str = 'row') -> bool:
    """Say whether the model's median-scaled abs_rel is below the prior's on all ``kinds``.

    A summary without one of the kinds, or without priors, gives False: nothing was shown.
    """
    try:
        rows = [summary[kind]['median'] for kind in kinds]
        return all(r['model']['abs_rel']['mean'] < r[prior]['abs_rel']['mean'] for r in rows)
    except KeyError:
        return False


def median_scaled(depth: Array, truth: Array, cap: float) -> Array:
    """Return ``depth`` [H, W] scaled so that its median equals the truth's, for pictures."""
    mask = valid_mask(truth, cap)
    return depth * np.float32(np.median(truth[mask]) / np.median(depth[mask]))
