"""Shards of made-up frames: enough to train on for a few steps, quick to write."""

from __future__ import annotations

import numpy as np

HEIGHT, WIDTH = 96, 128


def make_shard(path, frames, scenes, seed, restyled=True):
    """Write ``frames`` tilted planes with a box, shaded by depth, of the numbered ``scenes``."""
    rng = np.random.default_rng(seed)
    y, _ = np.mgrid[0:HEIGHT, 0:WIDTH]
    depth = np.stack([2 + rng.uniform(0, 3) + (HEIGHT - y) * 0.05 for _ in range(frames)])
    for i in range(frames):
        top, left = rng.integers(10, 50), rng.integers(10, 80)
        depth[i, top : top + 30, left : left + 30] *= 0.5
    shade = 255 / (1 + 0.2 * depth[..., None]) * rng.uniform(0.5, 1, (frames, 1, 1, 3))
    texture = rng.normal(0, 4, (frames, HEIGHT, WIDTH, 1))
    rgb = np.clip(shade + texture, 0, 255).astype(np.uint8)
    arrays = {
        'rgb': rgb,
        'depth': depth.astype(np.float16),
        'intrinsics': np.tile(np.float32([90, 90, 63.5, 47.5]), (frames, 1)),
        'scene': np.resize(np.array(scenes, np.int64), frames),
    }
    if restyled:
        arrays['restyled'] = 255 - rgb
    np.savez(path, **arrays)
