"""Writes images with true depth of a data set for ``evaluate``, which reads a manifest of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.files import make_folder, write_json
from s2r_depth_ros.media.writers import write_color_picture, write_numbers_png
from s2r_depth_training.errors import DataError
from s2r_depth_training.importing.entries import Depth, SetFrame
from s2r_depth_training.importing.import_set import IMPORTERS, Wanted, list_frames

# Kind of a training set -> kind that the protocols of evaluate know, and m a unit of its PNGs.
_JUDGED = {
    'indoor': ('indoor', 0.001),
    'driving': ('driving', 1 / 256),
    'street': ('driving', 1 / 256),
}
KINDS = tuple(name for name, importer in IMPORTERS.items() if importer.kind in _JUDGED)
_MOST = np.iinfo(np.uint16).max


def write_eval_set(
    kind: str,
    root: Path,
    out: Path,
    selection: Wanted,
    progress: Callable[[Iterable[SetFrame]], Iterable[SetFrame]] = iter,
) -> Path:
    """Write the frames as rgb/0000.png and depth/0000.png; return the manifest.

    They are numbered in their order, that of the list if there is one, and depth is rounded to 1 mm
    indoors, to 1/256 m outdoors. kind: one of KINDS. selection: its validation and width do not
    matter here. Raises DataError as list_frames does, and for a frame whose depth is nowhere known;
    UserError naming the file where a frame cannot be read.
    """
    name, unit = _JUDGED[IMPORTERS[kind].kind]
    entries = list_frames(kind, root, selection)
    for folder in ('rgb', 'depth'):
        make_folder(out / folder)
    manifest = out / 'manifest.json'
    manifest.unlink(missing_ok=True)  # or it would be that of other images, were this cut off
    digits = max(4, len(str(len(entries) - 1)))
    frames: list[dict[str, Any]] = []
    for number, entry in enumerate(progress(entries)):
        frame = entry.read()
        truth = _in_units(frame.depth, unit)
        if not truth.any():
            raise DataError(f'{entry.name} has no true depth; take it out of the list or folder')
        file = f'{number:0{digits}d}.png'
        write_color_picture(out / 'rgb' / file, frame.rgb)
        write_numbers_png(out / 'depth' / file, truth)
        frames.append(
            {
                'id': Path(file).stem,
                'rgb': f'rgb/{file}',
                'depth': f'depth/{file}',
                'depth_scale': unit,
                'fx': frame.camera.fx,
                'kind': name,
                'scene': entry.scene,
                'source': entry.name,
            }
        )
    write_json(manifest, {'frames': frames})
    return manifest


def _in_units(depth: Depth, unit: float) -> NDArray[np.uint16]:
    """Return depth as 16 bits of ``unit`` m; what is farther than they hold is at their end."""
    return np.clip(np.rint(depth / unit), 0, _MOST).astype(np.uint16)
