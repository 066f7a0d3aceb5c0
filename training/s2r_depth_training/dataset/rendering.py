"""From the seed of a scene to frames: what render workers do.

``scene`` of a frame is its seed, ``restyled`` is absent if not asked for, depth 0 is where nothing
was hit. A scene is in one split only: its seed decides.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2r_depth_training import synthetic
from s2r_depth_training.dataset.format import TRAIN, VALIDATION, ShardFrame
from s2r_depth_training.dataset.typical import depths_are_typical
from s2r_depth_training.errors import RenderingError
from s2r_depth_training.synthetic.geometry.camera import Camera
from s2r_depth_training.synthetic.geometry.scene import Scene
from s2r_depth_training.synthetic.looks.photo import sample_photo, take_photo
from s2r_depth_training.synthetic.looks.restyle import restyle
from s2r_depth_training.synthetic.renderer.renderer import Renderer
from s2r_depth_training.synthetic.sources.kinds import PROCEDURAL, SceneSource, make_source
from s2r_depth_training.synthetic.sources.poses import POSES
from s2r_depth_training.synthetic.views import find_view

_TYPICAL_SHARE = 0.8  # the others keep what is rare
_CODE = frozenset({'.py', '.vert', '.frag', '.glsl'})


@dataclass(frozen=True)
class Recipe:
    """What frames are made of. Equal recipes and seeds give equal frames on the same driver."""

    kind: str
    """A name in ``synthetic.sources.kinds.KINDS``."""
    height: int
    """px."""
    width: int
    """px."""
    views: int = 4
    """Cameras a scene, at most."""
    restyled: bool = True
    """Whether each view is also rendered in another style."""
    worlds: tuple[str, ...] = ()
    """Files, for kind ``gazebo``; seed k uses the k-th in turn."""
    validation: float = 0.05
    """Share of the scenes in the validation split."""
    typical: tuple[float, ...] = ()
    """Limits of the depths that four in five views must have, empty for none: least and largest
    median, m for a lens whose focal length is the image's width, and the largest 95th percentile
    over the median."""
    poses: str = 'usual'
    """Of the cameras: a name in ``synthetic.sources.poses.POSES``."""


def check_worlds(recipe: Recipe) -> None:
    """Raise RenderingError unless the recipe has worlds if its kind needs them, and files."""
    if recipe.kind not in PROCEDURAL and not recipe.worlds:
        raise RenderingError(
            f'kind {recipe.kind} needs a world: give a .world, .sdf or .json file with --world'
        )
    if recipe.kind in PROCEDURAL and recipe.worlds:
        raise RenderingError(f'kind {recipe.kind} takes no world: leave --world out')
    for world in recipe.worlds:
        if not Path(world).is_file():
            raise RenderingError(f'{world}: no such world file')


def split_of(seed: int, validation: float) -> str:
    """Return the split of a scene, ``train`` or ``validation``, which its seed alone decides."""
    digest = hashlib.sha256(f'scene {seed}'.encode()).digest()
    return VALIDATION if int.from_bytes(digest[:4], 'big') < validation * 2**32 else TRAIN


def code_version() -> str:
    """Return a fingerprint of the code that decides how frames look, 12 hexadecimal digits."""
    folder = Path(synthetic.__file__).parent
    files = sorted(f for f in folder.rglob('*') if f.suffix in _CODE)
    return hashlib.sha256(b''.join(f.read_bytes() for f in files)).hexdigest()[:12]


class FrameMaker:
    """Renders the frames of scenes by seed; owns a renderer, so one per process."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._renderer = Renderer(recipe.width, recipe.height)
        poses = POSES[recipe.poses]
        self._sources = [make_source(recipe.kind, w, poses) for w in recipe.worlds or (None,)]

    def frames(self, seed: int) -> list[ShardFrame]:
        """Render the good views of one scene, at most ``views`` of them, often fewer."""
        recipe = self.recipe
        rng = np.random.default_rng(seed)
        source = self._sources[seed % len(self._sources)]
        scene = source.build(rng)
        views = [self._find_view(scene, source, rng) for _ in range(recipe.views)]
        other = restyle(scene, rng) if recipe.restyled else None
        return [self._photographed(scene, other, v, rng, seed) for v in views if v is not None]

    def _find_view(
        self, scene: Scene, source: SceneSource[Any], rng: np.random.Generator
    ) -> Camera | None:
        """Return a good view, if the recipe has limits most often a typical one; None if none."""
        recipe = self.recipe

        def is_typical(depth: NDArray[np.float32], camera: Camera) -> bool:
            return depths_are_typical(depth, recipe.width / camera.fx, recipe.typical)

        is_chosen = bool(recipe.typical) and rng.random() < _TYPICAL_SHARE
        size, is_wanted = (recipe.width, recipe.height), is_typical if is_chosen else None
        return find_view(self._renderer, scene, source, rng, size, is_wanted=is_wanted)

    def _photographed(
        self, scene: Scene, other: Scene | None, camera: Camera, rng: np.random.Generator, seed: int
    ) -> ShardFrame:
        """Return one view; ``other``, the scene in another style, is shown as ``restyled``."""
        image, restyled = self._renderer.render(scene, camera), None
        if other is not None:
            second = self._renderer.render(other, camera)
            restyled = take_photo(second.rgb, sample_photo(rng, self.recipe.height), rng)
        return ShardFrame(
            rgb=take_photo(image.rgb, sample_photo(rng, self.recipe.height), rng),
            depth=image.depth.astype(np.float16),
            intrinsics=np.array([camera.fx, camera.fy, camera.cx, camera.cy], np.float32),
            scene=seed,
            restyled=restyled,
        )

    def close(self) -> None:
        """Give the renderer back."""
        self._renderer.close()
