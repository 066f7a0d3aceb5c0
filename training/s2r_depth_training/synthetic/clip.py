"""Render a clip: a camera drives along a smooth path through one room.

    python -m s2r_depth_training.synthetic.clip --out DIR --seed N

Writes DIR/sequence.json (intrinsics, stamps, camera-to-world poses), DIR/rgb/NNNN.jpg and, for
every 15th frame, DIR/depth/NNNN.png (16-bit millimetres, Z along the optical axis, 0 = none).
The demo's clip in config/demo_clip was made by exactly this command, seed in its sequence.json.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from s2r_depth_training.synthetic.indoor import IndoorSource, Shape
from s2r_depth_training.synthetic.photo import Photo, take_photo
from s2r_depth_training.synthetic.renderer import Renderer
from s2r_depth_training.synthetic.scene import Camera, Scene, rotation_from_angles

WIDTH, HEIGHT, FOCAL = 640, 480, 525.0
FRAMES, RATE = 45, 10.0
DEPTH_EVERY = 15
NEAREST = 0.6  # m, how close the path may come to anything it sees


def smooth_path(shape: Shape, phase: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions [N, 3] m, yaw [N] and pitch [N] rad of an arc that looks across the room."""
    t = np.linspace(0.0, 1.0, FRAMES)
    angle = phase + 1.1 * (t - 0.5)
    reach = np.array([shape.width, shape.depth]) * 0.3
    x, y = reach[0] * np.cos(angle), reach[1] * np.sin(angle)
    z = 1.25 + 0.08 * np.sin(2 * np.pi * t)
    target = -0.35 * reach[:, None] * np.array([np.cos(angle * 0.7), np.sin(angle * 0.7)])
    yaw = np.unwrap(np.arctan2(target[1] - y, target[0] - x)) + 0.12 * np.sin(2 * np.pi * t)
    pitch = -0.16 + 0.04 * np.sin(2 * np.pi * t + 1.0)
    return np.stack([x, y, z], 1), yaw, pitch


def cameras_along(path: tuple[np.ndarray, np.ndarray, np.ndarray]) -> list[Camera]:
    """One camera for each point of a path, all with the clip's lens."""
    centre = {'cx': (WIDTH - 1) / 2, 'cy': (HEIGHT - 1) / 2, 'width': WIDTH, 'height': HEIGHT}
    return [
        Camera(place, rotation_from_angles(yaw, pitch, 0.0), FOCAL, FOCAL, **centre)
        for place, yaw, pitch in zip(*path)
    ]


def choose_path(renderer: Renderer, scene: Scene) -> list[Camera]:
    """Pick the arc with most to see that stays clear of everything."""
    best, best_score = None, -math.inf
    for phase in np.linspace(0, 2 * np.pi, 24, endpoint=False):
        cameras = cameras_along(smooth_path(scene.geometry['shape'], phase))
        views = [renderer.depth(scene, c.resized(64, 48)) for c in cameras[::8]]
        nearest = min(np.percentile(v[v > 0], 2) for v in views)
        edges = np.mean([np.abs(np.diff(1 / np.maximum(v, 0.3), axis=1)).mean() for v in views])
        score = edges - 10.0 * max(0.0, NEAREST - nearest)
        if score > best_score:
            best, best_score = cameras, score
    assert best is not None
    return best


def furnished_room(seed: int) -> Scene:
    """Build the first furnished living room, office or kitchen that a seed leads to."""
    rng = np.random.default_rng(seed)
    while True:
        scene = IndoorSource().build(rng)
        shape = scene.geometry['shape']
        if shape.use in ('living', 'office', 'kitchen') and min(shape.width, shape.depth) > 4.2:
            return replace(scene, exposure=1.0)


def render_clip(out: Path, seed: int) -> dict:
    """Render the clip of a seed into a folder and return what sequence.json says."""
    scene = furnished_room(seed)
    photo = Photo(vignette=0.15, blur=0.6, shot_noise=0.008, read_noise=0.004, grain=0.7)
    rng = np.random.default_rng(seed)
    (out / 'rgb').mkdir(parents=True, exist_ok=True)
    (out / 'depth').mkdir(exist_ok=True)
    frames = []
    with Renderer(WIDTH, HEIGHT, supersampling=3, shadow_size=2048) as renderer:
        for i, camera in enumerate(choose_path(renderer, scene)):
            image = renderer.render(scene, camera)
            rgb = take_photo(image.rgb, photo, rng)
            frame = {'index': i, 'stamp': round(i / RATE, 4), 'rgb': f'rgb/{i:04d}.jpg'}
            quality = [cv2.IMWRITE_JPEG_QUALITY, 85]
            cv2.imwrite(str(out / frame['rgb']), rgb[..., ::-1], quality)
            if i % DEPTH_EVERY == 0:
                frame['depth'] = f'depth/{i:04d}.png'
                millimetres = np.minimum(image.depth * 1000.0 + 0.5, 65535).astype(np.uint16)
                cv2.imwrite(str(out / frame['depth']), millimetres)
            frame['pose_c2w'] = camera.pose.round(6).tolist()
            frames.append(frame)
    sequence = {
        'name': f'procedural_room_{seed}', 'kind': 'indoor', 'seed': seed,
        'fx': FOCAL, 'fy': FOCAL, 'cx': (WIDTH - 1) / 2, 'cy': (HEIGHT - 1) / 2,
        'width': WIDTH, 'height': HEIGHT, 'depth_scale': 0.001, 'fps': RATE, 'frames': frames,
    }  # fmt: skip
    (out / 'sequence.json').write_text(json.dumps(sequence, indent=1) + '\n')
    return sequence


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and render."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', type=Path, required=True, help='folder to write')
    parser.add_argument('--seed', type=int, default=0, help='which room and path')
    options = parser.parse_args(arguments)
    sequence = render_clip(options.out, options.seed)
    print(f'{len(sequence["frames"])} frames in {options.out}')


if __name__ == '__main__':
    main()
