from __future__ import annotations

import array
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from s2r_depth_ros.geometry import CloudPacker, Intrinsics, back_project
from s2r_depth_ros.geometry.point_cloud import FIELD_OFFSETS, POINT_DTYPE, POINT_STEP

CAMERA = Intrinsics(4.0, 2.0, 1.0, 0.5, 3, 2)
DEPTH = np.array([[4, 4, 4], [8, 8, 8]], np.float32)
RGB = np.array(
    [
        [[255, 0, 0], [0, 255, 0], [0, 0, 255]],
        [[1, 2, 3], [255, 255, 255], [0, 0, 0]],
    ],
    np.uint8,
)
LAYOUT = np.dtype([('x', '<f4'), ('y', '<f4'), ('z', '<f4'), ('rgb', '<u4')])


def decode(cloud: NDArray[np.uint8]) -> NDArray[np.void]:
    return np.frombuffer(cloud.tobytes(), LAYOUT).reshape(2, 3)


def test_layout_is_the_documented_one() -> None:
    assert POINT_DTYPE == LAYOUT
    assert LAYOUT.itemsize == POINT_STEP == 16
    assert LAYOUT.fields is not None
    assert {name: field[1] for name, field in LAYOUT.fields.items()} == FIELD_OFFSETS


def test_points_by_hand_row_by_row() -> None:
    cloud = CloudPacker(CAMERA).pack(DEPTH, RGB)
    assert cloud.dtype == np.uint8
    assert cloud.shape == (2 * 3 * 16,)
    points = decode(cloud)
    np.testing.assert_array_equal(points['x'], [[-1, 0, 1], [-2, 0, 2]])
    np.testing.assert_array_equal(points['y'], [[-1, -1, -1], [2, 2, 2]])
    np.testing.assert_array_equal(points['z'], DEPTH)


def test_colours_are_00rrggbb_to_the_bit() -> None:
    points = decode(CloudPacker(CAMERA).pack(DEPTH, RGB))
    np.testing.assert_array_equal(
        points['rgb'],
        [[0xFF0000, 0x00FF00, 0x0000FF], [0x010203, 0xFFFFFF, 0x000000]],
    )


def test_first_point_byte_by_byte() -> None:
    cloud = CloudPacker(CAMERA).pack(DEPTH, RGB)
    assert cloud[:16].tobytes().hex() == '000080bf000080bf000080400000ff00'


def test_nan_depth_gives_nan_xyz_only_there() -> None:
    depth = DEPTH.copy()
    depth[0, 1] = np.nan
    points = decode(CloudPacker(CAMERA).pack(depth, RGB))
    for name in ('x', 'y', 'z'):
        np.testing.assert_array_equal(np.isnan(points[name]), np.isnan(depth))
    assert points['rgb'][0, 1] == 0x00FF00


def test_agrees_with_back_projection() -> None:
    camera = Intrinsics(57.0, 61.0, 30.25, 22.75, 64, 48)
    rng = np.random.default_rng(3)
    depth = rng.uniform(0.1, 80, (48, 64)).astype(np.float32)
    rgb = rng.integers(0, 256, (48, 64, 3), np.uint8)
    points = CloudPacker(camera).pack(depth, rgb).view(LAYOUT).reshape(48, 64)
    xyz = np.stack([points['x'], points['y'], points['z']], axis=-1)
    np.testing.assert_allclose(xyz, back_project(depth, camera), rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(points['rgb'], rgb.astype(np.uint32) @ [0x10000, 0x100, 1])


def test_writes_into_the_given_buffer() -> None:
    packer = CloudPacker(CAMERA)
    message_data = array.array('B', bytes(packer.size))
    out = np.frombuffer(message_data, np.uint8)
    address = out.ctypes.data
    for depth in (DEPTH, 2 * DEPTH):
        cloud = packer.pack(depth, RGB, out)
        assert cloud is out
        assert cloud.ctypes.data == address
        np.testing.assert_array_equal(decode(np.frombuffer(message_data, np.uint8))['z'], depth)


def test_without_a_buffer_clouds_do_not_share_memory() -> None:
    packer = CloudPacker(CAMERA)
    first = packer.pack(DEPTH, RGB)
    packer.pack(2 * DEPTH, RGB[::-1])
    np.testing.assert_array_equal(decode(first)['z'], DEPTH)
    np.testing.assert_array_equal(decode(first), decode(packer.pack(DEPTH, RGB)))


def test_strided_inputs_are_packed_and_inputs_left_alone() -> None:
    wide_depth = np.repeat(DEPTH, 2, axis=1)
    wide_rgb = np.repeat(RGB, 2, axis=1)
    depth, rgb = wide_depth[:, ::2], wide_rgb[:, ::2, ::-1]
    cloud = CloudPacker(CAMERA).pack(depth, rgb)
    expected = CloudPacker(CAMERA).pack(DEPTH, np.ascontiguousarray(RGB[..., ::-1]))
    np.testing.assert_array_equal(cloud, expected)
    np.testing.assert_array_equal(wide_depth, np.repeat(DEPTH, 2, axis=1))
    np.testing.assert_array_equal(wide_rgb, np.repeat(RGB, 2, axis=1))


READ_ONLY = np.zeros(96, np.uint8)
READ_ONLY.flags.writeable = False


@pytest.mark.parametrize(
    ('depth', 'rgb', 'out', 'named'),
    [
        (DEPTH.T, RGB, None, r'depth has shape \(3, 2\)'),
        (DEPTH, RGB[:, :2], None, r'rgb has shape \(2, 2, 3\)'),
        (DEPTH, RGB[..., 0], None, r'rgb has shape \(2, 3\)'),
        (DEPTH.astype(np.float64), RGB, None, 'depth is float64'),
        (DEPTH, RGB.astype(np.float32), None, 'rgb is float32'),
        (DEPTH, RGB, np.zeros(95, np.uint8), r'\(95,\).*96 bytes'),
        (DEPTH, RGB, np.zeros((6, 16), np.uint8), r'\(6, 16\)'),
        (DEPTH, RGB, np.zeros(24, np.float32), 'out is float32'),
        (DEPTH, RGB, np.zeros(192, np.uint8)[::2], 'contiguous'),
        (DEPTH, RGB, READ_ONLY, 'writeable'),
    ],
)
def test_wrong_arrays_are_refused(
    depth: NDArray[Any], rgb: NDArray[Any], out: NDArray[Any] | None, named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        CloudPacker(CAMERA).pack(depth, rgb, out)
