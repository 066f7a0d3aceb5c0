"""What the node publishes for a frame, on a real graph."""

from __future__ import annotations

from array import array
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from image_transport_format import decoded_depth
from ros_graph import HEIGHT, WIDTH, camera_info, picture, pixels, rgb_message, values_of
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, RegionOfInterest

from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.status import ERROR, WARN
from s2r_depth_ros.rig.clouds import read_xyz_rgb


@pytest.fixture(scope='session')
def estimator(tiny_model: Any) -> DepthEstimator:
    return DepthEstimator(tiny_model, device='cpu')


def test_every_output_has_the_header_of_its_image(live: Any) -> None:
    frame = live.graph.send(live.graph.image(frame_id='left_optical_frame'), camera_info())
    for recorder in live.outputs.values():
        assert live.graph.result(recorder, frame).header == frame.header


def test_depth_and_maps_are_those_of_the_estimator(live: Any, estimator: DepthEstimator) -> None:
    frame = live.graph.send(live.graph.image(seed=3), camera_info())
    expected = estimator.predict(picture(3), fx=150.0, maps=True)
    depth = live.graph.result(live.outputs[topics.DEPTH], frame)
    assert (depth.encoding, depth.height, depth.width) == ('32FC1', HEIGHT, WIDTH)
    np.testing.assert_allclose(pixels(depth), expected.depth, rtol=1e-3)
    assert np.nanmin(pixels(depth)) > 0
    for name, values in (
        (topics.STRUCTURE, expected.structure),
        (topics.ATTENTION, expected.attention),
    ):
        assert values is not None
        published = pixels(live.graph.result(live.outputs[name], frame))
        np.testing.assert_allclose(published / 255, values, atol=0.004)


def test_the_rectified_image_and_its_info_are_those_of_depth(live: Any) -> None:
    """As depth_image_proc takes them: undistorted, of the size, stamp and K of depth."""
    distorted = camera_info(d=[0.2, 0.0, 0.0, 0.0, 0.0])
    frame = live.graph.send(live.graph.image(seed=8), distorted)
    image = live.graph.result(live.outputs[topics.RECT_COLOR], frame)
    assert (image.encoding, image.height, image.width) == ('rgb8', HEIGHT, WIDTH)
    assert not np.array_equal(pixels(image), picture(8))
    cloud = live.graph.result(live.outputs[topics.POINTS], frame)
    points, colours = read_xyz_rgb(cloud)
    seen = np.isfinite(pixels(live.graph.result(live.outputs[topics.DEPTH], frame)))
    assert np.array_equal(pixels(image)[seen], colours[np.isfinite(points[:, 2])])
    info = live.graph.result(live.outputs[topics.RECT_INFO], frame)
    assert info == live.graph.result(live.outputs[topics.DEPTH_INFO], frame)
    assert not any(info.d)
    # Without distortion it is the image itself.
    frame = live.graph.send(live.graph.image(seed=8), camera_info())
    image = live.graph.result(live.outputs[topics.RECT_COLOR], frame)
    assert np.array_equal(pixels(image), picture(8))


@pytest.mark.parametrize('encoding', ['32FC1', '16UC1'])
def test_compressed_depth_is_the_depth_image(live: Any, encoding: str) -> None:
    assert live.graph.set('depth_encoding', encoding).successful
    frame = live.graph.send(live.graph.image(seed=8), camera_info())
    depth = pixels(live.graph.result(live.outputs[topics.DEPTH], frame))
    message = live.graph.result(live.outputs[topics.DEPTH_COMPRESSED], frame)
    assert message.format == f'{encoding}; compressedDepth png'
    tolerance = 0.01 if encoding == '32FC1' else 0
    np.testing.assert_allclose(decoded_depth(message), depth, rtol=tolerance)


