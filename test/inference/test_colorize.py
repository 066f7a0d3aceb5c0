from __future__ import annotations

import cv2
import numpy as np
import pytest

from s2r_depth_ros.inference.colorize import colorize_depth, colorize_map


def ends(colours: int) -> tuple[list[int], list[int]]:
    """RGB of level 0 and level 255."""
    row = cv2.applyColorMap(np.array([[0, 255]], np.uint8), colours)[0, :, ::-1]
    return row[0].tolist(), row[1].tolist()


def test_given_range() -> None:
    depth = np.array([[1.0, 0.5, 10.0, 50.0, np.nan, 0.0, -1.0, np.inf]], np.float32)
    picture = colorize_depth(depth, 1.0, 10.0)
    far, near = ends(cv2.COLORMAP_TURBO)
    black = [0, 0, 0]
    # Infinitely far is still far: its inverse is a number.
    assert picture[0].tolist() == [near, near, far, far, black, black, black, far]
    assert near[0] > near[2]  # near is red


def test_inverse_depth_is_linear() -> None:
    middle = colorize_depth(np.array([[2 / (1 / 1.0 + 1 / 9.0)]], np.float32), 1.0, 9.0)[0, 0]
    expected = cv2.applyColorMap(np.array([[128]], np.uint8), cv2.COLORMAP_TURBO)[0, 0, ::-1]
    np.testing.assert_array_equal(middle, expected)


def test_own_range_ignores_specks() -> None:
    depth = np.tile(np.linspace(2, 6, 200, dtype=np.float32), (100, 1))
    clean = colorize_depth(depth)
    depth[50, 100], depth[51, 100] = 0.01, 900
    difference = np.abs(colorize_depth(depth).astype(int) - clean)
    difference[50:52, 100] = 0
    assert difference.max() <= 20  # two levels of the colour table


def test_few_valid_pixels_still_set_the_range() -> None:
    depth = np.full((400, 500), np.nan, np.float32)
    depth[7, 3], depth[7, 4] = 2.0, 4.0
    far, near = ends(cv2.COLORMAP_TURBO)
    assert colorize_depth(depth)[7, 3:5].tolist() == [near, far]


def test_one_end_given() -> None:
    depth = np.tile(np.linspace(2, 6, 200, dtype=np.float32), (100, 1))
    np.testing.assert_array_equal(colorize_depth(depth, far=1e9)[0, 0], colorize_depth(depth)[0, 0])
    assert (colorize_depth(depth, far=1e9)[0, -1] != colorize_depth(depth)[0, -1]).any()


@pytest.mark.parametrize('value', [np.nan, 3.0])
def test_frames_without_a_range(value: float) -> None:
    picture = colorize_depth(np.full((40, 50), value, np.float32))
    assert picture.shape == (40, 50, 3)
    assert picture.dtype == np.uint8
    assert picture.any() == np.isfinite(value)


@pytest.mark.parametrize('limits', [(0.0, 5.0), (5.0, 5.0), (6.0, 5.0), (-1.0, None), (None, 0.0)])
def test_impossible_range(limits: tuple[float | None, float | None]) -> None:
    with pytest.raises(ValueError, match='0 < near < far'):
        colorize_depth(np.ones((40, 40), np.float32), *limits)


def test_map() -> None:
    low, high = ends(cv2.COLORMAP_VIRIDIS)
    picture = colorize_map(np.array([[0, 1, 1.5, -1, np.nan]], np.float32))
    assert picture[0].tolist() == [low, high, high, low, [0, 0, 0]]
