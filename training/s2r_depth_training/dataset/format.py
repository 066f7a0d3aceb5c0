"""The format of training sets: the one place that knows its files, keys, dtypes and units.

A training set is a manifest.json beside shards (.npz), all of one kind of scene. The manifest has
``kind``; ``shards``, a list with ``file`` and ``split`` (``train`` or ``validation``) of each; and
optionally ``zero_depth``: what depth 0 means, ``sky`` (learnt as far away; the default outdoors)
or ``unknown``. A shard holds N frames:

    rgb         uint8 [N, H, W, 3]
    depth       float16 or float32 [N, H, W], m along the optical axis, 0 = see zero_depth
    intrinsics  float32 [N, 4]: fx, fy, cx, cy in px of the stored size
    scene       int64 [N]: number of the scene, never in both splits
    restyled    uint8 [N, H, W, 3], optional: the same geometry with other materials and light

Files appear whole or not at all, so a killed run leaves none that cannot be read.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.files import JsonError, read_json, write_atomically, write_json
from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_training.dataset.mapped_arrays import MappedArrays
from s2r_depth_training.errors import DataError

MANIFEST = 'manifest.json'
TRAIN, VALIDATION = 'train', 'validation'
OUTDOOR_KINDS = frozenset({'street', 'driving', 'outdoor'})

# Key -> dtype that it is written in.
_DTYPES: dict[str, type[np.generic]] = {
    'rgb': np.uint8,
    'depth': np.float16,
    'intrinsics': np.float32,
    'scene': np.int64,
    'restyled': np.uint8,
}
_OPTIONAL = frozenset({'restyled'})


class _ListedShard(TypedDict):
    file: str
    split: str


class ShardEntry(_ListedShard, total=False):
    """A shard as its manifest lists it: the name of its file, its split, and what it holds.

    seeds: first and last of its scenes. intrinsics_mean: of its frames, fx, fy, cx, cy in px.
    Seeds, scenes and intrinsics_mean are there if it was rendered.
    """

    frames: int
    scenes: int
    seeds: list[int]
    intrinsics_mean: list[float]


class _Manifest(TypedDict):
    kind: str
    shards: list[ShardEntry]


class Manifest(_Manifest, total=False):
    """What a manifest.json holds: the kind of scene, the shards, and where they come from.

    format, code_version, recipe and size ([height, width], px) are there if the set was rendered,
    recordings (by split) and topics if it was recorded, imported if it is of another data set:
    ``facts``, by what, ``done``, how many frames so far, and ``frames``, a fingerprint of these.
    """

    zero_depth: str
    format: int
    code_version: str
    recipe: dict[str, Any]
    size: list[int]
    recordings: dict[str, list[str]]
    topics: dict[str, str]
    imported: dict[str, Any]


def zero_is_sky(kind: str, zero_depth: str | None = None) -> bool:
    """Return whether depth 0 means sky, by the manifest's ``zero_depth`` or else by the kind."""
    return zero_depth == 'sky' if zero_depth else kind in OUTDOOR_KINDS


def read_manifest(path: Path) -> Manifest:
    """Read the manifest of a training set. Raises DataError if it is none."""
    try:
        manifest: Manifest = read_json(path)
        _ = manifest['kind'], [(entry['file'], entry['split']) for entry in manifest['shards']]
    except JsonError as error:
        raise DataError(f'{error}; give the manifest.json of a training set') from error
    except (KeyError, TypeError) as error:
        raise DataError(
            f'{path} is not a manifest of a training set: it needs kind, and shards[] with file '
            'and split'
        ) from error
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> Path:
    """Write the manifest of the training set in ``folder``; return its path."""
    path = folder / MANIFEST
    write_json(path, manifest)
    return path


def frames_of_set(manifest: Manifest) -> int:
    """Return the number of frames in all shards, as the manifest lists them."""
    return sum(entry['frames'] for entry in manifest['shards'])


