"""A room from above: what is there, and what costmaps have of it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from simulated_drive.counting import MISSED
from simulated_drive.drive import RoomResult
from simulated_drive.grid import Mask, widened

_SCALE = 4  # px for a cell
_TITLE = 26  # px
_GREY, _FLOOR, _BLACK = (200, 200, 200), (255, 255, 255), (40, 40, 40)
_RIGHT, _MISSED, _FALSE, _WAY = (30, 140, 60), (245, 160, 0), (220, 40, 40), (40, 110, 230)

Image = NDArray[np.uint8]


def picture(result: RoomResult, setups: Sequence[str]) -> Image:
    """Return panels side by side, RGB: the truth, and the costmap of each setup in the end.

    White is floor that was seen, black an obstacle that was seen, grey the rest, blue the way. In a
    costmap: green are its lethal cells that are right, red those that are false, orange obstacles
    that it missed.
    """
    around = np.argwhere(widened(result.seen | result.free, 0.3))
    (left, near), (right, far) = around.min(0), around.max(0) + 1
    window = (slice(left, right), slice(near, far))
    panels = [_panel(_truth(result), window, 'what is there')]
    panels += [_panel(_costmap(result, result.lethal[name]), window, name) for name in setups]
    return np.concatenate(panels, axis=1)


def _truth(result: RoomResult) -> Image:
    image = np.full((*result.seen.shape, 3), _GREY, np.uint8)
    image[result.free] = _FLOOR
    image[result.seen] = _BLACK
    return _with_way(image, result)


def _costmap(result: RoomResult, lethal: Mask) -> Image:
    image = np.full((*lethal.shape, 3), _GREY, np.uint8)
    image[result.free] = _FLOOR
    image[lethal] = _FALSE
    image[lethal & widened(result.room.obstacles, MISSED[0])] = _RIGHT
    image[result.seen & ~widened(lethal, MISSED[0])] = _MISSED
    return _with_way(image, result)


def _with_way(image: Image, result: RoomResult) -> Image:
    cells = np.floor(result.room.grid.positions(result.room.way)).astype(int)
    image[tuple(cells.T)] = _WAY
    return image


def _panel(image: Image, window: tuple[slice, slice], title: str) -> Image:
    """Return a part of an image enlarged, x to the right and y up, with a title and a border."""
    turned = np.ascontiguousarray(image[window].transpose(1, 0, 2)[::-1])
    large = turned.repeat(_SCALE, 0).repeat(_SCALE, 1)
    panel = cv2.copyMakeBorder(large, _TITLE, 6, 6, 6, cv2.BORDER_CONSTANT, value=_FLOOR)
    cv2.putText(panel, title, (8, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _BLACK, 1, cv2.LINE_AA)
    return np.asarray(panel, np.uint8)
