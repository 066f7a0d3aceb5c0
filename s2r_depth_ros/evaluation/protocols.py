"""Protocols: which depths count, inside which crop, and what errors are averaged over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from s2r_depth_ros.evaluation.manifest import CAPS, GroundTruthFrame, ManifestError
from s2r_depth_ros.evaluation.metrics import CROPS, Crop

MEANS = ('scenes', 'images')
NO_CROP = 'none'


@dataclass(frozen=True)
class Protocol:
    """How an evaluation is made.

    caps: kind of scene -> farthest truth that counts, m; other kinds are not for this protocol.
    crop: of CROPS, or NO_CROP. means: of MEANS. images: how many its test set has, 0: any.
    """

    name: str
    caps: Mapping[str, float]
    crop: str = NO_CROP
    means: str = 'scenes'
    images: int = 0

    def crop_of(self, kind: str) -> Crop | None:
        """Return the crop of images of ``kind``, None for all of them."""
        return CROPS[self.crop].get(kind) if self.crop in CROPS else None

    def check(self, frames: Sequence[GroundTruthFrame]) -> str | None:
        """Return in words how many images miss from the test set, None if it is whole.

        Raises ManifestError for frames that the protocol is not for, or whose crop is not known.
        """
        for frame in frames:
            if frame.kind not in self.caps:
                raise ManifestError(
                    f'frame {frame.id} is of kind {frame.kind}; the protocol {self.name} is for '
                    f'{", ".join(self.caps)}'
                )
        if self.crop in CROPS and not any(self.crop_of(frame.kind) for frame in frames):
            raise ManifestError(
                f'there is no crop {self.crop} of {frames[0].kind} images; give another --crop'
            )
        if self.images and len(frames) != self.images:
            return (
                f'the test set of {self.name} has {self.images} images, the manifest '
                f'{len(frames)}: the numbers are not those that papers tell'
            )
        return None

    def describe(self, kind: str) -> str:
        """Return in words what counts of images of ``kind``."""
        crop = self.crop if self.crop_of(kind) else 'no'
        return f'up to {self.caps[kind]:g} m, {crop} crop, means over {self.means}'


EVAL = Protocol('eval', CAPS)
PROTOCOLS = {
    one.name: one
    for one in (
        EVAL,
        Protocol('kitti-eigen', {'driving': 80.0}, crop='garg', means='images', images=697),
        Protocol('nyu', {'indoor': 8.0}, means='images', images=654),
    )
}
"""Name -> this package's own, and the authors' on KITTI and NYUv2 (docs/paper.md)."""
