"""A figure as the paper's: an image, what the network makes of it on the way, and its depth."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.inference.colorize import colorize_depth, colorize_map
from s2r_depth_ros.inference.estimator import Prediction
from s2r_depth_ros.media.captions import BACKGROUND, TEXT, write

Map = NDArray[np.float32]

PANEL_WIDTH, GAP, CAPTION = 320, 12, 30  # px
_CAPTIONS = {
    'structure': 'structure map',
    'attention': 'attention map',
    'product': 'structure x attention',
}


def maps_of(prediction: Prediction) -> dict[str, Map]:
    """Return structure map, attention map and their product, float32 [H, W] in [0, 1], by name.

    prediction: with maps. The product is what depth is predicted from, at the image's size.
    """
    structure, attention = prediction.structure, prediction.attention
    assert structure is not None  # maps were asked for
    assert attention is not None
    return {'structure': structure, 'attention': attention, 'product': structure * attention}


def grey_picture(values: Map) -> NDArray[np.uint8]:
    """Return a map [H, W] in [0, 1] as uint8 RGB: 0 black, 1 white, whatever there is between."""
    grey = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def figure(rgb: NDArray[np.uint8], maps: Mapping[str, Map], depth: Map) -> NDArray[np.uint8]:
    """Return a row of captioned panels, uint8 RGB: image, the maps, depth in colours.

    The colours of a map reach from the least to the greatest value in it, as the paper's do.
    """
    panels = {'image': rgb}
    for name, values in maps.items():
        low, high = float(values.min()), float(values.max())
        stretched = (values - low) / max(high - low, 1e-6)
        panels[f'{_CAPTIONS[name]}, {low:.2f} to {high:.2f}'] = colorize_map(stretched)
    panels[f'depth, {_span(depth)}'] = colorize_depth(depth)
    height = max(1, round(PANEL_WIDTH * rgb.shape[0] / rgb.shape[1]))
    across = PANEL_WIDTH + GAP
    picture = np.full((height + CAPTION + GAP, len(panels) * across + GAP, 3), BACKGROUND, np.uint8)
    for place, (caption, panel) in enumerate(panels.items()):
        left = GAP + place * across
        write(picture, caption, (left, CAPTION - 9), 0.5, TEXT)
        shrunk = cv2.resize(panel, (PANEL_WIDTH, height), interpolation=cv2.INTER_AREA)
        picture[CAPTION : CAPTION + height, left : left + PANEL_WIDTH] = shrunk
    return picture


def _span(depth: Map) -> str:
    """Return the depths at the ends of the colours, in words."""
    valid = depth[np.isfinite(depth)]
    if not valid.size:
        return 'none'
    near, far = np.percentile(valid, (2, 98))
    return f'{near:.1f} m (red) to {far:.1f} m'
