"""Depth as the canonical camera sees it.

A lens that shows things larger by some factor shows them as the canonical camera would from that
much nearer. So all cameras can be learnt from as one, whose focal length is
``DataConfig.focal_length``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from s2r_depth_training.dataset.config import DataConfig


def canonical_depth(
    depth: NDArray[np.floating], fx: float, zero_is_sky: bool, config: DataConfig
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return depth in the canonical camera, m, and the loss weight, both [H, W].

    depth: [H, W], m, 0 = sky or unknown. fx: px of the camera at the width of ``depth``.
    """
    metres = depth.astype(np.float32) * np.float32(config.focal_length / fx)
    known = metres > config.min_depth
    weight = known.astype(np.float32)
    if zero_is_sky:
        sky = depth <= 0
        weight[sky] = config.sky_weight
        metres[sky] = config.max_depth
    return np.clip(metres, config.min_depth, config.max_depth), weight
