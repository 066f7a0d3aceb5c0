"""cv_bridge, where it is there and right, gives the same pixels as the conversion without it."""

from __future__ import annotations

import subprocess
import sys
from array import array

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from ros_graph import ROOT
from sensor_msgs.msg import Image

from s2r_depth_ros.media import pixels
from s2r_depth_ros.media.pixels import PIXELS, ConversionError
from s2r_depth_ros.node import conversions
from s2r_depth_ros.node.conversions import convert_with_cv_bridge, image_to_rgb


def test_cv_bridge_and_stand_in_agree() -> None:
    """On whole images of every encoding for which cv_bridge is used."""
    pytest.importorskip('cv_bridge', reason='needs cv_bridge')
    encodings = conversions._bridge_encodings()
    assert {'rgb8', 'bgr8', 'mono8', 'bgra8', 'bayer_rggb8'} <= encodings
    assert not {e for e in encodings if '16' in e or 'yuv' in e}
    for encoding in encodings:
        step = 64 * PIXELS[encoding].channels
        rows = np.random.default_rng(1).integers(0, 256, (48, step)).astype(np.uint8)
        message = Image(height=48, width=64, encoding=encoding, step=step)
        message.data = array('B', rows.tobytes())
        assert np.array_equal(convert_with_cv_bridge(message), pixels.image_to_rgb(message))
        assert np.array_equal(image_to_rgb(message), pixels.image_to_rgb(message))
        message.data = message.data[:-1]
        with pytest.raises(ConversionError, match='truncated'):
            image_to_rgb(message)


@pytest.mark.parametrize('failure', ['ImportError', 'AttributeError', 'SystemError'])
def test_a_broken_cv_bridge_is_done_without(failure: str) -> None:
    """As where it was built for another NumPy; in a fresh process, as it is tried once."""
    script = f"""
import sys, types
class Broken(types.ModuleType):
    def __getattr__(self, name):
        raise {failure}('_ARRAY_API not found')
sys.modules['cv_bridge'] = Broken('cv_bridge')
from array import array
from sensor_msgs.msg import Image
from s2r_depth_ros.node.conversions import image_to_rgb
data = array('B', [1, 2, 3])
print(image_to_rgb(Image(encoding='bgr8', height=1, width=1, step=3, data=data)).tolist())
"""
    result = subprocess.run(
        [sys.executable, '-c', script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.stdout.strip() == '[[[3, 2, 1]]]', result.stderr
