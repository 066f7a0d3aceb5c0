"""Procedural rooms, corridors, halls and warehouses."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from random import Random

import numpy as np

from s2r_depth_training.synthetic.geometry.camera import Camera
from s2r_depth_training.synthetic.geometry.scene import (
    Colour,
    Light,
    Scene,
    Sky,
    Vector,
    colour_of,
)
from s2r_depth_training.synthetic.looks.palette import linear
from s2r_depth_training.synthetic.randomness import random_from
from s2r_depth_training.synthetic.sources.builder import Builder, LocalFrame, Tabletop
from s2r_depth_training.synthetic.sources.furnishing import Disc, furnish
from s2r_depth_training.synthetic.sources.lens import Lens, aim_camera, sample_lens
from s2r_depth_training.synthetic.sources.poses import USUAL, PoseSpread
from s2r_depth_training.synthetic.sources.room import (
    RoomShape,
    build_ceiling,
    build_floor,
    build_neighbour,
    build_outside,
    build_wall,
    sample_materials,
    sample_shape,
    walls_of,
)

_TINTS: tuple[Colour, ...] = ((1, 1, 1), (1, 0.9, 0.75), (1, 0.8, 0.55), (0.88, 0.95, 1))


@dataclass
class RoomScene(Scene):
    """A room. discs: what furniture occupies of the floor."""

    shape: RoomShape = field(kw_only=True)
    discs: list[Disc] = field(kw_only=True)
    tabletops: list[Tabletop] = field(kw_only=True)


class IndoorSource:
    """Rooms, corridors, halls and warehouses, drawn from a seed."""

    nearest = 0.35

    def __init__(self, poses: PoseSpread = USUAL) -> None:
        self._poses = poses

    def build(self, rng: np.random.Generator) -> RoomScene:
        """Build a furnished room with its lights."""
        r = random_from(rng)
        b, shape = Builder(r), sample_shape(r)
        materials = sample_materials(b)
        build_floor(b, shape, materials.floor)
        windows: list[LocalFrame] = []
        has_view = False
        for f, length in walls_of(b, shape):
            for o in build_wall(f, length, shape, materials):
                if o.kind == 'passage' or (o.kind == 'door' and r.random() < 0.4):
                    build_neighbour(f, o, shape, materials)
                elif o.kind != 'door':
                    windows.append(f.frame(o.middle, 0, (o.low + o.high) / 2))
                has_view |= o.kind in ('window', 'door')
        if has_view:
            build_outside(b, shape)
        lamps = build_ceiling(b, shape, materials.ceiling)
        discs = furnish(b, shape)
        ambient = r.uniform(0.1, 0.35)
        warm = r.uniform(0.85, 1.0)
        lights = sample_lights(r, shape, lamps, windows)
        day, haze = linear(0.5, 0.7, 0.95), linear(0.85, 0.9, 0.95)
        return RoomScene(
            b.instances,
            b.materials,
            lights,
            b.roles,
            sky=Sky(day, haze, cover=r.random(), seed=r.uniform(0, 50)),
            ambient_up=(ambient, ambient * warm, ambient * warm),
            ambient_down=(ambient * 0.7, ambient * 0.7 * warm, ambient * 0.6 * warm),
            exposure=r.uniform(0.75, 1.3),
            occlusion=r.uniform(0.4, 0.8),
            far=60.0,
            shape=shape,
            discs=discs,
            tabletops=b.tabletops,
        )

    def sample_camera(
        self, scene: RoomScene, rng: np.random.Generator, width: int, height: int
    ) -> Camera:
        """Draw a camera: at eye level, low on a robot, close to a table, or under the ceiling."""
        r = random_from(rng)
        shape, tabletops, poses = scene.shape, scene.tabletops, self._poses
        lens = sample_lens(r, width, height, (math.radians(45), math.radians(95)))
        way = r.choices(['eye', 'low', 'close', 'high'], [5, 2.5, 2.5 if tabletops else 0, 0.7])[0]
        if way == 'close':
            return _close_up(r, shape, r.choice(tabletops), lens, poses)
        x, y = _free_spot(r, scene)
        # look across the room: toward a point on the other side, or anywhere
        tx, ty = (r.gauss(0, 0.25) * s for s in (shape.width, shape.depth))
        if shape.use == 'corridor' and r.random() < 0.8:
            tx, ty = r.gauss(0, 0.3), -math.copysign(shape.depth / 2, y)
        yaw = math.atan2(ty - y, tx - x) + r.gauss(0, 0.3)
        if r.random() < 0.15:
            yaw = r.uniform(-math.pi, math.pi)
        z, pitch = {
            'eye': (r.uniform(*poses.span(0.9, 1.75)), r.gauss(-0.17, 0.2 * poses.pitch)),
            'low': (r.uniform(*poses.span(0.12, 0.6)), r.gauss(0.03, 0.12 * poses.pitch)),
            'high': (shape.height - 0.35, r.uniform(-0.75, -0.25)),
        }[way]
        roll = r.gauss(0, 0.05 * poses.roll)
        return aim_camera((x, y, min(z, shape.height - 0.3)), yaw, pitch, roll, lens)


def sample_lights(
    r: Random, shape: RoomShape, lamps: list[Vector], windows: list[LocalFrame]
) -> list[Light]:
    """Choose the lights: lamps on the ceiling, daylight through windows, a lamp in the room.

    windows: a frame on each open or bright window, +y into the room. The first light, which
    casts the shadows, is the sun through a window or the lamp nearest to the middle.
    """
    reach = (0.65 * shape.height) ** 2 + 0.3
    lights = [_ceiling_light(r, at, reach) for at in r.sample(lamps, min(len(lamps), 4))]
    lights += [_window_light(r, window) for window in windows[:3]]
    if not lights or r.random() < 0.3:
        lights.append(_room_light(r, shape))
    if windows and r.random() < 0.5:
        lights.insert(0, lights.pop(-1 if len(lights) > len(lamps[:4]) else 0))
    return lights[:8]


def _ceiling_light(r: Random, at: Vector, reach: float) -> Light:
    """Draw the light of a lamp; reach: square of the distance that it is meant for, m^2."""
    power = reach * r.uniform(0.4, 1.3)
    colour = colour_of(c * power for c in r.choice(_TINTS))
    cone = -1.0 if r.random() < 0.7 else r.uniform(0.0, 0.5)
    direction = (r.gauss(0, 0.1), r.gauss(0, 0.1), -1)
    return Light(colour, direction, at, cone, r.uniform(0.001, 0.005))


def _window_light(r: Random, window: LocalFrame) -> Light:
    power = r.uniform(1, 5)
    colour = (power * 0.85, power * 0.93, power)
    into = window.world(0, 1, 0)
    heading = (into[0] - window.x, into[1] - window.y, -0.3)
    return Light(colour, heading, window.world(0, 0.15, 0), 0.15, r.uniform(0.002, 0.006))


def _room_light(r: Random, shape: RoomShape) -> Light:
    """Draw the light of a lamp that stands somewhere."""
    x, y = r.uniform(-0.4, 0.4) * shape.width, r.uniform(-0.4, 0.4) * shape.depth
    at = (x, y, r.uniform(0.6, 1.8))
    return Light(colour_of(c * r.uniform(0.5, 2) for c in r.choice(_TINTS)), (0.2, 0.1, -1), at)


def _close_up(r: Random, shape: RoomShape, top: Tabletop, lens: Lens, poses: PoseSpread) -> Camera:
    """Look down at a table top from close by, but from inside the room."""
    x, y, z, width, depth = top
    x += r.uniform(-0.3, 0.3) * width
    y += r.uniform(-0.3, 0.3) * depth
    yaw, distance = r.uniform(-math.pi, math.pi), r.uniform(0.5, 1.6)
    pitch = r.uniform(-0.9, -0.1)
    px = x - math.cos(yaw) * math.cos(pitch) * distance
    py = y - math.sin(yaw) * math.cos(pitch) * distance
    pz = min(z - math.sin(pitch) * distance + 0.05, shape.height - 0.2)
    px = min(max(px, 0.15 - shape.width / 2), shape.width / 2 - 0.15)
    py = min(max(py, 0.15 - shape.depth / 2), shape.depth / 2 - 0.15)
    yaw = math.atan2(y - py, x - px) + r.gauss(0, 0.12)
    return aim_camera((px, py, pz), yaw, pitch, r.gauss(0, 0.06 * poses.roll), lens)


def _free_spot(r: Random, scene: RoomScene) -> tuple[float, float]:
    """Find a point on the floor, as far from furniture as a few tries give."""
    shape = scene.shape
    best, best_gap = (0.0, 0.0), -9.0
    for _ in range(8):
        x = r.uniform(-0.5, 0.5) * (shape.width - 0.6)
        y = r.uniform(-0.5, 0.5) * (shape.depth - 0.6)
        gap = min((math.hypot(x - a, y - b) - c for a, b, c in scene.discs), default=9.0)
        if gap > best_gap:
            best, best_gap = (x, y), gap
        if gap > 0.45:
            break
    return best
