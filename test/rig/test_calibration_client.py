"""Asking for a calibration where nobody can answer."""

from __future__ import annotations

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from s2r_depth_ros.rig import calibration_client
from s2r_depth_ros.rig.calibration_client import CalibrationRefusedError, ask_to_calibrate


@pytest.mark.parametrize(
    ('node', 'camera', 'reason'),
    [
        ('/no_such/depth', '', 'nobody serves /no_such/depth/calibrate_scale: is the node'),
        ('depth', 'rear', 'nobody serves /depth/rear/calibrate_scale'),
        ('/two words', '', 'no name of a service'),
        ('/depth', '9', 'no name of a service'),
    ],
)
def test_what_cannot_be_asked_is_named(
    node: str, camera: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration_client, '_DISCOVERY', 0.2)
    with pytest.raises(CalibrationRefusedError, match=reason):
        ask_to_calibrate(node, camera, 2.0, None)
