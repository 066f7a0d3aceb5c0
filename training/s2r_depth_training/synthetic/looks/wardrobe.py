"""Materials by role: what a surface is for ('wall', 'wood', 'leaf', ...) decides how it may look.

``ROLES`` lists all roles. Each has a function that draws a material from a ``Palette``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from s2r_depth_training.synthetic.geometry.scene import Colour, Material
from s2r_depth_training.synthetic.looks.palette import Palette


def _scaled(colour: Colour, gain: float) -> Colour:
    red, green, blue = colour
    return (red * gain, green * gain, blue * gain)


# ---- indoors


def _any(p: Palette) -> Material:
    """Draw any object of a household."""
    pattern = p.pattern({
        'plain': 5, 'mottled': 1.2, 'stripes': 0.6, 'dots': 0.3, 'planks': 1.2, 'poster': 0.8,
        'weave': 0.7, 'marble': 0.3, 'panels': 0.3,
    })  # fmt: skip
    if pattern == 'planks':
        return _wood(p)
    scale = 2 ** p.random.uniform(0, 4)
    return p.make(pattern, p.any_colour(), scale=scale, gloss=p.gloss())


def _wall(p: Palette) -> Material:
    """Draw indoor walls: mostly plain paint, sometimes paper, tiles, brick or wood."""
    r = p.random
    pattern = p.pattern({
        'plain': 6, 'mottled': 1.5, 'tiles': 0.6, 'bricks': 0.6, 'planks': 0.5, 'stripes': 0.4,
        'panels': 0.4, 'weave': 0.3, 'dots': 0.15,
    })  # fmt: skip
    colour = p.pale() if r.random() < 0.75 else p.any_colour()
    second = p.pale() if r.random() < 0.7 else p.any_colour()
    octaves = {
        'tiles': (1, 3.3), 'bricks': (1, 2.6), 'planks': (0.5, 2), 'stripes': (1, 3.5),
        'panels': (-0.5, 1.5),
    }.get(pattern, (0, 3))  # fmt: skip
    bump = r.choice([0, 0, 0.1, 0.3])
    scale = 2 ** r.uniform(*octaves)
    return p.make(pattern, colour, second, scale=scale, bump=bump, gloss=0.15 * p.gloss())


def _ceiling(p: Palette) -> Material:
    """Draw ceilings: mostly white, plain or with panels."""
    pattern = p.pattern({'plain': 7, 'panels': 2, 'planks': 0.5, 'mottled': 0.7})
    scale = 1.0 / p.random.choice([0.6, 0.6, 1.2]) if pattern == 'panels' else 1.5
    return p.make(pattern, p.hsv((0, 0.08), (0.75, 1)), p.grey(0.5, 0.9), scale=scale)


def _floor(p: Palette) -> Material:
    """Draw floors: wood, tiles, carpet, concrete, stone."""
    r = p.random
    pattern = p.pattern({
        'planks': 4, 'tiles': 2.5, 'grain': 2, 'mottled': 1, 'plain': 0.8, 'marble': 0.4,
        'panels': 0.6, 'cobbles': 0.2,
    })  # fmt: skip
    if pattern == 'planks':
        return replace(_wood(p), scale=2 ** r.uniform(1, 2.6), gloss=r.random() * 0.6)
    tiles, grain, other = 2 ** r.uniform(0.7, 2.5), 2 ** r.uniform(2, 4), 2 ** r.uniform(0, 2)
    scale = {'tiles': tiles, 'grain': grain}.get(pattern, other)
    first = p.grey(0.2, 0.85) if r.random() < 0.6 else p.any_colour()
    second = p.grey(0.2, 0.85) if r.random() < 0.7 else p.any_colour()
    gloss = p.gloss()
    return p.make(pattern, first, second, scale=scale, gloss=gloss, bump=r.choice([0, 0.1]))


def _wood(p: Palette) -> Material:
    """Draw boards and veneer."""
    wood = p.wood_tone()
    second = p.dimmed(wood, 0.5, 0.9)
    scale = 2 ** p.random.uniform(0, 2.5)
    amount = p.random.random() ** 2
    return p.make('planks', wood, second, scale=scale, amount=amount, gloss=p.gloss())


def _cloth(p: Palette) -> Material:
    """Draw upholstery, curtains, clothes, bedding."""
    pattern = p.pattern({
        'weave': 4, 'plain': 2, 'mottled': 1, 'stripes': 0.8, 'dots': 0.4, 'poster': 0.3,
        'grain': 1,
    })  # fmt: skip
    return p.make(pattern, p.any_colour(), scale=2 ** p.random.uniform(1.5, 4.5), bump=0.2)


def _metal(p: Palette) -> Material:
    """Draw steel, aluminium, chrome."""
    return p.make('plain', p.grey(0.3, 0.85), gloss=p.random.uniform(0.3, 1.0))


def _dark(p: Palette) -> Material:
    """Draw black plastic, rubber, screens that are off."""
    return p.make('plain', p.grey(0.04, 0.3), gloss=p.random.uniform(0.1, 0.8))


def _paint(p: Palette) -> Material:
    """Draw painted sheet metal: cars, appliances, machines."""
    r = p.random
    colour = p.grey(0.08, 0.97) if r.random() < 0.7 else p.hsv((0.3, 0.85), (0.2, 0.8))
    return p.make('plain', colour, gloss=r.uniform(0.3, 1.0))


def _plastic(p: Palette) -> Material:
    """Draw small bright things."""
    return p.make('plain', p.hsv((0.1, 0.95), (0.25, 0.97)), gloss=p.random.random())


def _card(p: Palette) -> Material:
    """Draw cardboard and paper."""
    r = p.random
    colour = p.near(0.72, 0.57, 0.4) if r.random() < 0.7 else p.pale()
    return p.make(r.choice(['plain', 'mottled']), colour, _scaled(colour, 0.8), scale=4)


def _picture(p: Palette) -> Material:
    """Draw posters, paintings, signs, packaging."""
    r = p.random
    return p.make('poster', p.any_colour(), scale=r.uniform(1, 4), amount=r.uniform(0.5, 1))


def _screen(p: Palette) -> Material:
    """Draw monitors that are on, bright or dark."""
    r = p.random
    if r.random() < 0.5:
        back, ink = p.grey(0.8, 1), p.any_colour()
    else:
        back, ink = p.grey(0.02, 0.2), p.pale()
    scale, glow = r.uniform(1.2, 2.2), r.uniform(0.5, 1.5)
    return p.make('screen', back, ink, scale=scale, glow=glow, gloss=0.2)


def _books(p: Palette) -> Material:
    """Draw rows of books, folders or boxes."""
    return p.make('books', p.any_colour(), scale=p.random.uniform(14, 40))


def _goods(p: Palette) -> Material:
    """Draw rows of goods on a shop's or warehouse's shelf."""
    r = p.random
    colour, scale = p.any_colour(), r.uniform(3, 12)
    return p.make('books', colour, scale=scale, extra=(float(r.random() < 0.5), 0.0))


def _lamp(p: Palette) -> Material:
    """Draw what shines itself."""
    return p.make('plain', p.lamp_tint, glow=p.random.uniform(1.5, 5))


def _pane(p: Palette) -> Material:
    """Draw a window full of daylight."""
    r = p.random
    pattern = r.choice(['plain', 'mottled', 'facade', 'poster'])
    glow = r.choice([0.3, 1, 3, 5]) * r.random()
    bright, other = p.hsv((0, 0.25), (0.6, 1)), p.hsv((0, 0.5), (0.3, 0.9))
    scale = r.uniform(0.5, 2)
    return p.make(pattern, bright, other, scale=scale, glow=glow, amount=0.4, gloss=0.5)


def _glass(p: Palette) -> Material:
    """Draw car windows and glazed doors: dark and shiny."""
    return p.make('glass', p.near(0.16, 0.19, 0.22), gloss=p.random.uniform(0.6, 1))


def _skin(p: Palette) -> Material:
    """Draw faces and hands."""
    return p.make('plain', p.near(0.75, 0.55, 0.44, 0.05), gloss=0.1)


def _hair(p: Palette) -> Material:
    """Draw hair."""
    return p.make('grain', p.near(0.3, 0.2, 0.13), p.near(0.2, 0.14, 0.1), scale=8)


# ---- outdoors


def _leaf(p: Palette) -> Material:
    """Draw leaves: green, sometimes autumn."""
    first, second = p.green(), p.green()
    if p.random.random() < 0.08:
        first = p.near(0.65, 0.42, 0.15)
    return p.make('foliage', first, second, scale=2 ** p.random.uniform(0, 1.5))


def _bark(p: Palette) -> Material:
    """Draw trunks and branches."""
    bark = p.near(0.32, 0.26, 0.2)
    return p.make('mottled', bark, _scaled(bark, 0.5), scale=5, bump=0.6)


def _asphalt(p: Palette) -> Material:
    """Draw a road's surface; the road's own uv make its lane lines."""
    r = p.random
    paint = p.grey(0.65, 0.95) if r.random() < 0.85 else p.near(0.85, 0.68, 0.2)
    return p.make('road', p.grey(0.22, 0.58), paint, scale=1.0, amount=r.random() ** 1.5)


def _pavement(p: Palette) -> Material:
    """Draw sidewalks and yards."""
    r = p.random
    pattern = p.pattern({'tiles': 4, 'grain': 2, 'mottled': 2, 'cobbles': 1, 'bricks': 1})
    grey = p.grey(0.35, 0.75)
    scale = {'grain': 3.0, 'mottled': 1.0}.get(pattern, 2 ** r.uniform(0.3, 2.6))
    return p.make(pattern, grey, p.dimmed(grey, 0.6, 1), scale=scale, bump=0.2)


def _grass(p: Palette) -> Material:
    """Draw lawn, meadow, bare earth."""
    r = p.random
    second = p.green() if r.random() < 0.7 else p.near(0.5, 0.4, 0.27)
    return p.make('grain', p.green(), second, scale=2 ** r.uniform(1, 3), bump=0.5)


def _stone(p: Palette) -> Material:
    """Draw kerbs, walls and concrete."""
    r = p.random
    pattern = p.pattern({'mottled': 4, 'bricks': 2, 'cobbles': 1, 'plain': 1})
    grey = p.grey(0.35, 0.8) if r.random() < 0.7 else p.near(0.62, 0.5, 0.4)
    second = p.dimmed(grey, 0.5, 0.9)
    return p.make(pattern, grey, second, scale=2 ** r.uniform(0.3, 2), bump=0.3)


def _facade(p: Palette) -> Material:
    """Draw house fronts with rows of windows."""
    r = p.random
    if r.random() < 0.5:
        colour = p.pale()
    else:
        plaster = [(0.6, 0.42, 0.35), (0.7, 0.6, 0.45), (0.5, 0.5, 0.5), (0.8, 0.7, 0.5)]
        colour = p.near(*r.choice(plaster))
    pattern = 'facade' if r.random() < 0.85 else r.choice(['bricks', 'mottled', 'panels'])
    return p.make(pattern, colour, p.pale(), scale=2 ** r.uniform(-0.3, 0.5))


def _rooftile(p: Palette) -> Material:
    """Draw pitched roofs."""
    colour = p.near(0.5, 0.28, 0.2) if p.random.random() < 0.6 else p.grey(0.15, 0.45)
    return p.make('stripes', colour, _scaled(colour, 0.7), scale=3.5, amount=0)


def _shopfront(p: Palette) -> Material:
    """Draw glazing at street level."""
    glass, frame = p.near(0.14, 0.16, 0.18), p.grey(0.1, 0.8)
    return p.make('panels', glass, frame, scale=p.random.uniform(0.4, 0.9), gloss=0.8)


def _sheet(p: Palette) -> Material:
    """Draw corrugated sheet: containers, halls, roller shutters."""
    colour, rust = p.hsv((0.0, 0.7), (0.3, 0.85)), p.near(0.4, 0.28, 0.2)
    return p.make('corrugated', colour, rust, scale=2 ** p.random.uniform(1.5, 3.5))


def _textured(p: Palette) -> Material:
    """Draw a mesh with a texture of its own, as it is."""
    return p.make('textured', (1.0, 1.0, 1.0), amount=0.0, gloss=p.random.random() * 0.2)


ROLES: dict[str, Callable[[Palette], Material]] = {
    'any': _any,
    'wall': _wall,
    'ceiling': _ceiling,
    'floor': _floor,
    'wood': _wood,
    'cloth': _cloth,
    'metal': _metal,
    'dark': _dark,
    'paint': _paint,
    'plastic': _plastic,
    'card': _card,
    'picture': _picture,
    'screen': _screen,
    'books': _books,
    'goods': _goods,
    'lamp': _lamp,
    'pane': _pane,
    'glass': _glass,
    'skin': _skin,
    'hair': _hair,
    'leaf': _leaf,
    'bark': _bark,
    'asphalt': _asphalt,
    'pavement': _pavement,
    'grass': _grass,
    'stone': _stone,
    'facade': _facade,
    'rooftile': _rooftile,
    'shopfront': _shopfront,
    'sheet': _sheet,
    'textured': _textured,
}
"""What draws the material of each role."""


class Wardrobe:
    """Draws materials for roles from one random palette."""

    def __init__(self, random: Random) -> None:
        self._palette = Palette(random)

    def material(self, role: str) -> Material:
        """Draw a material for a role. Raises KeyError for a role that is not in ``ROLES``."""
        return ROLES[role](self._palette)
