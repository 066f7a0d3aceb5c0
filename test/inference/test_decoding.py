"""From the network's maps to images of the camera's size."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from s2r_depth_ros.inference import decoding
from s2r_depth_ros.inference.decoding import metric_depth, resized_map


def test_upscaling_has_aligned_corners() -> None:
    row = torch.tensor([-0.5, 0.5]).view(1, 1, 1, 2).expand(1, 1, 2, 2)
    depth = metric_depth(row, (4, 5), 8.0).numpy()
    np.testing.assert_allclose(depth, np.tile([2.0, 3.0, 4.0, 5.0, 6.0], (4, 1)), rtol=1e-6)


@pytest.mark.parametrize('on_host', [True, False])
def test_what_is_no_distance_is_nan(on_host: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, 'on_host', lambda _: on_host)
    values = [-1.0, -2.0, math.nan, math.inf, -0.5, 1.0]
    depth = metric_depth(torch.tensor(values).view(1, 1, 2, 3), (2, 3), 8.0).numpy()
    expected = [[math.nan] * 3, [math.nan, 2.0, 8.0]]
    np.testing.assert_array_equal(depth, np.array(expected, np.float32))


def test_the_networks_map_is_left_as_it_is() -> None:
    depth = torch.zeros(1, 1, 2, 3)
    metric_depth(depth, (2, 3), 8.0)
    resized_map(depth, (2, 3))
    assert not depth.any()


def test_maps_are_resized_and_clipped() -> None:
    levels = torch.tensor([[-0.5, 1.5]]).view(1, 1, 1, 2).expand(1, 1, 2, 2)
    result = resized_map(levels.bfloat16(), (4, 5))
    assert result.dtype == torch.float32
    expected = np.tile([0.0, 0.0, 0.5, 1.0, 1.0], (4, 1))
    np.testing.assert_allclose(result.numpy(), expected, atol=1e-6)
