"""Depth finished on the device equals depth finished on the host, to the last bit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from s2r_depth_ros.geometry import CloudPacker, Intrinsics
from s2r_depth_ros.inference.finishing import (
    DeviceCopy,
    Finish,
    cloud_rays,
    finish_on_device,
    finish_on_host,
    pack_cloud,
)

DEVICES = [
    'cpu',
    pytest.param('cuda', marks=pytest.mark.gpu),
]
SHAPE = (6, 8)
DEPTHS = arrays.arrays(
    np.float32, SHAPE, elements=st.floats(2**-7, 100, width=32) | st.just(math.nan)
)
METRES = st.sampled_from([0.1, 0.3, 1.0, 7.7])


@given(
    depth=DEPTHS,
    scale=st.just(1.0) | st.floats(0.001, 1000),
    nearest=st.just(0.0) | METRES,
    farthest=st.just(math.inf) | METRES,
    valid=st.none() | arrays.arrays(np.bool_, SHAPE),
)
def test_device_and_host_agree(
    depth: NDArray[np.float32],
    scale: float,
    nearest: float,
    farthest: float,
    valid: NDArray[np.bool_] | None,
) -> None:
    mask = None if valid is None else DeviceCopy(valid)
    finish = Finish(scale, mask, nearest, farthest)
    there = finish_on_device(torch.from_numpy(depth.copy()), finish)
    here = finish_on_host(depth.copy(), finish)
    assert there.dtype == torch.float32
    np.testing.assert_array_equal(there.numpy(), here)


@pytest.mark.parametrize('device', DEVICES)
def test_every_step_by_hand(device: str) -> None:
    valid = np.array([[True, True, True, True, False]])
    finish = Finish(2.0, DeviceCopy(valid), min_depth=2.0, max_depth=6.0)
    depth = np.array([[0.5, 1.0, 3.0, 3.5, 2.0]], np.float32)
    expected = [[math.nan, 2.0, 6.0, math.nan, math.nan]]
    there = finish_on_device(torch.from_numpy(depth.copy()).to(device), finish)
    np.testing.assert_array_equal(there.cpu().numpy(), expected)
    np.testing.assert_array_equal(finish_on_host(depth, finish), expected)


def test_nothing_to_do_changes_nothing() -> None:
    depth = np.array([[1.0, math.nan, 1e30]], np.float32)
    np.testing.assert_array_equal(finish_on_host(depth.copy(), Finish()), depth)
    there = finish_on_device(torch.from_numpy(depth.copy()), Finish())
    np.testing.assert_array_equal(there.numpy(), depth)


@pytest.mark.parametrize('device', DEVICES)
@given(depth=DEPTHS, rgb=arrays.arrays(np.uint8, (*SHAPE, 3)))
def test_the_cloud_is_that_of_the_packer(
    device: str, depth: NDArray[np.float32], rgb: NDArray[np.uint8]
) -> None:
    intrinsics = Intrinsics(7.3, 6.9, 3.6, 2.4, SHAPE[1], SHAPE[0])
    where = torch.device(device)
    rays = (ray.on(where) for ray in cloud_rays(intrinsics))
    tensors = (torch.from_numpy(array).to(where) for array in (depth, rgb))
    cloud = pack_cloud(*tensors, *rays).cpu().numpy()
    expected = CloudPacker(intrinsics).pack(depth, rgb)
    assert cloud.dtype == np.uint8
    assert cloud.shape == expected.shape
    points, wanted = (c.view(np.float32).reshape(-1, 4) for c in (cloud, expected))
    # The bits of a NaN are the machine's choice, those of a colour are not.
    np.testing.assert_array_equal(points[:, :3], wanted[:, :3])
    np.testing.assert_array_equal(points[:, 3].view(np.uint32), wanted[:, 3].view(np.uint32))


def test_a_copy_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    copy = DeviceCopy(np.arange(3.0))
    first = copy.on(torch.device('cpu'))
    assert copy.on(torch.device('cpu')) is first

    def elsewhere(_: Any) -> None:
        raise AssertionError('copied again')

    monkeypatch.setattr(torch, 'from_numpy', elsewhere)
    assert copy.on(torch.device('cpu')) is first
