"""A frame's messages, without a graph."""

from __future__ import annotations

from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from frame_pipelines import pipeline_of
from ros_graph import camera_info, picture, pixels, rgb_message
from sensor_msgs.msg import Image

from s2r_depth_ros.inference import estimator as estimator_module
from s2r_depth_ros.inference.estimator import DepthEstimator
from s2r_depth_ros.inference.sharing import Inference
from s2r_depth_ros.media.point_clouds import structured_points
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.frame import Result
from s2r_depth_ros.node.parameters import Values, with_changes

DEFAULTS = Values()
WANTED = {topics.DEPTH, topics.POINTS, topics.STRUCTURE, topics.ATTENTION}


def _result(estimator: DepthEstimator, values: Values, wanted: set[str], **info: Any) -> Result:
    pipeline = pipeline_of(estimator.metadata)
    frame = pipeline.prepare(
        rgb_message(picture()), lambda *_: (camera_info(**info), ''), wanted, values
    )
    assert frame.view is not None
    (prediction,) = estimator.predict_batch([frame.view])
    return pipeline.finish(frame, Inference(prediction, 0.1, 1), values)


def _messages(estimator: DepthEstimator, values: Values, **info: Any) -> dict[str, Any]:
    return dict(_result(estimator, values, WANTED, **info).messages)


@pytest.mark.parametrize(
    'changes', [{}, {'edge_filter.enable': True}, {'cloud.stride': 2}, {'out_of_range': 'infinite'}]
)
def test_messages_are_the_same_wherever_depth_is_finished(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    estimator = DepthEstimator(tiny_model, device='cpu')
    lens = {'d': [0.3, 0.1, 0.0, 0.0, 0.0]}
    plain = pixels(_messages(estimator, DEFAULTS, **lens)[topics.DEPTH])
    nearest, farthest = (float(d) for d in np.nanpercentile(plain * 1.5, (10, 90)))
    values = replace(DEFAULTS, depth_scale=1.5, min_depth=nearest, max_depth=farthest)
    values = with_changes(values, changes)
    here = _messages(estimator, values, **lens)
    monkeypatch.setattr(estimator_module, 'on_host', lambda _: False)
    there = _messages(estimator, values, **lens)
    assert here.keys() == there.keys() == WANTED
    for name in WANTED - {topics.POINTS}:
        np.testing.assert_array_equal(pixels(here[name]), pixels(there[name]))
    depth = pixels(there[topics.DEPTH])
    assert np.isnan(plain).any(), 'the lens leaves no pixel out'
    assert 0.2 < (~np.isfinite(depth)).mean() < 0.9
    one, other = (structured_points(m[topics.POINTS]) for m in (here, there))
    for field in 'xyz':
        np.testing.assert_array_equal(one[field], other[field])
    np.testing.assert_array_equal(one['rgb'].view(np.uint32), other['rgb'].view(np.uint32))
    shown = np.where(np.isfinite(depth), depth, np.float32(np.nan))
    stride = values.cloud.stride
    z = other['z'].reshape(-(-len(depth) // stride), -1)
    np.testing.assert_array_equal(z, shown[::stride, ::stride])
    for field in ('width', 'height', 'row_step', 'point_step', 'is_dense'):
        assert getattr(here[topics.POINTS], field) == getattr(there[topics.POINTS], field)


@pytest.mark.parametrize('wanted', [{topics.SCALE}, {topics.SCALE, topics.DEPTH}])
def test_who_measures_the_scale_sees_depth_beyond_its_limits(
    tiny_model: Path, wanted: set[str]
) -> None:
    """A depth that is too far as yet may be within max_depth once the scale is right."""
    estimator = DepthEstimator(tiny_model, device='cpu')
    plain = pixels(_messages(estimator, DEFAULTS)[topics.DEPTH])
    nearest, farthest = (float(d) for d in np.percentile(plain, (30, 60)))
    values = replace(DEFAULTS, min_depth=nearest, max_depth=farthest)
    result = _result(estimator, values, wanted)
    assert result.unscaled is not None
    np.testing.assert_array_equal(result.unscaled.depth, plain)
    if topics.DEPTH in wanted:
        shown = pixels(result.messages[topics.DEPTH])
        expected = np.where((plain >= nearest) & (plain <= farthest), plain, np.nan)
        np.testing.assert_allclose(shown, expected, rtol=1e-6)


def test_dark_frames_of_a_deep_camera_stay_dark() -> None:
    """A camera's 16-bit pixels are scaled by the bits that it was seen to use."""
    pipeline, bright = pipeline_of(), np.full((48, 64), 4000, np.uint16)

    def seen(values: NDArray[np.uint16]) -> int:
        message = Image(height=48, width=64, encoding='mono16', step=128)
        message.data = array('B', values.tobytes())
        view = pipeline.prepare(message, lambda *_: (None, ''), {topics.DEPTH}, DEFAULTS).view
        assert view is not None
        return int(view.rgb.max())

    assert seen(bright) == round(4000 * 255 / 4095)
    assert seen(bright // 16) == round(250 * 255 / 4095)
