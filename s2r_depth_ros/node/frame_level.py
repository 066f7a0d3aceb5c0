"""Whether, and by how much, a camera's frames are levelled before the network sees them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from std_msgs.msg import Header

from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.geometry.level import (
    TurnedView,
    angle_of,
    pitch_and_roll,
    rotation_to_pose,
)
from s2r_depth_ros.inference.estimator import Prediction, View
from s2r_depth_ros.inference.finishing import Finish, finish_on_host
from s2r_depth_ros.network.metadata import ModelMetadata
from s2r_depth_ros.node.conversions import seconds
from s2r_depth_ros.node.gravity import Down, Gravity
from s2r_depth_ros.node.parameters import Values

STEEPEST = math.radians(60)
"""Pitch, up or down, from which on roll says too little, and frames are not levelled."""

# Roll beyond the model's range from which on frames are turned: nearer to it, what turning gives is
# within what it costs. Those of a turned camera are turned until its roll is in the range.
_TOLERATED = math.radians(10)
_SAME = math.radians(0.2)  # between directions that the same turned view serves for
_LEVEL = (0.0, 0.0)  # of a model that does not tell its angles


@dataclass(frozen=True)
class Leveled:
    """How a frame is levelled. turned: None if it is not. text: that in words, for diagnostics.

    problem: what is worth a warning, with the remedy, '' if nothing is.
    """

    turned: TurnedView | None
    text: str
    problem: str = ''


NOT_LEVELED = Leveled(None, 'no: nobody wants depth')
"""Of a frame that the network does not see."""


class FrameLevel:
    """Levels the frames of one camera: turned upright if it is rolled far beyond the training.

    Pitch stays as it is: turned away it costs more than it gives (benchmarks/level_camera.py).
    """

    def __init__(self, gravity: Gravity, model: ModelMetadata) -> None:
        self._gravity = gravity
        self._rolls = model.roll_range or _LEVEL
        self._pitches = model.pitch_range
        self._last: tuple[Intrinsics, tuple[float, float, float], Leveled] | None = None

    def find(self, header: Header, intrinsics: Intrinsics | None, values: Values) -> Leveled:
        """Return how the frame with ``header`` is levelled; intrinsics: None if not known."""
        if values.level == 'never':
            return Leveled(None, 'never')
        if intrinsics is None:
            return Leveled(None, 'no: there is no camera_info')
        down = self._gravity.down(header.frame_id, seconds(header.stamp))
        if down.vector is None:
            # Whoever chose the Imu wants to know; TF may simply not be there.
            return Leveled(None, f'no: {down.problem}', down.problem * (down.source == 'imu'))
        last = self._last
        if last and last[0] == intrinsics and math.dist(last[1], down.vector) < _SAME:
            return last[2]
        leveled = self._leveled(intrinsics, down, header.frame_id)
        self._last = (intrinsics, down.vector, leveled)
        return leveled

    def _leveled(self, intrinsics: Intrinsics, down: Down, frame: str) -> Leveled:
        assert down.vector is not None
        pitch, roll = pitch_and_roll(down.vector)
        pose = f'pitch {round(math.degrees(pitch))}, roll {round(math.degrees(roll))} degrees'
        if abs(pitch) > STEEPEST:
            return Leveled(None, f'no: {pose} is too steep', _looks_up(pitch, frame))
        if self._pitches and not self._pitches[0] <= pitch <= self._pitches[1]:
            low, high = map(math.degrees, self._pitches)
            pose += f'; the model was trained with pitches of {low:.0f} to {high:.0f}'
        margin = 0.0 if self._last and self._last[2].turned else _TOLERATED
        if self._rolls[0] - margin <= roll <= self._rolls[1] + margin:
            return Leveled(None, f'not needed ({pose})')
        rotation = rotation_to_pose(down.vector, pitch, 0.0)
        turn = angle_of(rotation)
        view = TurnedView(intrinsics, rotation)
        return Leveled(view, f'turned by {math.degrees(turn):.0f} degrees ({pose})')


def turned_view(view: View, turned: TurnedView) -> View:
    """Return what the network is to see instead; ``view.finish`` is left for ``turned_back``."""
    return View(turned.turn(view.rgb), turned.intrinsics.fx, view.maps)


def turned_back(prediction: Prediction, turned: TurnedView, finish: Finish) -> Prediction:
    """Return what the network gave for a turned view, for the camera itself, and finished."""
    return prediction._replace(
        depth=finish_on_host(turned.depth_back(prediction.depth), finish),
        structure=None if prediction.structure is None else turned.turn_back(prediction.structure),
        attention=None if prediction.attention is None else turned.turn_back(prediction.attention),
    )


def _looks_up(pitch: float, frame: str) -> str:
    """Return a warning for a camera that looks at the ceiling: few do, and none in a body frame."""
    if pitch < 0:
        return ''
    return (
        f'the camera {frame} looks {math.degrees(pitch):.0f} degrees up: if it does not, {frame} '
        'is no optical frame (z ahead, x right, y down, REP-103): correct frame_id in its driver, '
        'or the transform'
    )