def test_cloud_is_organised_and_projects_onto_its_pixels(live: Any) -> None:
    frame = live.graph.send(live.graph.image(seed=4), camera_info())
    cloud: PointCloud2 = live.graph.result(live.outputs[topics.POINTS], frame)
    depth = pixels(live.graph.result(live.outputs[topics.DEPTH], frame))
    assert (cloud.height, cloud.width, cloud.point_step) == (HEIGHT, WIDTH, 16)
    assert cloud.row_step == WIDTH * 16
    assert [field.name for field in cloud.fields] == ['x', 'y', 'z', 'rgb']
    assert not cloud.is_dense
    points, colours = read_xyz_rgb(cloud)
    rows, columns = np.indices((HEIGHT, WIDTH))
    z = depth.ravel()
    np.testing.assert_allclose(points[:, 2], z)
    np.testing.assert_allclose(points[:, 0], (columns.ravel() - 79.5) / 150 * z, rtol=1e-4)
    np.testing.assert_allclose(points[:, 1], (rows.ravel() - 59.5) / 150 * z, rtol=1e-4)
    assert np.array_equal(colours, picture(4).reshape(-1, 3))


def test_camera_info_is_scaled_to_the_image(live: Any) -> None:
    """Hand-computed: a window of 320x240 at (40, 20), binned by 2."""
    info = camera_info(
        width=400,
        height=300,
        k=[300.0, 0.0, 200.0, 0.0, 320.0, 140.0, 0.0, 0.0, 1.0],
        p=[0.0] * 12,
        binning_x=2,
        binning_y=2,
        roi=RegionOfInterest(x_offset=40, y_offset=20, width=320, height=240),
    )
    frame = live.graph.send(live.graph.image(), info)
    out: CameraInfo = live.graph.result(live.outputs[topics.DEPTH_INFO], frame)
    assert (out.width, out.height) == (WIDTH, HEIGHT)
    # c' = (c - offset + 0.5) / 2 - 0.5
    assert list(out.k) == pytest.approx([150, 0, 79.75, 0, 160, 59.75, 0, 0, 1])
    assert list(out.p) == pytest.approx([150, 0, 79.75, 0, 0, 160, 59.75, 0, 0, 0, 1, 0])
    assert not any(out.d)
    assert (max(1, out.binning_x), out.roi.x_offset, out.roi.width) == (1, 0, 0)


def test_longer_lens_means_farther_away(live: Any) -> None:
    near = live.graph.send(live.graph.image(seed=5), camera_info())
    near_depth = pixels(live.graph.result(live.outputs[topics.DEPTH], near))
    matrix = [300.0, 0.0, 79.5, 0.0, 300.0, 59.5, 0.0, 0.0, 1.0]
    far = live.graph.send(live.graph.image(seed=5), camera_info(k=matrix, p=[0.0] * 12))
    far_depth = pixels(live.graph.result(live.outputs[topics.DEPTH], far))
    np.testing.assert_allclose(far_depth, 2 * near_depth, rtol=1e-4)


def test_one_output_for_each_input_at_a_low_rate(live: Any) -> None:
    depth = live.outputs[topics.DEPTH]
    frames = []
    for seed in range(10):
        frames.append(live.graph.send(live.graph.image(seed), camera_info()))
        live.graph.result(depth, frames[-1])
    live.graph.status()
    stamps = [frame.header.stamp for frame in frames]
    published = [m.header.stamp for m in depth.messages if m.header.stamp in stamps]
    assert published == stamps


def _encoded(encoding: str) -> Image:
    message = rgb_message(picture(6))
    data: NDArray[Any]
    if encoding == 'bgr8':
        data = picture(6)[..., ::-1]
    elif encoding == 'rgb16':
        data = (picture(6).astype('>u2') * 257).view(np.uint8)
        message.is_bigendian = True
    else:
        data = cv2.cvtColor(picture(6), cv2.COLOR_RGB2BGRA)
    message.encoding = encoding
    message.data = array('B', np.ascontiguousarray(data).tobytes())
    message.step = len(message.data) // HEIGHT
    return message