@dataclass(frozen=True)
class ShardFrame:
    """One frame to be written."""

    rgb: NDArray[np.uint8]
    """[H, W, 3]."""
    depth: NDArray[np.floating]
    """[H, W], m; it is stored as float16."""
    intrinsics: NDArray[np.float32]
    """[4]: fx, fy, cx, cy in px of this size."""
    scene: int
    """Number of the scene."""
    restyled: NDArray[np.uint8] | None = None
    """[H, W, 3], the same view in another style."""

    @classmethod
    def of_camera(
        cls, rgb: NDArray[np.uint8], depth: NDArray[np.floating], camera: Intrinsics, scene: int
    ) -> ShardFrame:
        """Return a frame in one style. camera: of images of this size."""
        numbers = np.array([camera.fx, camera.fy, camera.cx, camera.cy], np.float32)
        return cls(rgb, depth, numbers, scene)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return key -> array of what there is, in the dtypes of a shard."""
        values: dict[str, Any] = {
            'rgb': self.rgb,
            # The sky of some data sets is farther than float16 goes, and was infinite then.
            'depth': np.minimum(self.depth, np.finfo(np.float16).max),
            'intrinsics': self.intrinsics,
            'scene': self.scene,
            'restyled': self.restyled,
        }
        there = {key: value for key, value in values.items() if value is not None}
        return {key: np.asarray(value, _DTYPES[key]) for key, value in there.items()}


def array_layout(
    height: int, width: int, restyled: bool
) -> dict[str, tuple[type[np.generic], tuple[int, ...]]]:
    """Return key -> dtype and shape of what a shard keeps of one frame."""
    image = (height, width, 3)
    shapes = {'rgb': image, 'depth': (height, width), 'intrinsics': (4,), 'scene': ()}
    if restyled:
        shapes['restyled'] = image
    return {key: (_DTYPES[key], shape) for key, shape in shapes.items()}


@dataclass(frozen=True)
class StoredFrame:
    """One frame to draw samples from, of a shard on disk or in memory."""

    kind: str
    """Kind of scene."""
    rgb: NDArray[np.uint8]
    """[H, W, 3]."""
    restyled: NDArray[np.uint8] | None
    """[H, W, 3], the same view in another style."""
    depth: NDArray[np.floating]
    """[H, W], m along the optical axis."""
    fx: float
    """Focal length, px of this size."""
    zero_is_sky: bool
    """Whether depth 0 is sky, or else unknown."""


@dataclass(frozen=True)
class Shard:
    """The arrays of a shard, in memory or mapped: about 60 kB a frame at 96x128 px."""

    arrays: Mapping[str, NDArray[Any]]
    kind: str
    zero_is_sky: bool

    def __len__(self) -> int:
        return len(self.arrays['rgb'])

    def frame(self, i: int) -> StoredFrame:
        """Return frame ``i``, a view of the arrays. Raises DataError for depths that are none."""
        restyled = self.arrays.get('restyled')
        depth = self.arrays['depth'][i]
        # Also NaN is not within these bounds.
        if not (depth.min() >= 0 and depth.max() < np.inf):
            raise DataError(
                f'frame {i} of a shard of kind {self.kind} has depths that are negative or not '
                'finite; make the set again'
            )
        return StoredFrame(
            self.kind,
            self.arrays['rgb'][i],
            None if restyled is None else restyled[i],
            depth,
            float(self.arrays['intrinsics'][i, 0]),
            self.zero_is_sky,
        )


def write_shard(path: Path, frames: Sequence[ShardFrame]) -> None:
    """Write one or more frames, either all with ``restyled`` or none."""
    buffer = io.BytesIO()
    rows = [frame.arrays() for frame in frames]
    arrays = {key: np.stack([row[key] for row in rows]) for key in rows[0]}
    np.savez(buffer, **arrays)  # type: ignore[arg-type]  # numpy's stubs take them for allow_pickle
    write_atomically(path, buffer.getbuffer())


def read_shards(path: Path, split: str) -> Iterator[Shard]:
    """Yield the shards of ``split`` that the manifest ``path`` lists.

    Raises DataError for a manifest or shard that cannot be read.
    """
    manifest = read_manifest(path)
    kind = manifest['kind']
    sky = zero_is_sky(kind, manifest.get('zero_depth'))
    for entry in manifest['shards']:
        if entry['split'] == split:
            file = path.parent / entry['file']
            yield Shard(_check_arrays(file, MappedArrays(file)), kind, sky)


def read_scenes(path: Path, split: str) -> set[int]:
    """Return the numbers of the scenes in the shards of ``split`` that the manifest lists.

    Raises DataError for a manifest or shard that cannot be read.
    """
    files = [entry['file'] for entry in read_manifest(path)['shards'] if entry['split'] == split]
    shards = (MappedArrays(path.parent / file) for file in files)
    return {int(s) for shard in shards for s in shard['scene']}


def _check_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
    """Return the arrays. Raises DataError unless all of a shard's are there and fit each other."""
    if missing := _DTYPES.keys() - _OPTIONAL - arrays.keys():
        raise DataError(f'{path} has no {", ".join(sorted(missing))}')
    frames, *size = arrays['depth'].shape if arrays['depth'].ndim == 3 else (0, 0, 0)
    for key, (dtype, shape) in array_layout(size[0], size[1], 'restyled' in arrays).items():
        array = arrays[key]
        # Depth may be float32, and numbers of scenes int32; pictures are bytes.
        same_kind = array.dtype.kind == np.dtype(dtype).kind and (
            array.dtype.kind != 'u' or array.dtype == dtype
        )
        if not (same_kind and array.shape == (frames, *shape)):
            raise DataError(
                f'{path}: {key} is {array.dtype} {array.shape}, which does not fit depth of '
                f'{arrays["depth"].shape}; make the set again'
            )
    focal_lengths = arrays['intrinsics'][:, :2]
    if not (np.isfinite(focal_lengths) & (focal_lengths > 0)).all():
        raise DataError(f'{path}: intrinsics have a focal length of 0 or none; make the set again')
    return arrays
