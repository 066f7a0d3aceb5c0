"""A clip for the demo: a camera drives along a smooth path through one room.

It is a folder of sequence.json (intrinsics, stamps, camera-to-world poses), rgb/NNNN.jpg and, for
every 15th frame, depth/NNNN.png (16-bit millimetres, Z along the optical axis, 0 = none).
config/demo_clip was made by exactly this code; the seed is in its sequence.json.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.files import make_folder
from s2r_depth_training.synthetic.geometry.camera import Camera, rotation_from_angles
from s2r_depth_training.synthetic.looks.photo import Photo, take_photo
from s2r_depth_training.synthetic.renderer.renderer import Render, Renderer
from s2r_depth_training.synthetic.sources.indoor import IndoorSource, RoomScene
from s2r_depth_training.synthetic.sources.room import RoomShape

NEAREST = 0.6  # m, how close the path may come to anything it sees
PHOTO = Photo(vignette=0.15, blur=0.6, shot_noise=0.008, read_noise=0.004, grain=0.7)


@dataclass(frozen=True)
class ClipFormat:
    """The pictures of a clip: width, height, focal length in px, frames, frames a second (rate).

    depth_every: one frame in so many comes with its depth.
    """

    width: int = 640
    height: int = 480
    focal: float = 525.0
    frames: int = 45
    rate: float = 10.0
    depth_every: int = 15

    @property
    def intrinsics(self) -> dict[str, float]:
        """fx, fy, cx, cy of the pictures, px."""
        cx, cy = (self.width - 1) / 2, (self.height - 1) / 2
        return {'fx': self.focal, 'fy': self.focal, 'cx': cx, 'cy': cy}


DEMO_CLIP = ClipFormat()


@dataclass(frozen=True)
class CameraPath:
    """Where a camera passes: positions [N, 3] in m, yaw and pitch [N] in rad."""

    positions: NDArray[np.float64]
    yaw: NDArray[np.float64]
    pitch: NDArray[np.float64]


def smooth_path(shape: RoomShape, phase: float, frames: int) -> CameraPath:
    """Lay an arc that looks across the room. phase: rad, where on the ellipse it is."""
    t = np.linspace(0.0, 1.0, frames)
    angle = phase + 1.1 * (t - 0.5)
    reach = np.array([shape.width, shape.depth]) * 0.3
    x, y = reach[0] * np.cos(angle), reach[1] * np.sin(angle)
    z = 1.25 + 0.08 * np.sin(2 * np.pi * t)
    target = -0.35 * reach[:, None] * np.array([np.cos(angle * 0.7), np.sin(angle * 0.7)])
    yaw = np.unwrap(np.arctan2(target[1] - y, target[0] - x)) + 0.12 * np.sin(2 * np.pi * t)
    pitch = -0.16 + 0.04 * np.sin(2 * np.pi * t + 1.0)
    return CameraPath(np.stack([x, y, z], 1), yaw, pitch)


def cameras_along(path: CameraPath, form: ClipFormat) -> list[Camera]:
    """Return one camera for each point of a path, all with the clip's lens."""
    return [
        Camera(
            position,
            rotation_from_angles(yaw, pitch, 0.0),
            width=form.width,
            height=form.height,
            **form.intrinsics,
        )
        for position, yaw, pitch in zip(path.positions, path.yaw, path.pitch)
    ]


def choose_path(renderer: Renderer, scene: RoomScene, form: ClipFormat) -> list[Camera]:
    """Pick the arc with most to see that stays clear of everything."""
    best: list[Camera] = []
    best_score = -math.inf
    for phase in np.linspace(0, 2 * np.pi, 24, endpoint=False):
        cameras = cameras_along(smooth_path(scene.shape, phase, form.frames), form)
        views = [renderer.depth(scene, c.resized(64, 48)) for c in cameras[::8]]
        nearest = min(float(np.percentile(v[v > 0], 2)) for v in views)
        edges = np.mean([np.abs(np.diff(1 / np.maximum(v, 0.3), axis=1)).mean() for v in views])
        score = edges - 10.0 * max(0.0, NEAREST - nearest)
        if score > best_score:
            best, best_score = cameras, score
    return best


def furnished_room(seed: int) -> RoomScene:
    """Build the first furnished living room, office or kitchen that a seed leads to."""
    rng = np.random.default_rng(seed)
    while True:
        scene = IndoorSource().build(rng)
        shape = scene.shape
        if shape.use in ('living', 'office', 'kitchen') and min(shape.width, shape.depth) > 4.2:
            return replace(scene, exposure=1.0)


def render_clip(out: Path, seed: int, form: ClipFormat = DEMO_CLIP) -> dict[str, Any]:
    """Render the clip of a seed into a folder and return what sequence.json says."""
    scene = furnished_room(seed)
    rng = np.random.default_rng(seed)
    for name in ('rgb', 'depth'):
        make_folder(out / name)
    frames = []
    with Renderer(form.width, form.height, 3, 2048, multisampling=0) as renderer:
        for i, camera in enumerate(choose_path(renderer, scene, form)):
            image = renderer.render(scene, camera)
            files = write_frame(out, i, image, rng, has_depth=i % form.depth_every == 0)
            stamp, pose = round(i / form.rate, 4), camera.pose.round(6).tolist()
            frames.append({'index': i, 'stamp': stamp, **files, 'pose_c2w': pose})
    sequence = {
        'name': f'procedural_room_{seed}', 'kind': 'indoor', 'seed': seed, **form.intrinsics,
        'width': form.width, 'height': form.height, 'depth_scale': 0.001, 'fps': form.rate,
        'frames': frames,
    }  # fmt: skip
    (out / 'sequence.json').write_text(json.dumps(sequence, indent=1) + '\n')
    return sequence


def write_frame(
    out: Path, index: int, image: Render, rng: np.random.Generator, has_depth: bool
) -> dict[str, str]:
    """Write a frame as a photo (rng draws its noise), and return its files by what they hold."""
    files = {'rgb': f'rgb/{index:04d}.jpg'}
    rgb = take_photo(image.rgb, PHOTO, rng)
    cv2.imwrite(str(out / files['rgb']), rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    if has_depth:
        files['depth'] = f'depth/{index:04d}.png'
        millimetres = np.minimum(image.depth * 1000.0 + 0.5, 65535).astype(np.uint16)
        cv2.imwrite(str(out / files['depth']), millimetres)
    return files