@pytest.mark.parametrize('encoding', ['bgr8', 'bgra8', 'rgb16'])
def test_foreign_encodings_give_the_same_depth(
    live: Any, estimator: DepthEstimator, encoding: str
) -> None:
    message = _encoded(encoding)
    message.header = live.graph.image().header
    live.graph.send(message, camera_info())
    depth = pixels(live.graph.result(live.outputs[topics.DEPTH], message))
    np.testing.assert_allclose(depth, estimator.predict(picture(6), fx=150.0).depth, rtol=1e-3)


def test_bad_frames_are_named_and_the_next_one_works(live: Any) -> None:
    graph = live.graph
    truncated, unknown = graph.image(), graph.image()
    truncated.data = truncated.data[:-100]
    unknown.encoding = '32FC1'
    for bad, reason in ((truncated, 'truncated'), (unknown, "'32FC1' is not a colour encoding")):
        graph.send(bad, camera_info())
        status = graph.until_status(lambda s, _, r=reason: r in s.message, reason)
        assert status.level > WARN
    good = graph.send(graph.image(), camera_info())
    graph.result(live.outputs[topics.DEPTH], good)
    graph.until_fine()
    assert 'frame skipped: rgb8 image of 160x120' in live.process.log
    assert not live.outputs[topics.DEPTH].with_stamp(truncated)


@pytest.mark.parametrize(
    ('info', 'frame_id', 'reason'),
    [
        (camera_info(k=[0.0] * 9), 'zero_k', 'K of camera_info is all zero'),
        (camera_info(width=320, height=240), 'other_size', 'the image is 160x120'),
        (camera_info(distortion_model='magic', d=[0.1]), 'odd_model', 'magic'),
    ],
)
def test_without_intrinsics_depth_still_flows(
    live: Any, estimator: DepthEstimator, info: CameraInfo, frame_id: str, reason: str
) -> None:
    expected = estimator.predict(picture(2)).depth
    frame = live.graph.send(live.graph.image(seed=2, frame_id=frame_id), info)
    depth = pixels(live.graph.result(live.outputs[topics.DEPTH], frame))
    np.testing.assert_allclose(depth, expected, rtol=1e-3)
    # The attention map is published last: had there been a cloud, it would be here.
    live.graph.result(live.outputs[topics.ATTENTION], frame)

    def named(status: Any, _values: dict[str, str]) -> bool:
        # Or after 2 s the node would call itself stale.
        live.graph.send(live.graph.image(seed=2, frame_id=frame_id), info)
        return reason in status.message and 'no image on' not in status.message

    status = live.graph.until_status(named, reason)
    assert status.level == WARN
    assert values_of(status)['focal length correction'] == '1.0000'
    for name in (topics.POINTS, topics.DEPTH_INFO):
        assert not live.outputs[name].with_stamp(frame)


@pytest.mark.parametrize(
    ('info', 'reason'),
    [
        (camera_info(k=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]), 'K of camera_info has fx=1'),
        (camera_info(p=[1.0, *[0.0] * 4, 1.0, *[0.0] * 4, 1.0, 0.0]), 'P of camera_info has fx=1'),
        (
            camera_info(p=[300.0, 0.0, 159.5, 0.0, 0.0, 300.0, 119.5, *[0.0] * 3, 1.0, 0.0]),
            '100% of',
        ),
        (camera_info(d=[1000.0] * 5), 'of the rectified image come from the raw one'),
    ],
)
def test_placeholder_intrinsics_give_nothing_and_an_error(
    live: Any, info: CameraInfo, reason: str
) -> None:
    graph = live.graph

    def told(status: Any, _values: dict[str, str]) -> bool:
        graph.send(graph.image(seed=2), info)
        return reason in status.message

    assert graph.until_status(told, reason).level == ERROR
    bad = graph.send(graph.image(seed=2), info)
    good = graph.send(graph.image(), camera_info())
    for recorder in live.outputs.values():
        graph.result(recorder, good)
        assert not recorder.with_stamp(bad)
    graph.until_status(lambda s, _: reason not in s.message, 'another status')
    assert 'frame skipped: ' in live.process.log


