"""Materials by role, and `restyle`: the same geometry in another look.

A role says what a surface is for ('wall', 'wood', 'leaf', ...). A Wardrobe draws a material for
a role, with a palette that the materials of one scene share.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import replace
from random import Random

import numpy as np

from s2r_depth_training.synthetic.scene import Light, Material, Scene

Colour = tuple[float, float, float]

FIXED_PATTERNS = ('road', 'textured', 'foliage')
"""Patterns that `restyle` keeps (recoloured): they need what the geometry brings."""


def linear(red: float, green: float, blue: float) -> Colour:
    """Turn a display colour in [0, 1] into the linear light that the renderer wants."""
    red, green, blue = (min(max(c, 0.0), 1.0) ** 2.2 for c in (red, green, blue))
    return (red, green, blue)


def random_from(rng: np.random.Generator) -> Random:
    """Derive Python's generator, ten times faster for single numbers, from numpy's."""
    return Random(int(rng.integers(2**62)))


class Wardrobe:
    """Draws materials for roles from one random palette."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.palette = [self._hsv((0.0, 0.5), (0.15, 0.9)) for _ in range(5)]
        self.lamp_tint = random.choice([(1, 1, 1), (1, 0.93, 0.8), (1, 0.85, 0.65), (0.9, 0.95, 1)])
        self._roles: dict[str, Callable[[], Material]] = {
            name[5:]: getattr(self, name) for name in dir(self) if name.startswith('role_')
        }

    def material(self, role: str) -> Material:
        """Draw a material for a role; KeyError for a role that does not exist."""
        return self._roles[role]()

    def _hsv(self, saturation: tuple[float, float], value: tuple[float, float]) -> Colour:
        r = self.random
        return linear(*colorsys.hsv_to_rgb(r.random(), r.uniform(*saturation), r.uniform(*value)))

    def _near(self, red: float, green: float, blue: float, vary: float = 0.12) -> Colour:
        """Return a colour near a display colour, brighter or darker."""
        r = self.random
        gain = r.uniform(0.6, 1.35)
        return linear(
            *(min(c * gain * r.uniform(1 - vary, 1 + vary), 1) for c in (red, green, blue))
        )

    def _pale(self) -> Colour:
        return self._hsv((0.0, 0.22), (0.6, 0.97))

    def _grey(self, low: float = 0.1, high: float = 0.7) -> Colour:
        v = self.random.uniform(low, high)
        return linear(*(v * self.random.uniform(0.94, 1.06) for _ in range(3)))

    def _wood(self) -> Colour:
        return self._near(
            *self.random.choice(
                [
                    (0.6, 0.42, 0.26),
                    (0.75, 0.6, 0.42),
                    (0.4, 0.25, 0.16),
                    (0.85, 0.75, 0.6),
                    (0.5, 0.33, 0.2),
                ]
            )
        )

    def _green(self) -> Colour:
        return self._near(
            *self.random.choice([(0.3, 0.42, 0.18), (0.42, 0.5, 0.2), (0.2, 0.33, 0.16)])
        )

    def _any(self) -> Colour:
        r = self.random
        draw = r.random()
        if draw < 0.3:
            return self._grey(0.06, 0.95)
        if draw < 0.6:
            return r.choice(self.palette)
        return (
            self._hsv((0.0, 0.4), (0.1, 0.95)) if draw < 0.85 else self._hsv((0.3, 0.9), (0.2, 0.9))
        )

    def _make(self, pattern: str, colour: Colour, second: Colour | None = None, **more) -> Material:
        r = self.random
        if pattern in ('mottled', 'grain') and r.random() < 0.8:
            second = tuple(min(c * r.uniform(0.6, 1.2), 1.0) for c in colour)  # stains are faint
        values = {'seed': r.uniform(0, 30), 'amount': r.random(), **more}
        return Material(pattern, colour, second or self._any(), **values)

    def _pattern(self, weights: dict[str, float]) -> str:
        return self.random.choices(list(weights), list(weights.values()))[0]

    def _gloss(self) -> float:
        return self.random.choice([0.0, 0.05, 0.2, 0.5]) * self.random.random()

    def role_any(self) -> Material:
        """Draw: any object of a household."""
        kind = self._pattern(
            {
                'plain': 5,
                'mottled': 1.2,
                'stripes': 0.6,
                'dots': 0.3,
                'planks': 1.2,
                'poster': 0.8,
                'weave': 0.7,
                'marble': 0.3,
                'panels': 0.3,
            }
        )
        if kind == 'planks':
            return self.role_wood()
        scale = 2 ** self.random.uniform(0, 4)
        return self._make(kind, self._any(), scale=scale, gloss=self._gloss())

    def role_wall(self) -> Material:
        """Draw: indoor walls: mostly plain paint, sometimes paper, tiles, brick or wood."""
        r = self.random
        kind = self._pattern(
            {
                'plain': 6,
                'mottled': 1.5,
                'tiles': 0.6,
                'bricks': 0.6,
                'planks': 0.5,
                'stripes': 0.4,
                'panels': 0.4,
                'weave': 0.3,
                'dots': 0.15,
            }
        )
        colour = self._pale() if r.random() < 0.75 else self._any()
        second = self._pale() if r.random() < 0.7 else self._any()
        octave = {
            'tiles': (1, 3.3),
            'bricks': (1, 2.6),
            'planks': (0.5, 2),
            'stripes': (1, 3.5),
            'panels': (-0.5, 1.5),
        }.get(kind, (0, 3))
        bump = r.choice([0, 0, 0.1, 0.3])
        return self._make(
            kind,
            colour,
            second,
            scale=2 ** r.uniform(*octave),
            bump=bump,
            gloss=0.15 * self._gloss(),
        )

    def role_ceiling(self) -> Material:
        """Draw: mostly white, plain or with panels."""
        kind = self._pattern({'plain': 7, 'panels': 2, 'planks': 0.5, 'mottled': 0.7})
        scale = 1.0 / self.random.choice([0.6, 0.6, 1.2]) if kind == 'panels' else 1.5
        return self._make(kind, self._hsv((0, 0.08), (0.75, 1)), self._grey(0.5, 0.9), scale=scale)

    def role_floor(self) -> Material:
        """Draw: wood, tiles, carpet, concrete, stone."""
        r = self.random
        kind = self._pattern(
            {
                'planks': 4,
                'tiles': 2.5,
                'grain': 2,
                'mottled': 1,
                'plain': 0.8,
                'marble': 0.4,
                'panels': 0.6,
                'cobbles': 0.2,
            }
        )
        if kind == 'planks':
            return replace(self.role_wood(), scale=2 ** r.uniform(1, 2.6), gloss=r.random() * 0.6)
        scale = {'tiles': 2 ** r.uniform(0.7, 2.5), 'grain': 2 ** r.uniform(2, 4)}.get(
            kind, 2 ** r.uniform(0, 2)
        )
        first = self._grey(0.2, 0.85) if r.random() < 0.6 else self._any()
        second = self._grey(0.2, 0.85) if r.random() < 0.7 else self._any()
        return self._make(
            kind, first, second, scale=scale, gloss=self._gloss(), bump=r.choice([0, 0.1])
        )

    def role_wood(self) -> Material:
        """Draw: boards and veneer."""
        wood = self._wood()
        second = tuple(c * self.random.uniform(0.5, 0.9) for c in wood)
        return self._make(
            'planks',
            wood,
            second,
            scale=2 ** self.random.uniform(0, 2.5),
            amount=self.random.random() ** 2,
            gloss=self._gloss(),
        )

    def role_cloth(self) -> Material:
        """Draw: upholstery, curtains, clothes, bedding."""
        kind = self._pattern(
            {
                'weave': 4,
                'plain': 2,
                'mottled': 1,
                'stripes': 0.8,
                'dots': 0.4,
                'poster': 0.3,
                'grain': 1,
            }
        )
        return self._make(kind, self._any(), scale=2 ** self.random.uniform(1.5, 4.5), bump=0.2)

    def role_metal(self) -> Material:
        """Draw: steel, aluminium, chrome."""
        return self._make('plain', self._grey(0.3, 0.85), gloss=self.random.uniform(0.3, 1.0))

    def role_dark(self) -> Material:
        """Draw: black plastic, rubber, screens that are off."""
        return self._make('plain', self._grey(0.04, 0.3), gloss=self.random.uniform(0.1, 0.8))

    def role_paint(self) -> Material:
        """Draw: painted sheet metal: cars, appliances, machines."""
        r = self.random
        colour = self._grey(0.08, 0.97) if r.random() < 0.7 else self._hsv((0.3, 0.85), (0.2, 0.8))
        return self._make('plain', colour, gloss=r.uniform(0.3, 1.0))

    def role_plastic(self) -> Material:
        """Draw: small bright things."""
        return self._make('plain', self._hsv((0.1, 0.95), (0.25, 0.97)), gloss=self.random.random())

    def role_card(self) -> Material:
        """Draw: cardboard and paper."""
        r = self.random
        colour = self._near(0.72, 0.57, 0.4) if r.random() < 0.7 else self._pale()
        return self._make(
            r.choice(['plain', 'mottled']), colour, tuple(c * 0.8 for c in colour), scale=4
        )

    def role_picture(self) -> Material:
        """Draw: posters, paintings, signs, packaging."""
        r = self.random
        return self._make('poster', self._any(), scale=r.uniform(1, 4), amount=r.uniform(0.5, 1))

    def role_screen(self) -> Material:
        """Draw: monitors that are on."""
        r = self.random
        back, ink = (
            (self._grey(0.8, 1), self._any())
            if r.random() < 0.5
            else (self._grey(0.02, 0.2), self._pale())
        )
        return self._make(
            'screen', back, ink, scale=r.uniform(1.2, 2.2), glow=r.uniform(0.5, 1.5), gloss=0.2
        )

    def role_books(self) -> Material:
        """Draw: rows of books, folders or boxes."""
        return self._make('books', self._any(), scale=self.random.uniform(14, 40))

    def role_goods(self) -> Material:
        """Draw: rows of goods on a shop's or warehouse's shelf."""
        r = self.random
        return self._make(
            'books', self._any(), scale=r.uniform(3, 12), extra=(float(r.random() < 0.5), 0.0)
        )

    def role_lamp(self) -> Material:
        """Draw: what shines itself."""
        return self._make('plain', self.lamp_tint, glow=self.random.uniform(1.5, 5))

    def role_pane(self) -> Material:
        """Draw: a window full of daylight."""
        r = self.random
        kind = r.choice(['plain', 'mottled', 'facade', 'poster'])
        glow = r.choice([0.3, 1, 3, 5]) * r.random()
        return self._make(
            kind,
            self._hsv((0, 0.25), (0.6, 1)),
            self._hsv((0, 0.5), (0.3, 0.9)),
            scale=r.uniform(0.5, 2),
            glow=glow,
            amount=0.4,
            gloss=0.5,
        )

    def role_glass(self) -> Material:
        """Draw: car windows, glazed doors: dark and shiny."""
        return self._make('glass', self._near(0.16, 0.19, 0.22), gloss=self.random.uniform(0.6, 1))

    def role_leaf(self) -> Material:
        """Draw: leaves: green, sometimes autumn."""
        first, second = self._green(), self._green()
        if self.random.random() < 0.08:
            first = self._near(0.65, 0.42, 0.15)
        return self._make('foliage', first, second, scale=2 ** self.random.uniform(0, 1.5))

    def role_bark(self) -> Material:
        """Draw: trunks and branches."""
        bark = self._near(0.32, 0.26, 0.2)
        return self._make('mottled', bark, tuple(c * 0.5 for c in bark), scale=5, bump=0.6)

    def role_skin(self) -> Material:
        """Draw: faces and hands."""
        return self._make('plain', self._near(0.75, 0.55, 0.44, 0.05), gloss=0.1)

    def role_hair(self) -> Material:
        """Draw: hair."""
        return self._make('grain', self._near(0.3, 0.2, 0.13), self._near(0.2, 0.14, 0.1), scale=8)

    def role_asphalt(self) -> Material:
        """Draw: road surface; the road's own uv make its lane lines."""
        r = self.random
        paint = self._grey(0.65, 0.95) if r.random() < 0.85 else self._near(0.85, 0.68, 0.2)
        return self._make(
            'road', self._grey(0.22, 0.58), paint, scale=1.0, amount=r.random() ** 1.5
        )

    def role_pavement(self) -> Material:
        """Draw: sidewalks and yards."""
        r = self.random
        kind = self._pattern({'tiles': 4, 'grain': 2, 'mottled': 2, 'cobbles': 1, 'bricks': 1})
        grey = self._grey(0.35, 0.75)
        scale = {'grain': 3.0, 'mottled': 1.0}.get(kind, 2 ** r.uniform(0.3, 2.6))
        return self._make(
            kind, grey, tuple(c * r.uniform(0.6, 1) for c in grey), scale=scale, bump=0.2
        )

    def role_grass(self) -> Material:
        """Draw: lawn, meadow, bare earth."""
        r = self.random
        second = self._green() if r.random() < 0.7 else self._near(0.5, 0.4, 0.27)
        return self._make('grain', self._green(), second, scale=2 ** r.uniform(1, 3), bump=0.5)

    def role_stone(self) -> Material:
        """Draw: kerbs, walls and concrete."""
        r = self.random
        kind = self._pattern({'mottled': 4, 'bricks': 2, 'cobbles': 1, 'plain': 1})
        grey = self._grey(0.35, 0.8) if r.random() < 0.7 else self._near(0.62, 0.5, 0.4)
        return self._make(
            kind,
            grey,
            tuple(c * r.uniform(0.5, 0.9) for c in grey),
            scale=2 ** r.uniform(0.3, 2),
            bump=0.3,
        )

    def role_facade(self) -> Material:
        """Draw: house fronts with rows of windows."""
        r = self.random
        colour = (
            self._pale()
            if r.random() < 0.5
            else self._near(
                *r.choice([(0.6, 0.42, 0.35), (0.7, 0.6, 0.45), (0.5, 0.5, 0.5), (0.8, 0.7, 0.5)])
            )
        )
        kind = 'facade' if r.random() < 0.85 else r.choice(['bricks', 'mottled', 'panels'])
        return self._make(kind, colour, self._pale(), scale=2 ** r.uniform(-0.3, 0.5))

    def role_rooftile(self) -> Material:
        """Draw: pitched roofs."""
        colour = (
            self._near(0.5, 0.28, 0.2) if self.random.random() < 0.6 else self._grey(0.15, 0.45)
        )
        return self._make('stripes', colour, tuple(c * 0.7 for c in colour), scale=3.5, amount=0)

    def role_shopfront(self) -> Material:
        """Draw: glazing at street level."""
        return self._make(
            'panels',
            self._near(0.14, 0.16, 0.18),
            self._grey(0.1, 0.8),
            scale=self.random.uniform(0.4, 0.9),
            gloss=0.8,
        )

    def role_sheet(self) -> Material:
        """Draw: corrugated sheet: containers, halls, roller shutters."""
        colour = self._hsv((0.0, 0.7), (0.3, 0.85))
        return self._make(
            'corrugated',
            colour,
            self._near(0.4, 0.28, 0.2),
            scale=2 ** self.random.uniform(1.5, 3.5),
        )

    def role_textured(self) -> Material:
        """Draw: a mesh with a texture of its own, as it is."""
        return self._make('textured', (1.0, 1.0, 1.0), amount=0.0, gloss=self.random.random() * 0.2)


