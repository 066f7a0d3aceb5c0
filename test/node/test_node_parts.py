"""The worker, the camera_info rule, messages, clouds and statistics, without a graph."""

from __future__ import annotations

import queue
import threading
import time
from array import array
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from builtin_interfaces.msg import Time
from ros_graph import camera_info
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

from s2r_depth_ros.geometry import CloudPacker, Intrinsics
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.camera_info import CameraInfoHistory
from s2r_depth_ros.node.diagnostics import (
    ERROR,
    OK,
    STALE,
    WARN,
    Statistics,
    Throttle,
    status,
    summary_values,
)
from s2r_depth_ros.node.messages import CloudBuffer, ImageBuffer
from s2r_depth_ros.node.worker import NewestWorker
from s2r_depth_ros.rig import clouds

# ---------------------------------------------------------------- worker


def _gated_worker() -> tuple[NewestWorker, threading.Event, queue.Queue, queue.Queue]:
    """Return a worker that waits for a gate after each batch it was given, and what it got."""
    gate, done, errors = threading.Event(), queue.Queue(), queue.Queue()

    def work(items: dict[str, int]) -> None:
        done.put(items)
        assert gate.wait(10)
        if 3 in items.values():
            raise ValueError('three')

    return NewestWorker(work, errors.put), gate, done, errors


def test_worker_takes_the_newest_and_survives_errors() -> None:
    worker, gate, done, errors = _gated_worker()
    assert not worker.put('a', 1)
    assert done.get(timeout=10) == {'a': 1}
    assert [worker.put('a', item) for item in (2, 3)] == [False, True]
    gate.set()
    assert done.get(timeout=10) == {'a': 3}
    assert str(errors.get(timeout=10)) == 'three'
    assert not worker.put('a', 4)
    assert done.get(timeout=10) == {'a': 4}
    worker.stop()
    worker.join()
    assert not worker.is_alive()
    assert done.empty()


def test_worker_takes_the_newest_of_every_key_at_once() -> None:
    worker, gate, done, _ = _gated_worker()
    worker.put('a', 1)
    assert done.get(timeout=10) == {'a': 1}
    assert [worker.put(key, item) for key, item in (('b', 5), ('c', 6), ('b', 7))] == [
        False, False, True,
    ]  # fmt: skip
    gate.set()
    assert done.get(timeout=10) == {'b': 7, 'c': 6}
    worker.stop()
    worker.join()


def test_worker_forgets_what_waits() -> None:
    worker, gate, done, _ = _gated_worker()
    worker.put('a', 1)
    assert done.get(timeout=10) == {'a': 1}
    worker.put('a', 2)
    worker.clear()
    worker.put('a', 9)
    gate.set()
    assert done.get(timeout=10) == {'a': 9}
    worker.put('a', 4)
    worker.stop()
    worker.join()


def test_worker_holds_an_unready_item_back_and_no_other() -> None:
    done: queue.Queue = queue.Queue()
    ready = threading.Event()
    worker = NewestWorker(
        done.put,
        lambda error: None,
        lambda key, _: 3600.0 if key == 'b' and not ready.is_set() else 0,
    )
    worker.put('b', 1)
    worker.put('a', 2)
    assert done.get(timeout=10) == {'a': 2}
    assert worker.put('b', 3), 'it waits still'
    ready.set()
    worker.wake()
    assert done.get(timeout=10) == {'b': 3}
    worker.stop()
    worker.join()


def test_newer_items_do_not_prolong_the_wait() -> None:
    """Frames that come faster than patience ends would otherwise starve."""
    done: queue.Queue = queue.Queue()
    worker = NewestWorker(done.put, lambda error: None, lambda key, item: 0.3)
    start = time.monotonic()
    number = 0
    while done.empty():
        assert time.monotonic() - start < 10
        worker.put('a', number)
        number += 1
        time.sleep(0.02)
    assert time.monotonic() - start > 0.25
    assert done.get()['a'] > 0
    worker.stop()
    worker.join()


# ---------------------------------------------------------------- camera_info


def _header(second: int, frame_id: str = 'camera') -> Header:
    return Header(stamp=Time(sec=second), frame_id=frame_id)


def _info(second: int, frame_id: str = 'camera') -> Any:
    return camera_info(header=_header(second, frame_id))


