"""CameraInfo messages of different libraries, and of rectified images, as a Calibration."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from s2r_depth_ros.geometry import (
    CalibrationError,
    ImplausibleError,
    Rectifier,
    calibration_from,
    image_size_of,
)

K = [300.0, 0.0, 150.0, 0.0, 310.0, 110.0, 0.0, 0.0, 1.0]
P = [280.0, 0.0, 155.0, -14.0, 0.0, 280.0, 115.0, 0.0, 0.0, 0.0, 1.0, 0.0]
R = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
ZEROS = [0.0] * 12


def info(ros_1: bool = False, **changes: Any) -> Any:
    roi = SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0, do_rectify=False)
    fields: dict[str, Any] = {
        'width': 320, 'height': 240, 'distortion_model': 'plumb_bob', 'd': [-0.2, 0.1, 0.0, 0.0],
        'k': K, 'r': R, 'p': P, 'binning_x': 0, 'binning_y': 0, 'roi': roi,
    }  # fmt: skip
    fields |= changes
    if ros_1:
        fields |= {name.upper(): np.array(fields.pop(name)) for name in 'dkrp'}
    return SimpleNamespace(**fields)


def test_both_ros_versions_say_the_same() -> None:
    assert calibration_from(info()) == calibration_from(info(ros_1=True))
    assert calibration_from(info()).d == (-0.2, 0.1, 0.0, 0.0, 0.0)


def test_the_size_of_the_images_without_looking_at_the_rest() -> None:
    roi = SimpleNamespace(x_offset=20, y_offset=20, width=200, height=100, do_rectify=True)
    assert image_size_of(info(k=ZEROS[:9])) == (320, 240)
    assert image_size_of(info(binning_x=2, binning_y=4)) == (160, 60)
    assert image_size_of(info(binning_x=2, roi=roi)) == (100, 100)
    assert image_size_of(info(width=0, height=0)) == (0, 0)


@pytest.mark.parametrize(
    'changes',
    [
        {},
        {'distortion_model': 'plumb_bob', 'd': [0.1] * 8},
        {'distortion_model': 'omni', 'd': [0.1] * 3},
        {'distortion_model': 'equidistant', 'd': [0.0] * 4},
        {'d': [float('nan')] * 5},
        {'r': [0.5] * 9},
        {'r': [float('nan')] * 9},
        {'k': ZEROS[:9]},
        {'k': R},  # the identity, as of an Ensenso
        {'k': [*K[:1], 9.0, *K[2:]]},
    ],
)
def test_of_rectified_images_only_p_is_looked_at(changes: dict[str, Any]) -> None:
    calibration = calibration_from(info(**changes), rectified=True)
    rectifier = Rectifier(calibration)
    assert rectifier.is_identity
    assert (rectifier.intrinsics.fx, rectifier.intrinsics.cx) == (280.0, 155.0)
    assert rectifier.calibration.p[3] == -14.0


def test_of_rectified_images_k_stands_for_a_missing_p() -> None:
    omni = info(p=ZEROS, distortion_model='omni', d=[0.1] * 3)
    rectifier = Rectifier(calibration_from(omni, rectified=True))
    assert rectifier.is_identity
    assert (rectifier.intrinsics.fx, rectifier.intrinsics.cx) == (300.0, 150.0)


@pytest.mark.parametrize('rectified', [False, True])
@pytest.mark.parametrize(
    'changes',
    [
        {'p': [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]},
        {'p': [140.0, 0.0, 77.0, 0.0, 0.0, 140.0, 57.0, 0.0, 0.0, 0.0, 1.0, 0.0]},
        {'p': [1300.0, *P[1:5], 1300.0, *P[6:]]},
        {'p': [float('nan'), *P[1:]]},
        {'k': R, 'p': ZEROS},
    ],
)
def test_nobody_believes_a_placeholder(changes: dict[str, Any], rectified: bool) -> None:
    with pytest.raises(ImplausibleError):
        calibration_from(info(**changes), rectified=rectified)


def test_a_small_skew_of_rectified_images_is_let_go_and_a_large_one_refused() -> None:
    def rectified(skew: float, **changes: Any) -> Rectifier:
        p = [280.0, skew, *P[2:]]
        return Rectifier(calibration_from(info(**{'p': p, **changes}), rectified=True))

    # 120 px above and below the middle the skew moves skew * 120 / 280.
    assert rectified(2.0).is_identity
    assert rectified(2.0).intrinsics == rectified(0.0).intrinsics
    with pytest.raises(CalibrationError, match=r'a skew of 3 pixels.*rectify: auto'):
        rectified(3.0)
    with pytest.raises(CalibrationError, match='a skew of 3 pixels'):
        rectified(0.0, k=[300.0, 3.0, *K[2:]], p=ZEROS)
    assert rectified(0.0, k=[300.0, 1.0, *K[2:]], p=ZEROS).is_identity
