"""Manifests of real images with ground truth (docs/network.md 5).

A manifest is a JSON file with a list ``frames``; each entry has the fields of GroundTruthFrame,
with file names relative to the manifest's folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.errors import UserError

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

        Raises ManifestError if a file cannot be read or their sizes differ.
        """
        bgr = cv2.imread(str(self.rgb), cv2.IMREAD_COLOR)
        raw = cv2.imread(str(self.depth), cv2.IMREAD_UNCHANGED)
        if bgr is None or raw is None:
            path = self.rgb if bgr is None else self.depth
            raise ManifestError(f'cannot read {path} of frame {self.id}')
        if raw.ndim != 2 or raw.shape != bgr.shape[:2]:
            raise ManifestError(f'{self.depth} must be one channel of the size of {self.rgb}')
        rgb = np.ascontiguousarray(bgr[..., ::-1])
        return rgb.astype(np.uint8), raw.astype(np.float32) * np.float32(self.depth_scale)


def read_manifest(path: str | Path) -> list[GroundTruthFrame]:
    """Read ``frames`` of a manifest.json; file names in it are relative to its folder.

    Raises ManifestError naming the frame and what is missing or wrong.
    """
    path = Path(path)
    try:
        entries = json.loads(path.read_text())['frames']
    except (OSError, ValueError, KeyError) as error:
        raise ManifestError(f'{path} is not a manifest with a list "frames": {error}') from error
    return [_frame(entry, path.parent) for entry in entries]


def _frame(entry: Mapping[str, Any], folder: Path) -> GroundTruthFrame:
    names = [field.name for field in fields(GroundTruthFrame)]
    missing = [name for name in names if name not in entry]
    if missing:
        raise ManifestError(f'frame {entry.get("id", "?")} has no {", ".join(missing)}')
    if entry['kind'] not in CAPS:
        raise ManifestError(
            f'frame {entry["id"]} has kind {entry["kind"]!r}; use one of {", ".join(CAPS)}'
        )
    values = {name: entry[name] for name in names}
    files = {'rgb': folder / entry['rgb'], 'depth': folder / entry['depth']}
    return GroundTruthFrame(**{**values, **files})
