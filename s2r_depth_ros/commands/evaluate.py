"""``evaluate``: score a model on real images with ground truth, beside priors."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.evaluation.evaluation import (
    CAPS,
    Frame,
    Record,
    counts,
    evaluate_frame,
    fill_invalid,
    format_table,
    median_scaled,
    read_manifest,
    summarise,
)
from s2r_depth_ros.evaluation.priors import DepthPrior, load_priors
from s2r_depth_ros.inference.backends import BACKENDS
from s2r_depth_ros.inference.colorize import colorize_depth
from s2r_depth_ros.inference.devices import PRECISIONS
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.network.registry import find_model

_TILE = (192, 144)  # width, height of one picture of the contact sheet, px


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        '--manifest', required=True, type=Path, help='manifest.json of images with ground truth'
    )
    parser.add_argument('--model', required=True, help='name of a shipped model, or a file')
    parser.add_argument('--json', type=Path, help='write every number here')
    parser.add_argument('--sheet', type=Path, help='write a contact sheet here (PNG)')
    parser.add_argument(
        '--priors', type=Path, help='priors.npz; default: the one beside the model, if any'
    )
    parser.add_argument(
        '--garg-crop', action='store_true', help='crop driving frames as Garg et al. do'
    )
    parser.add_argument('--device', default='auto', help='auto, cpu, or cuda (default: auto)')
    parser.add_argument('--precision', default='fp32', choices=tuple(PRECISIONS))
    parser.add_argument(
        '--backend', default='torch', choices=tuple(BACKENDS), help='what runs the network'
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate, print the table and write what was asked; return the exit status.

    Raises UserError for a manifest, model or image that cannot be used.
    """
    frames = read_manifest(args.manifest)
    model = find_model(args.model)
    priors = _priors(args.priors, model)
    estimator = DepthEstimator(
        model, device=args.device, precision=args.precision, backend=args.backend
    )
    records = score(estimator, frames, priors, garg=args.garg_crop)
    results = report(records, estimator, args.manifest, garg=args.garg_crop)
    print(format_table(results['summary']))
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + '\n')
    if args.sheet:
        cv2.imwrite(str(args.sheet), contact_sheet(estimator, frames)[..., ::-1])
    return 0


def _priors(path: Path | None, model: Path) -> dict[str, DepthPrior]:
    if path is None:
        path = model.with_name('priors.npz')
        if not path.exists():
            print(f'evaluate: no {path}, so no priors beside the model', file=sys.stderr)
            return {}
    return load_priors(path)


def score(
    estimator: DepthEstimator,
    frames: list[Frame],
    priors: dict[str, DepthPrior],
    *,
    garg: bool = False,
) -> list[Record]:
    """Return the errors of the model and the priors on every frame."""

    def predictor(rgb: NDArray[np.uint8], fx: float) -> NDArray[np.float32]:
        return estimator.predict(rgb, fx=fx).depth

    return [r for frame in frames for r in evaluate_frame(frame, predictor, priors, garg=garg)]


def report(
    records: list[Record], estimator: DepthEstimator, manifest: Path, *, garg: bool = False
) -> dict:
    """Return everything worth keeping about one evaluation, ready for JSON."""
    return {
        'model': estimator.metadata.name,
        'model_sha256': estimator.metadata.sha256,
        'manifest': manifest.name,
        'manifest_sha256': hashlib.sha256(manifest.read_bytes()).hexdigest(),
        'input_size': list(estimator.input_size),
        'backend': estimator.backend,
        'precision': estimator.precision,
        'caps_m': CAPS,
        'garg_crop': garg,
        'counts': counts(records),
        'summary': summarise(records),
        'frames': [asdict(record) for record in records],
    }


def contact_sheet(estimator: DepthEstimator, frames: list[Frame]) -> NDArray[np.uint8]:
    """Return one row a frame: image, ground truth, prediction (median-scaled, same colours)."""
    return np.vstack([_sheet_row(estimator, frame) for frame in frames])


def _sheet_row(estimator: DepthEstimator, frame: Frame) -> NDArray[np.uint8]:
    rgb, truth = frame.load()
    depth = fill_invalid(estimator.predict(rgb, fx=frame.fx).depth)
    depth = median_scaled(depth, truth, CAPS[frame.kind])
    near, far = (float(v) for v in np.percentile(truth[truth > 0], (2, 98)))
    # Sparse lidar points are thickened, or they vanish in a small picture.
    side = max(1, 2 * rgb.shape[1] // _TILE[0]) if frame.kind == 'driving' else 1
    thick = cv2.dilate(truth, np.ones((side, side), np.uint8))
    known = np.where(thick > 0, thick, np.nan).astype(np.float32)
    pictures = (rgb, colorize_depth(known, near, far), colorize_depth(depth, near, far))
    return np.hstack([cv2.resize(p, _TILE, interpolation=cv2.INTER_AREA) for p in pictures]).astype(
        np.uint8
    )
