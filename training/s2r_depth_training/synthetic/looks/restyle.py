"""The same geometry in another look."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np

from s2r_depth_training.synthetic.geometry.scene import AnyScene, Light, Material, colour_of
from s2r_depth_training.synthetic.looks.wardrobe import Wardrobe
from s2r_depth_training.synthetic.randomness import random_from

FIXED_PATTERNS = ('road', 'textured', 'foliage')
"""Patterns that ``restyle`` keeps (recoloured): they need what the geometry brings."""

_OUT_OF_PLACE = ('any', 'wall', 'stone', 'cloth', 'picture')
"""Roles whose look a surface may get without regard to what it is."""


def restyle(scene: AnyScene, rng: np.random.Generator, wild: float = 0.35) -> AnyScene:
    """Return the same geometry with new materials, palette and light.

    wild: share of materials drawn without regard to what the surface is. Meshes, instances and
    with them every depth stay as they are (the lists are shared, not copied).
    """
    random = random_from(rng)
    wardrobe = Wardrobe(random)
    materials = [
        _restyle_material(old, role, wardrobe, random, wild)
        for old, role in zip(scene.materials, scene.roles)
    ]
    gain = [random.uniform(0.7, 1.35) for _ in range(3)]
    return replace(
        scene,
        materials=materials,
        lights=[_restyle_light(light, random) for light in scene.lights],
        ambient_up=colour_of(c * g for c, g in zip(scene.ambient_up, gain)),
        ambient_down=colour_of(c * g for c, g in zip(scene.ambient_down, gain)),
        exposure=scene.exposure * random.uniform(0.7, 1.4),
        sky=replace(scene.sky, cover=random.random(), seed=random.uniform(0, 50)),
    )


def _restyle_material(
    old: Material, role: str, wardrobe: Wardrobe, random: Random, wild: float
) -> Material:
    """Draw another material for a surface; what glows goes on glowing as brightly."""
    new = wardrobe.material(role)
    if old.pattern in FIXED_PATTERNS:
        kept = random.uniform(0.3, 1.0) if random.random() < 0.6 else 0.0
        amount = kept if old.pattern == 'textured' else new.amount
        new = replace(new, pattern=old.pattern, extra=old.extra, amount=amount)
        if old.pattern == 'textured':
            other = wardrobe.material('any')
            new = replace(new, colour=other.colour, second=other.second)
    elif random.random() < wild and old.glow == 0:
        new = wardrobe.material(random.choice(_OUT_OF_PLACE))
    if old.glow > 0:
        new = replace(new, glow=old.glow)
    return new


def _restyle_light(light: Light, random: Random) -> Light:
    """Change the colour and strength of a light, not its position."""
    gain = random.uniform(0.5, 1.6)
    colour = colour_of(c * gain * random.uniform(0.75, 1.25) for c in light.colour)
    return replace(light, colour=colour)