@pytest.mark.parametrize(
    ('model', 'd'),
    [
        ('plumb_bob', [0.0] * 8),
        ('None', []),
        ('', [0.0] * 5),
        ('rational_polynomial', [0.0] * 5),
        ('Brown Conrady', [0.0] * 5),
    ],
)
@pytest.mark.parametrize('frame_id', ['', 'another', '/camera'])
def test_what_cannot_matter_is_no_reason_to_refuse_a_calibration(
    live: Any, estimator: DepthEstimator, model: str, d: list[float], frame_id: str
) -> None:
    graph = live.graph
    image, info = graph.image(seed=2), camera_info(distortion_model=model, d=d)
    info.header.stamp, info.header.frame_id = image.header.stamp, frame_id
    graph.publisher(CameraInfo, 'camera_info').publish(info)
    graph.publisher(Image, 'image').publish(image)
    expected = estimator.predict(picture(2), fx=150.0).depth
    depth = graph.result(live.outputs[topics.DEPTH], image)
    np.testing.assert_allclose(pixels(depth), expected, rtol=1e-3)
    for name in (topics.POINTS, topics.DEPTH_INFO):
        assert graph.result(live.outputs[name], image).header == image.header
    is_told = f'has frame_id {frame_id!r} but the image has' in live.process.log
    assert is_told == (frame_id != '/camera')  # the same, as ROS 1 has it


def test_a_fisheye_of_zeros_is_no_pinhole(live: Any) -> None:
    info = camera_info(distortion_model='fisheye', d=[0.0] * 4)
    frame = live.graph.send(live.graph.image(seed=2), info)
    _, colours = read_xyz_rgb(live.graph.result(live.outputs[topics.POINTS], frame))
    shown = colours.reshape(HEIGHT, WIDTH, 3)
    # Raw columns are 79.5 + 150 atan(x): the ideal one 18 is the raw one 21, of the next block.
    np.testing.assert_allclose(shown[50, 18], picture(2)[50, 21], atol=1)
    assert not np.allclose(shown[50, 18], picture(2)[50, 18], atol=1)


def test_diagnostics_say_what_runs(live: Any, tiny_model: Any) -> None:
    frame = live.graph.send(live.graph.image(), camera_info())
    live.graph.result(live.outputs[topics.DEPTH], frame)
    status = live.graph.until_status(lambda s, v: v['camera_info'] == 'ok', 'camera_info ok')
    values = values_of(status)
    assert values['model'] == 'tiny'
    assert len(values['model sha256']) == 64
    assert values['device'] in ('cpu', 'cuda', 'cuda:0')
    assert values['network input (height x width)'] == '96x128'
    assert values['focal length correction'] == f'{150 * 128 / 160 / 100:.4f}'
    assert float(values['inference p50 (ms)']) > 0
    assert float(values['latency from stamp to publish p50 (ms)']) > 0


def test_stamps_of_another_clock_are_kept_and_told(live: Any) -> None:
    """As from a bag played without its clock; also stamps that jump back, as when it loops."""
    graph = live.graph
    for second in (1000, 1001, 1000):
        frame = graph.image()
        frame.header.stamp.sec = second
        graph.send(frame, camera_info())
        graph.result(live.outputs[topics.DEPTH], frame)
    status = graph.until_status(lambda s, _: 'set use_sim_time' in s.message, 'the other clock')
    assert status.level == WARN
    assert float(values_of(status)['latency from stamp to publish p95 (ms)']) < 60_000
    frame = graph.send(graph.image(), camera_info())
    graph.result(live.outputs[topics.DEPTH], frame)
    graph.until_fine()
