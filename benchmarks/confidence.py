"""What orders the errors of depth best, fitted and judged on rendered scenes that are held out.

    confidence.py --model indoor-s --json benchmarks/confidence_indoor.json MANIFEST...
    confidence.py --model indoor-m --json benchmarks/confidence_indoor-m.json MANIFEST...

(and so for roads). ``s2r_train confidence`` puts a model's curve into its file.

Each MANIFEST is a set of scenes for judging only (s2r_train render --validation 1). Curves are
fitted to every other scene and judged on the rest, and the one that the node uses is then fitted to
all. A depth is right if it is within 25 % of the truth, once the image is scaled to the median.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from s2r_depth_ros.command_table import reported
from s2r_depth_ros.files import check_output, write_json
from s2r_depth_ros.geometry.cleaning.confidence import reduced
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.inference.preprocessing import Preprocessor
from s2r_depth_ros.network.checkpoint import load_model
from s2r_depth_ros.network.registry import find_model
from s2r_depth_ros.network.s2r_depthnet import S2RDepthNet
from s2r_depth_ros.tables import format_markdown_table
from s2r_depth_training.runs.confidence import (
    RIGHT,
    Floats,
    Pixels,
    choose_pixels,
    fit_curve,
    held_out_frames,
    logistic,
)

BINS = 10
# What a curve over these would be; the first is the one of the package.
CURVES = {
    'relief, farness': ('relief', 'farness', 'farness^2'),
    'relief': ('relief',),
    'spread of four scales': ('spread',),
    'spread, relief, farness': ('spread', 'relief', 'farness', 'farness^2'),
    'mirrored image': ('mirrored',),
    'mirrored, relief, farness': ('mirrored', 'relief', 'farness', 'farness^2'),
    'attention map': ('attention',),
}


class Sample(NamedTuple):
    """Pixels of one frame, and candidates by name, float64 [n] each."""

    scene: int
    pixels: Pixels
    candidates: dict[str, Floats]


def main() -> int:
    """Run the command; return the exit status, see ``reported``."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('manifests', nargs='+', type=Path, help='manifest.json of training sets')
    parser.add_argument('--model', default='indoor-s', help='default: %(default)s')
    parser.add_argument('--json', type=Path, required=True, help='file to write')
    args = parser.parse_args()
    return reported(lambda: fit_and_judge(args), 'confidence')


def fit_and_judge(args: argparse.Namespace) -> None:
    """Fit, judge, print, write. Raises UserError for what cannot be read or written."""
    check_output(args.json)
    torch.set_num_threads(1)
    samples = list(_samples(args.model, args.manifests))
    result = judged(samples)
    result['model'] = args.model
    result['manifests'] = [path.parent.name for path in args.manifests]
    write_json(args.json, result)
    head = ('curve over', 'error left at 80 %', 'at 50 %', 'right in lowest tenth', 'in highest')
    rows = [(name, *(f'{value:.2f}' for value in row.values())) for name, row in
            result['curves'].items()]  # fmt: skip
    print(format_markdown_table(head, rows))
    print(json.dumps(result['package_curve']), result['frames'], 'frames')


def judged(samples: Sequence[Sample]) -> dict[str, Any]:
    """Return what each curve is worth, the reliability of the package's, and its coefficients."""
    error = np.concatenate([sample.pixels.error for sample in samples])
    scenes = np.concatenate([np.full(len(s.pixels.error), s.scene) for s in samples])
    candidates = {
        name: np.concatenate([sample.candidates[name] for sample in samples])
        for name in samples[0].candidates
    }
    fitted_to = scenes % 2 == 0
    rows, reliability = {}, None
    for name, parts in CURVES.items():
        design = _design(candidates, parts)
        weights = logistic(design[fitted_to], error[fitted_to] < RIGHT)
        chance = 1 / (1 + np.exp(-design[~fitted_to] @ weights))
        rows[name] = _worth(chance, error[~fitted_to])
        reliability = reliability or _reliability(chance, error[~fitted_to] < RIGHT)
    rows['the error itself'] = _worth(-error[~fitted_to], error[~fitted_to])
    package = fit_curve([sample.pixels for sample in samples])
    return {
        'frames': len(samples),
        'right': round(float((error < RIGHT).mean()), 4),
        'curves': rows,
        'reliability': reliability,
        'package_curve': list(package),
    }


def _samples(model: str, manifests: Sequence[Path]) -> Iterator[Sample]:
    """Yield the pixels of the frames of all manifests."""
    estimator = DepthEstimator(model, device='cpu')
    network, _ = load_model(find_model(model))
    assert isinstance(network, S2RDepthNet)
    preprocess = Preprocessor(
        estimator.metadata, estimator.input_size, estimator.device, torch.float32
    )
    random = np.random.default_rng(0)
    for scene, frame in held_out_frames(manifests):
        views = (frame.rgb, np.ascontiguousarray(frame.rgb[:, ::-1]))
        seen, mirrored = (estimator.predict(v, fx=frame.fx, maps=True) for v in views)
        assert seen.attention is not None
        with torch.inference_mode():
            spread = _spread(network.eval()(preprocess(frame.rgb)).depths, frame.depth.shape)
        maps = {
            'mirrored': np.log(np.abs(np.log(mirrored.depth[:, ::-1] / seen.depth)) + 0.01),
            'spread': np.log(spread + 0.01),
            'attention': seen.attention,
        }
        pixels = choose_pixels(seen.depth, frame.depth, random)
        if pixels is not None:
            own = {'relief': pixels.relief, 'farness': pixels.farness}
            own['farness^2'] = pixels.farness**2
            for name, level in maps.items():
                own[name] = reduced(level).ravel()[pixels.at].astype(np.float64)
            yield Sample(scene, pixels, own)


def _spread(depths: Sequence[torch.Tensor], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the standard deviation of log depth over the four scales, at the image's size."""
    size = depths[-1].shape[-2:]
    levels = [
        torch.nn.functional.interpolate((level + 1) / 2, size, mode='bilinear', align_corners=True)
        for level in depths
    ]
    spread = torch.cat(levels).clamp(min=1e-5).log().std(0)[0].numpy()
    return np.asarray(cv2.resize(spread, shape[::-1]), np.float32)


def _design(candidates: Mapping[str, Floats], parts: Sequence[str]) -> Floats:
    return np.stack([np.ones_like(candidates['relief']), *(candidates[p] for p in parts)], axis=1)


def _worth(chance: Floats, error: Floats) -> dict[str, float]:
    """Return the mean error of the surest 80 and 50 % over that of all, and how many are right."""
    order = np.argsort(-chance)
    tenth = len(order) // 10
    left = {f'left_{share}': error[order[: len(order) * share // 100]].mean() / error.mean()
            for share in (80, 50)}  # fmt: skip
    right = error < RIGHT
    left |= {'lowest': right[order[-tenth:]].mean(), 'highest': right[order[:tenth]].mean()}
    return {name: round(float(value), 3) for name, value in left.items()}


def _reliability(chance: Floats, right: NDArray[np.bool_]) -> list[dict[str, float]]:
    """Return, for each bin of confidence, its mean, how many are right, and its share."""
    bins = np.minimum((chance * BINS).astype(int), BINS - 1)
    return [
        {
            'confidence': round(float(chance[bins == b].mean()), 3),
            'right': round(float(right[bins == b].mean()), 3),
            'share': round(float((bins == b).mean()), 4),
        }
        for b in range(BINS)
        if (bins == b).any()
    ]


if __name__ == '__main__':
    sys.exit(main())
