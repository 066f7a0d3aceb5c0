"""Manifests of real images with ground truth (docs/network.md 5).

A manifest is a JSON file with a list ``frames``; each entry has the fields of GroundTruthFrame,
with file names relative to the manifest's folder.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.files import JsonError, read_json
from s2r_depth_ros.geometry import ImplausibleError, check_focal_length
from s2r_depth_ros.media.depth_files import read_depth_file
from s2r_depth_ros.media.sources import SourceError, read_image

CAPS = {'driving': 80.0, 'indoor': 10.0, 'stereo': 10.0}
"""Farthest ground truth that counts, m, by kind of scene."""


class ManifestError(UserError):
    """The evaluation manifest or a file that it names cannot be used."""


@dataclass(frozen=True)
class GroundTruthFrame:
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

    def load(self) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Return the image uint8 [H, W, 3] RGB and the depth float32 [H, W] m, 0 = unknown.

        Raises ManifestError if a file cannot be read, their sizes differ, or no camera of this size
        has such an fx.
        """
        try:
            rgb, depth = read_image(self.rgb), read_depth_file(self.depth, self.depth_scale)
        except SourceError as error:
            raise ManifestError(f'frame {self.id}: {error}') from error
        if depth.shape != rgb.shape[:2]:
            raise ManifestError(
                f'frame {self.id}: {self.depth} is {depth.shape}, {self.rgb} {rgb.shape[:2]} '
                '(height, width); give depth of the size of the image'
            )
        try:
            check_focal_length(self.fx, rgb.shape[1], f'fx of frame {self.id}')
        except ImplausibleError as error:
            raise ManifestError(str(error)) from error
        return rgb, depth


def read_ground_truth(path: str | Path) -> list[GroundTruthFrame]:
    """Read ``frames`` of a manifest.json, at least one; file names are relative to its folder.

    Raises ManifestError naming the manifest, and the frame and what is missing or wrong.
    """
    path = Path(path)
    try:
        content = read_json(path)
    except JsonError as error:
        raise ManifestError(str(error)) from error
    entries = content.get('frames') if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries:
        raise ManifestError(f'{path} is not a manifest with a list "frames" of one or more images')
    try:
        frames = [_frame(entry, number, path.parent) for number, entry in enumerate(entries)]
    except ManifestError as error:
        raise ManifestError(f'{path}: {error}') from error
    twice = [one for one, count in Counter(frame.id for frame in frames).items() if count > 1]
    if twice:
        raise ManifestError(f'{path}: several frames have the id {twice[0]}; give each its own')
    return frames


def _frame(entry: Any, number: int, folder: Path) -> GroundTruthFrame:
    """Return the frame that ``entry``, the ``number``-th of the list, describes."""
    if not isinstance(entry, dict):
        raise ManifestError(f'frame {number} of the list is {entry!r}; give its fields')
    called = f'frame {entry.get("id", f"{number} of the list")}'
    missing = [name for name in _ALLOWED if name not in entry]
    if missing:
        raise ManifestError(f'{called} has no {", ".join(missing)}')
    for name, (is_allowed, what) in _ALLOWED.items():
        if not is_allowed(entry[name]):
            raise ManifestError(f'{called}: {name} is {entry[name]!r}; give {what}')
    values = {name: entry[name] for name in _ALLOWED}
    files = {'rgb': folder / entry['rgb'], 'depth': folder / entry['depth']}
    return GroundTruthFrame(**{**values, **files})


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_positive(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 < value < math.inf


def _is_kind(value: Any) -> bool:
    return isinstance(value, str) and value in CAPS


_TEXT, _NUMBER = (_is_text, 'a text'), (_is_positive, 'a number above 0')
# Field of a frame -> the test of its value, and what is asked for.
_ALLOWED: dict[str, tuple[Callable[[Any], bool], str]] = {
    'id': _TEXT,
    'rgb': (_is_text, 'the name of a file'),
    'depth': (_is_text, 'the name of a file'),
    'depth_scale': _NUMBER,
    'fx': _NUMBER,
    'kind': (_is_kind, f'one of {", ".join(CAPS)}'),
    'scene': _TEXT,
}
