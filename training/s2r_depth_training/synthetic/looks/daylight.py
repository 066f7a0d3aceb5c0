"""Sun, sky, ambient light and fog of outdoor scenes."""

from __future__ import annotations

import math
from random import Random

from s2r_depth_training.synthetic.geometry.scene import Colour, Light, Scene, Sky, colour_of
from s2r_depth_training.synthetic.looks.palette import linear


def set_daylight(r: Random, scene: Scene) -> None:
    """Set sun, sky, ambient light and fog: clear, hazy or overcast, from early to late."""
    elevation, azimuth = math.radians(r.uniform(10, 75)), r.uniform(0, 6.28)
    is_overcast = r.random() < 0.4
    level = math.cos(elevation)
    direction = (-math.cos(azimuth) * level, -math.sin(azimuth) * level, -math.sin(elevation))
    sun = _sun_colour(r, elevation, is_overcast)
    blue = linear(r.uniform(0.35, 0.65), r.uniform(0.6, 0.8), r.uniform(0.85, 1.0))
    zenith = blue
    if is_overcast:
        grey = r.uniform(0.75, 0.95)
        zenith = linear(grey, grey, grey)
    pale = linear(r.uniform(0.8, 0.95), r.uniform(0.85, 0.95), r.uniform(0.85, 1.0))
    ambient = r.uniform(0.5, 0.9)
    scene.lights = [Light(sun, direction, softness=r.uniform(0.0005, 0.0015))]
    cloud, cover = r.uniform(0.8, 1.1), 1.0 if is_overcast else r.random()
    scene.sky = Sky(zenith, pale, (cloud, cloud, cloud), cover, seed=r.uniform(0, 90))
    scene.ambient_up = colour_of(ambient * (0.5 * z + 0.5 * p) for z, p in zip(zenith, pale))
    scene.ambient_down = colour_of(ambient * 0.35 * c for c in (1.0, 0.95, 0.85))
    scene.fog_colour = colour_of(0.9 * p for p in pale)
    scene.fog_density = 0.0 if r.random() < 0.4 else 10 ** r.uniform(-3.3, -2.0)


def _sun_colour(r: Random, elevation: float, is_overcast: bool) -> Colour:
    """Draw the sun's light: weak when overcast, redder near the horizon; elevation: radians."""
    low = max(0.0, 1 - elevation / 0.6)
    strength = r.uniform(0.0, 0.5) if is_overcast else r.uniform(1.5, 3.5)
    return (strength, strength * (0.95 - 0.25 * low), strength * (0.88 - 0.45 * low))