def test_camera_info_of_the_same_stamp_is_preferred() -> None:
    history = CameraInfoHistory()
    for second in (1, 2, 3):
        history.add(_info(second))
    assert history.find(_header(2)) == (_info(2), True)
    assert history.find(_header(9)) == (_info(3), False)


def test_camera_info_of_another_camera_is_not_taken() -> None:
    history = CameraInfoHistory()
    assert history.other_frame_id() is None
    history.add(_info(1, 'left'))
    history.add(_info(1, 'right'))
    assert history.find(_header(1, 'left')) == (_info(1, 'left'), True)
    assert history.find(_header(1, 'rear')) == (None, False)
    assert history.other_frame_id() == 'right'


def test_camera_info_is_waited_for() -> None:
    history = CameraInfoHistory()
    assert history.is_worth_waiting(_header(5))
    history.add(_info(5))
    assert not history.is_worth_waiting(_header(5))
    assert history.is_worth_waiting(_header(6))
    assert history.find(_header(5)) == (_info(5), True)


def test_after_a_miss_no_frame_waits_until_stamps_match_again() -> None:
    history = CameraInfoHistory()
    history.add(_info(1))
    assert history.is_worth_waiting(_header(2))
    assert history.find(_header(2)) == (_info(1), False)
    assert not history.is_worth_waiting(_header(3))
    assert history.find(_header(3)) == (_info(1), False)
    assert history.is_worth_waiting(_header(3, 'another')), 'nothing could stand in'
    assert history.find(_header(1)) == (_info(1), True)
    assert history.is_worth_waiting(_header(4))


# ---------------------------------------------------------------- topics


@pytest.mark.parametrize(
    ('name', 'single', 'several'),
    [
        (topics.IMAGE, 'image', 'front/image'),
        (topics.POINTS, 'depth_registered/points', 'front/depth_registered/points'),
        (topics.STRUCTURE, '~/structure', '~/front/structure'),
    ],
)
def test_topics_of_a_camera(name: str, single: str, several: str) -> None:
    assert topics.of_camera(name, '') == single
    assert topics.of_camera(name, 'front') == several


# ---------------------------------------------------------------- messages and clouds


@pytest.mark.parametrize(
    ('encoding', 'dtype', 'shape'),
    [('32FC1', np.float32, (3, 5)), ('16UC1', np.uint16, (3, 5)), ('rgb8', np.uint8, (3, 5, 3))],
)
def test_image_buffer_is_filled_again_and_grows(encoding: str, dtype: Any, shape: tuple) -> None:
    buffer = ImageBuffer()
    for height in (2, shape[0], 3 * shape[0]):
        size = (height, *shape[1:])
        values = np.random.default_rng(height).integers(0, 200, size).astype(dtype)
        message = buffer.fill(_header(height), encoding, values[:, ::-1])
        assert (message.height, message.width, message.encoding) == (height, 5, encoding)
        assert message.step * height == len(message.data) == values.nbytes
        assert message.header == _header(height)
        assert isinstance(message.data, array)
        back = np.frombuffer(message.data, dtype).reshape(size)
        assert np.array_equal(back, values[:, ::-1])


def test_cloud_round_trip_leaves_invalid_points_out() -> None:
    depth = np.arange(1, 13, dtype=np.float32).reshape(3, 4)
    depth[1, 2] = np.nan
    rgb = np.random.default_rng(0).integers(0, 256, (3, 4, 3)).astype(np.uint8)
    packer = CloudPacker(Intrinsics(10.0, 20.0, 1.5, 1.0, 4, 3))
    cloud = CloudBuffer().fill(_header(1), packer, depth, rgb)
    xyz, colours = clouds.read_xyz_rgb(cloud)
    valid = np.isfinite(depth)
    assert np.array_equal(xyz[:, 2], depth[valid])
    assert np.array_equal(colours, rgb[valid])
    raw = clouds.structured_points(cloud).reshape(3, 4)
    assert np.isnan(raw[1, 2]['x'])
    assert raw[2, 3]['x'] == pytest.approx((3 - 1.5) / 10 * 12)
    assert raw[2, 3]['y'] == pytest.approx((2 - 1.0) / 20 * 12)


