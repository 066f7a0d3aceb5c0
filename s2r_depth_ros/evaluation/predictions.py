"""Depth maps that any tool has written, scored as a model's are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.evaluation.manifest import GroundTruthFrame
from s2r_depth_ros.evaluation.protocols import EVAL, Protocol
from s2r_depth_ros.evaluation.scores import DepthMap, FrameScore, evaluate_frame
from s2r_depth_ros.inference.decoding import resized
from s2r_depth_ros.media.checks import SourceError
from s2r_depth_ros.media.depth_files import read_array, read_numbers

SUFFIXES = ('.npy', '.png')
_OWN = '.depth'  # what `predict` puts between the name of an image and the suffix
_LEAST_SIDE = 16  # px
_LEAST_KNOWN = 0.5  # share of the pixels, or the median of the map is that of its holes
_TOLD = 5


class PredictionsError(UserError):
    """Depth maps to be scored are missing, or are none."""


def find_predictions(folder: Path, frames: Sequence[GroundTruthFrame]) -> dict[str, Path]:
    """Return id of a frame -> its depth map in ``folder``, named as the id or the image file is.

    The suffix is one of SUFFIXES, in any case, with or without .depth before it; of both, .npy is
    taken. Raises PredictionsError if the folder or the map of a frame is missing, or one map is
    for two frames.
    """
    if not folder.is_dir():
        raise PredictionsError(f'{folder}: no such folder of depth maps')
    there: dict[str, Path] = {}
    for path in sorted(_maps(folder), key=lambda file: (file.suffix.lower() != '.npy', str(file))):
        name = path.relative_to(folder).with_suffix('').as_posix()
        there.setdefault(name.removesuffix(_OWN), path)
    called = ((frame.id, there.get(frame.id) or there.get(frame.rgb.stem)) for frame in frames)
    found = {name: path for name, path in called if path}
    missing = [frame.id for frame in frames if frame.id not in found]
    if missing:
        raise PredictionsError(
            f'{folder} has no depth map of {len(missing)} of {len(frames)} images: '
            f'{_some(missing)}; name it as the image, {missing[0]}.npy or {missing[0]}.png'
        )
    shared = [path.name for path in set(found.values()) if [*found.values()].count(path) > 1]
    if shared:
        raise PredictionsError(
            f'{folder}: {_some(sorted(shared))} would be for several images of one name; name each '
            'map by the id of its image in the manifest'
        )
    return found


def unused(folder: Path, found: Mapping[str, Path]) -> str | None:
    """Return in words which depth maps of ``folder`` are of no frame, None if all are of one."""
    others = {*_maps(folder)} - {*found.values()}
    rest = sorted(path.relative_to(folder).as_posix() for path in others)
    return f'{folder}: {len(rest)} files are not scored: {_some(rest)}' if rest else None


def score_predictions(
    name: str,
    found: Mapping[str, Path],
    unit: float | None,
    frames: Sequence[GroundTruthFrame],
    protocol: Protocol = EVAL,
) -> list[FrameScore]:
    """Return the errors of depth maps, as a predictor called ``name``.

    found: as find_predictions gives it. unit: m of one in maps of whole numbers, None: not said.
    Raises PredictionsError for a map that cannot be used, ManifestError as evaluate_frame does.
    """
    scores: list[FrameScore] = []
    for frame in frames:
        path = found[frame.id]

        def predictor(rgb: NDArray[np.uint8], fx: float, path: Path = path) -> DepthMap:
            return at_size(path, read_prediction(path, unit), (rgb.shape[0], rgb.shape[1]))

        scores += evaluate_frame(frame, predictor, {}, protocol, name)
    return scores


def read_prediction(path: Path, unit: float | None) -> DepthMap:
    """Return a depth map [h, w], m, NaN where there is none: not finite, zero or less.

    Floating point numbers are metres, whole ones of ``unit``. Raises PredictionsError for another
    file, and for a map without depth at half of its pixels.
    """
    try:
        values = read_array(path) if path.suffix.lower() == '.npy' else read_numbers(path)
    except SourceError as error:
        raise PredictionsError(str(error)) from error
    if values.dtype.kind in 'iu':
        if unit is None:
            raise PredictionsError(
                f'{path} holds whole numbers; say by --unit how many metres one is, such as 0.001'
            )
        values = values * np.float64(unit)
    elif values.dtype.kind != 'f':
        raise PredictionsError(f'{path} holds {values.dtype}; depth is numbers')
    with np.errstate(invalid='ignore', over='ignore'):
        depth = values.astype(np.float32)
        depth[~(np.isfinite(depth) & (depth > 0))] = np.nan
    known = np.isfinite(depth).mean()
    if known < _LEAST_KNOWN:
        raise PredictionsError(
            f'{path} has depth at {100 * known:.0f} % of its pixels; errors are of all pixels, '
            'give a map that is filled'
        )
    return depth


def at_size(path: Path, depth: DepthMap, size: tuple[int, int]) -> DepthMap:
    """Return depth [h, w] at ``size`` = (H, W), bilinear with aligned corners, as the authors do.

    Raises PredictionsError for a map of another size that has holes, lies on its side, or is tiny.
    """
    if depth.shape == size:
        return depth
    told = f'{path} is {depth.shape}, its image {size} (height, width)'
    if not np.isfinite(depth).all():
        raise PredictionsError(f'{told}, and it has holes, which cannot be resized; fill them')
    if (depth.shape[0] > depth.shape[1]) != (size[0] > size[1]) and size[0] != size[1]:
        raise PredictionsError(f'{told}: is it transposed?')
    if min(depth.shape) < _LEAST_SIDE:
        raise PredictionsError(f'{told}; that is too small for a depth map')
    return resized(torch.from_numpy(depth)[None, None], size).numpy()


def _maps(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob('*') if path.suffix.lower() in SUFFIXES)


def _some(names: Sequence[str]) -> str:
    return ', '.join(names[:_TOLD]) + (', ...' if len(names) > _TOLD else '')
