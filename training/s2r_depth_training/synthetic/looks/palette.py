"""The colours that the materials of one scene share, and how a material is drawn from them."""

from __future__ import annotations

import colorsys
from random import Random

from s2r_depth_training.synthetic.geometry.scene import Colour, Material, colour_of

_LAMP_TINTS: tuple[Colour, ...] = ((1, 1, 1), (1, 0.93, 0.8), (1, 0.85, 0.65), (0.9, 0.95, 1))
_WOOD_TONES: tuple[Colour, ...] = (
    (0.6, 0.42, 0.26), (0.75, 0.6, 0.42), (0.4, 0.25, 0.16), (0.85, 0.75, 0.6), (0.5, 0.33, 0.2),
)  # fmt: skip
_LEAF_TONES: tuple[Colour, ...] = ((0.3, 0.42, 0.18), (0.42, 0.5, 0.2), (0.2, 0.33, 0.16))


def linear(red: float, green: float, blue: float) -> Colour:
    """Turn a display colour in [0, 1] into the linear light that the renderer wants."""
    return colour_of(min(max(c, 0.0), 1.0) ** 2.2 for c in (red, green, blue))


class Palette:
    """Draws colours and materials; some colours come back, as in the rooms of one owner.

    random: draws everything. lamp_tint: linear colour of the scene's lamps.
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self._favourites = [self.hsv((0.0, 0.5), (0.15, 0.9)) for _ in range(5)]
        self.lamp_tint = random.choice(_LAMP_TINTS)

    def hsv(self, saturation: tuple[float, float], value: tuple[float, float]) -> Colour:
        """Draw any hue with a saturation and a value from two ranges."""
        r = self.random
        return linear(*colorsys.hsv_to_rgb(r.random(), r.uniform(*saturation), r.uniform(*value)))

    def near(self, red: float, green: float, blue: float, vary: float = 0.12) -> Colour:
        """Draw a colour near a display colour, brighter or darker."""
        r = self.random
        gain = r.uniform(0.6, 1.35)
        return linear(
            *(min(c * gain * r.uniform(1 - vary, 1 + vary), 1) for c in (red, green, blue))
        )

    def pale(self) -> Colour:
        """Draw a light colour of little saturation."""
        return self.hsv((0.0, 0.22), (0.6, 0.97))

    def grey(self, low: float = 0.1, high: float = 0.7) -> Colour:
        """Draw a grey with a slight tint, between two display values."""
        v = self.random.uniform(low, high)
        return linear(*(v * self.random.uniform(0.94, 1.06) for _ in range(3)))

    def wood_tone(self) -> Colour:
        """Draw the colour of some wood."""
        return self.near(*self.random.choice(_WOOD_TONES))

    def green(self) -> Colour:
        """Draw the colour of leaves or grass."""
        return self.near(*self.random.choice(_LEAF_TONES))

    def any_colour(self) -> Colour:
        """Draw a grey, one of the favourites, a muted or a strong colour."""
        r = self.random
        draw = r.random()
        if draw < 0.3:
            return self.grey(0.06, 0.95)
        if draw < 0.6:
            return r.choice(self._favourites)
        if draw < 0.85:
            return self.hsv((0.0, 0.4), (0.1, 0.95))
        return self.hsv((0.3, 0.9), (0.2, 0.9))

    def dimmed(self, colour: Colour, low: float, high: float) -> Colour:
        """Scale each channel of a colour by a factor of its own from [low, high]."""
        return colour_of(c * self.random.uniform(low, high) for c in colour)

    def gloss(self) -> float:
        """Draw how much an ordinary surface shines, mostly little."""
        return self.random.choice([0.0, 0.05, 0.2, 0.5]) * self.random.random()

    def pattern(self, weights: dict[str, float]) -> str:
        """Draw a pattern's name by weights."""
        return self.random.choices(list(weights), list(weights.values()))[0]

    def make(
        self,
        pattern: str,
        colour: Colour,
        second: Colour | None = None,
        *,
        scale: float = 1.0,
        amount: float | None = None,
        gloss: float = 0.0,
        bump: float = 0.0,
        glow: float = 0.0,
        extra: tuple[float, float] = (0.0, 0.0),
    ) -> Material:
        """Make a material; draws its seed, and where they are None its amount and second colour."""
        r = self.random
        if pattern in ('mottled', 'grain') and r.random() < 0.8:
            second = colour_of(min(c * r.uniform(0.6, 1.2), 1.0) for c in colour)  # faint stains
        seed, drawn = r.uniform(0, 30), r.random()
        if second is None:
            second = self.any_colour()
        amount = drawn if amount is None else amount
        return Material(pattern, colour, second, scale, seed, amount, gloss, bump, glow, extra)
