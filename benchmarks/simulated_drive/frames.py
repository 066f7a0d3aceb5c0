"""What the camera of a robot sees on its way through a room."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s2r_depth_training.synthetic.geometry.camera import Camera
from s2r_depth_training.synthetic.looks.photo import sample_photo, take_photo
from s2r_depth_training.synthetic.renderer.renderer import Render, Renderer
from s2r_depth_training.synthetic.sources.lens import Lens, aim_camera
from simulated_drive.rooms import Room

WIDTH, HEIGHT = 320, 240  # px
_FIELD = math.radians(70)  # across
PITCH = math.radians(-12)
"""Up, rad: a little down, as robots have it."""
RATE = 5.0
"""Frames per second; at STEP metres from one to the next the robot drives 0.5 m/s."""
BLOCKED, WAITING = 10, 15
"""Frames that the robot stands for before somebody in its way has left, and after."""


@dataclass(frozen=True)
class Drive:
    """How a room is driven through. height: of the camera, m. moving: frames, at most."""

    height: float = 0.5
    moving: int = 1000


@dataclass(frozen=True)
class DriveFrame:
    """One image. depth: true, [H, W], m, +inf where nothing is hit.

    stamp: s from the start. way: index of the point of the way that the robot is at. blocked:
    whether somebody stands in the way.
    """

    stamp: float
    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    camera: Camera
    way: int
    blocked: bool

    @property
    def number(self) -> int:
        """Of the frame, from 0."""
        return round(self.stamp * RATE)

    @property
    def moving(self) -> bool:
        """Return whether the robot drives."""
        return self.number >= BLOCKED + WAITING


def drive_through(room: Room, drive: Drive, renderer: Renderer) -> Iterator[DriveFrame]:
    """Yield the frames of a drive: standing before somebody, standing when he left, then driving.

    The sensor's noise is drawn anew for each.
    """
    rng = np.random.default_rng(room.seed)
    photo = sample_photo(rng, HEIGHT)
    places = [0] * (BLOCKED + WAITING) + list(range(1, len(room.way)))[: drive.moving]
    seen: tuple[bool, int] | None = None
    for number, place in enumerate(places):
        blocked = number < BLOCKED
        if seen != (blocked, place):
            seen, camera = (
                (blocked, place),
                camera_at(room.way[place], room.yaw[place], drive.height),
            )
            image = renderer.render(room.blocked if blocked else room.scene, camera)
        rgb = take_photo(image.rgb, photo, rng)
        yield DriveFrame(number / RATE, rgb, _unhit_far(image), camera, place, blocked)


def camera_at(point: NDArray[np.float64], yaw: float, height: float) -> Camera:
    """Return the robot's camera at a point [2], m, ``height`` m over the floor. yaw: rad."""
    focal = WIDTH / 2 / math.tan(_FIELD / 2)
    lens = Lens(focal, focal, (WIDTH - 1) / 2, (HEIGHT - 1) / 2, WIDTH, HEIGHT)
    return aim_camera((float(point[0]), float(point[1]), height), float(yaw), PITCH, 0.0, lens)


def _unhit_far(image: Render) -> NDArray[np.float32]:
    return np.where(image.depth > 0, image.depth, np.float32(np.inf))
