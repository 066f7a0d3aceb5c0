"""What an experiment says about its data: the key ``data`` of its YAML."""

from __future__ import annotations

from dataclasses import dataclass, field

from s2r_depth_ros.size_rule import check_size
from s2r_depth_training.errors import ConfigError

RESIZES = ('area', 'bicubic')


@dataclass
class DataConfig:
    """What is learnt from, and the canonical camera that depth is learnt in.

    Raises ConfigError or SizeError for values that cannot be.
    """

    manifests: list[str] = field(default_factory=list)
    """manifest.json of the training sets."""
    mix: dict[str, float] = field(default_factory=dict)
    """Kind of scene -> share of a batch; empty: the manifests' kinds in equal shares."""
    height: int = 96
    """Of the network's input, px."""
    width: int = 128
    """Of the network's input, px."""
    focal_length: float = 100.0
    """Of the canonical camera, px at the network's input: depth is scaled to what a camera with
    this fx would see."""
    max_depth: float = 80.0
    """m."""
    min_depth: float = 0.1
    """m."""
    sky_weight: float = 0.2
    """Weight in the loss of sky, which is learnt as max_depth; 0 leaves it out."""
    crop: float = 0.6
    """Share of the images that are cropped."""
    crop_scale: float = 0.55
    """Least share of its side that a crop keeps."""
    widest: dict[str, float] = field(default_factory=dict)
    """Kind of scene -> how many times wider than the network's input a crop may be, 1.18 for kinds
    that are not named; it is squeezed, as an image of a wide camera is."""
    typical: dict[str, list[float]] = field(default_factory=dict)
    """Kind of scene -> [least and largest median depth, m in the canonical camera; largest 95th
    percentile over the median]. Frames outside are not drawn, so that a small network spends its
    steps on what it will see."""
    resize: str = 'area'
    """How frames come to the network's size: ``area``, colours averaged and depths picked, or
    ``bicubic``, both mixed as Pillow does, which is the authors' way and needs dense depth."""
    rotation: float = 0.0
    """Degrees to each side within which half of the images are turned; the corners are black then,
    and as near as min_depth."""
    darken: bool = False
    """Whether half of the images lose up to a fifth of brightness, contrast and saturation."""
    restyled: float = 0.5
    """Share of the images that are shown in their other style."""
    photometric: bool = True
    """Whether colours, noise and sharpness are changed."""
    paintings: str = ''
    """Folder whose images lend their style to that, in place of other frames."""
    batch: int = 16
    """Images a process and step."""
    workers: int = 0
    """Processes that load samples."""
    renderers: int = 0
    """Processes that go on rendering, by the recipes of the manifests, while the training draws
    from all that is there; which frames it draws then depends on their pace."""

    def typical_of(self, kind: str) -> tuple[float, ...]:
        """Return the limits of ``kind`` as a rendering recipe has them, () where there are none.

        They are for a camera whose fx in px is its width, of which any canonical camera is a
        multiple.
        """
        if kind not in self.typical:
            return ()
        least, largest, ratio = self.typical[kind]
        scale = self.width / self.focal_length
        return least * scale, largest * scale, ratio

    def __post_init__(self) -> None:
        check_size(self.height, self.width)
        for kind, limits in self.typical.items():
            if len(limits) != 3 or limits[0] >= limits[1] or limits[2] <= 1:
                raise ConfigError(
                    f'data.typical: {kind} is {limits}; give [least median, largest median, '
                    'largest ratio > 1]'
                )
        if self.resize not in RESIZES:
            raise ConfigError(f'data.resize is {self.resize!r}; use one of {", ".join(RESIZES)}')
        if not 0 <= self.rotation <= 45:
            raise ConfigError(f'data.rotation is {self.rotation:g}; give 0 to 45 degrees')
        if self.batch < 1:
            raise ConfigError(f'data.batch is {self.batch}; give at least 1')
        for key, count in (('workers', self.workers), ('renderers', self.renderers)):
            if count < 0:
                raise ConfigError(f'data.{key} is {count}; give a number of processes, 0 for none')
