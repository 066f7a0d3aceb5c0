"""The drives: every room through every setup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.inference.estimator import DepthEstimator, Prediction, View
from s2r_depth_training.synthetic.renderer.renderer import Renderer
from simulated_drive.counting import Figures, Tally
from simulated_drive.frames import HEIGHT, WIDTH, Drive, drive_through
from simulated_drive.grid import Mask
from simulated_drive.outputs import Outputs
from simulated_drive.rooms import Room
from simulated_drive.setups import LAYER, REACH, Setup
from simulated_drive.truth import seen_within
from simulated_drive.voxel_layer import VoxelLayer


class RoomResult(NamedTuple):
    """What came of one room. figures, lethal: by name of the setup; lethal: in the end.

    seen, free: cells of obstacles and of free floor that the robot saw on its way.
    scales: by name of the setup, the last one.
    """

    room: Room
    figures: dict[str, Figures]
    lethal: dict[str, Mask]
    seen: Mask
    free: Mask
    scales: dict[str, float]


class _Network:
    """Runs the network once for several setups that see the same image."""

    def __init__(self, estimator: DepthEstimator) -> None:
        self._estimator = estimator
        self._last: tuple[NDArray[np.uint8], Prediction] | None = None

    def predict(self, view: View) -> Prediction:
        """Return the depth of a view, whose ``finish`` changes nothing; the caller may write it."""
        if self._last is None or not np.array_equal(view.rgb, self._last[0]):
            self._last = view.rgb, self._estimator.predict(view.rgb, fx=view.fx)
        prediction = self._last[1]
        return prediction._replace(depth=prediction.depth.copy())


def drive(
    rooms: Iterator[Room], setups: Sequence[Setup], how: Drive, model: str
) -> Iterator[RoomResult]:
    """Yield what comes of each room."""
    estimator = DepthEstimator(model, device='cpu')
    with Renderer(WIDTH, HEIGHT) as renderer:
        for room in rooms:
            yield drive_room(room, setups, how, estimator, renderer)


def drive_room(
    room: Room, setups: Sequence[Setup], how: Drive, estimator: DepthEstimator, renderer: Renderer
) -> RoomResult:
    """Return what comes of one room."""
    network = _Network(estimator)
    nodes = [Outputs(setup, estimator.metadata, how.height) for setup in setups]
    maps = [VoxelLayer(room.grid, setup.layer) for setup in setups]
    tallies = [Tally(room, LAYER.robot_radius) for _ in setups]
    obstacles, free = np.zeros((2, *room.grid.shape), bool)
    for frame in drive_through(room, how, renderer):
        there = room.blocked_obstacles if frame.blocked else room.obstacles
        seen = seen_within(REACH, frame.depth, frame.camera, there, room.grid)
        for node, costmap, tally in zip(nodes, maps, tallies):
            costmap.update(node.of(frame, network.predict), room.way[frame.way])
            tally.add(frame, seen, costmap.lethal)
        if not frame.blocked:
            obstacles |= seen.obstacles
            free |= seen.free
    names = [setup.name for setup in setups]
    return RoomResult(
        room,
        dict(zip(names, (tally.figures() for tally in tallies))),
        dict(zip(names, (costmap.lethal for costmap in maps))),
        obstacles,
        free,
        dict(zip(names, (node.scale for node in nodes))),
    )