def _foreign_cloud() -> PointCloud2:
    """Return two rows of two points: big-endian, doubles, padding in points and rows."""
    names = [('z', 0), ('x', 8), ('y', 16)]
    fields = [PointField(name=n, offset=o, datatype=PointField.FLOAT64, count=1) for n, o in names]
    fields.append(PointField(name='rgba', offset=24, datatype=PointField.UINT32, count=1))
    dtype = np.dtype(
        {
            'names': ['z', 'x', 'y', 'rgba'],
            'formats': ['>f8', '>f8', '>f8', '>u4'],
            'offsets': [0, 8, 16, 24],
            'itemsize': 30,
        }
    )
    points = np.zeros((2, 2), dtype)
    points['x'], points['y'], points['z'] = [[1, 2], [3, 4]], [[5, 6], [7, np.inf]], 9
    points['rgba'] = 0xFF102030
    rows = np.pad(points.view(np.uint8).reshape(2, 60), ((0, 0), (0, 5)))
    return PointCloud2(
        height=2, width=2, fields=fields, is_bigendian=True, point_step=30, row_step=65,
        data=array('B', rows.tobytes()),
    )  # fmt: skip


def test_foreign_cloud() -> None:
    xyz, colours = clouds.read_xyz_rgb(_foreign_cloud())
    assert xyz.tolist() == [[1, 5, 9], [2, 6, 9], [3, 7, 9]]
    assert colours.tolist() == [[0x10, 0x20, 0x30]] * 3


def test_sensor_msgs_py_and_stand_in_agree() -> None:
    pytest.importorskip('sensor_msgs_py', reason='needs sensor_msgs_py (in no wheel)')
    cloud = _foreign_cloud()
    assert clouds.point_dtype(cloud) == clouds.stand_in_dtype(cloud)


def test_impossible_clouds_are_named() -> None:
    cloud = _foreign_cloud()
    cloud.data = cloud.data[:-1]
    with pytest.raises(clouds.CloudError, match='truncated'):
        clouds.read_xyz_rgb(cloud)
    cloud = _foreign_cloud()
    cloud.fields[2].name = 'intensity'
    with pytest.raises(clouds.CloudError, match='no field y'):
        clouds.read_xyz_rgb(cloud)


# ---------------------------------------------------------------- statistics


def test_statistics() -> None:
    counts = Statistics()
    for dropped in (False, True, True):
        counts.received(dropped)
    counts.skipped()
    for milliseconds in range(1, 101):
        counts.published(milliseconds / 1e3, 0.5)
    values = summary_values(counts.summary())
    assert values['images received'] == '3'
    assert values['images dropped for a newer one'] == '2'
    assert values['images skipped for want of a subscriber'] == '1'
    assert values['frames published'] == '100'
    assert values['latency from stamp to publish p50 (ms)'] == '50.5'
    assert values['latency from stamp to publish p95 (ms)'] == '95.0'
    assert values['inference p95 (ms)'] == '500.0'
    assert summary_values(counts.summary())['frames out (Hz)'] == '0.0'


@pytest.mark.parametrize('offset', [-3600.0, 3600.0])
def test_latency_of_another_clock_is_no_latency(offset: float) -> None:
    counts = Statistics()
    counts.published(0.02, None)
    counts.published(offset, None)
    summary = counts.summary()
    assert summary.latency == (0.02,)
    assert summary.stamp_offset == offset
    counts.published(0.03, None)
    assert counts.summary().stamp_offset is None


def test_the_worst_problem_sets_the_level() -> None:
    message = status('n', 'h', [(WARN, 'a'), (ERROR, 'b'), (STALE, 'c')], 'fine', {'k': 'v'})
    assert (message.level, message.message) == (ERROR, 'b; c; a')
    assert [(item.key, item.value) for item in message.values] == [('k', 'v')]
    assert status('n', 'h', [], 'fine', {}).message == 'fine'
    assert status('n', 'h', [], 'fine', {}).level == OK


def test_throttle() -> None:
    throttle = Throttle(3600.0)
    assert [throttle.is_due(key) for key in ('a', 'a', 'b')] == [True, False, True]
    eager = Throttle(0.0)
    assert [eager.is_due('a'), eager.is_due('a')] == [True, True]