def restyle_light(light: Light, random: Random) -> Light:
    """Change the colour and strength of a light, not its place."""
    gain = random.uniform(0.5, 1.6)
    return replace(light, colour=tuple(c * gain * random.uniform(0.75, 1.25) for c in light.colour))


def restyle(scene: Scene, rng: np.random.Generator, wild: float = 0.35) -> Scene:
    """Return the same geometry with new materials, palette and light.

    wild: share of materials drawn without regard to what the surface is. Meshes, instances and
    with them every depth stay as they are (the lists are shared, not copied).
    """
    random = random_from(rng)
    wardrobe = Wardrobe(random)
    materials = []
    for old, role in zip(scene.materials, scene.roles):
        new = wardrobe.material(role)
        if old.pattern in FIXED_PATTERNS:
            kept = random.uniform(0.3, 1.0) if random.random() < 0.6 else 0.0
            amount = kept if old.pattern == 'textured' else new.amount
            new = replace(new, pattern=old.pattern, extra=old.extra, amount=amount)
            if old.pattern == 'textured':
                other = wardrobe.material('any')
                new = replace(new, colour=other.colour, second=other.second)
        elif random.random() < wild and old.glow == 0:
            new = wardrobe.material(random.choice(('any', 'wall', 'stone', 'cloth', 'picture')))
        if old.glow > 0:
            new = replace(new, glow=old.glow)
        materials.append(new)
    gain = [random.uniform(0.7, 1.35) for _ in range(3)]
    return replace(
        scene,
        materials=materials,
        lights=[restyle_light(light, random) for light in scene.lights],
        ambient_up=tuple(c * g for c, g in zip(scene.ambient_up, gain)),
        ambient_down=tuple(c * g for c, g in zip(scene.ambient_down, gain)),
        exposure=scene.exposure * random.uniform(0.7, 1.4),
        sky=replace(scene.sky, cover=random.random(), seed=random.uniform(0, 50)),
    )
