"""The rows of the contact sheet: frames of which everything was recorded, read from the bag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rosbags.highlevel import AnyReader

from s2r_depth_ros.media.depth_images import depth_in_metres
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.conversions import image_to_rgb
from s2r_depth_ros.rig.clouds import read_xyz_rgb
from s2r_depth_ros.rig.recording import Recording


@dataclass(frozen=True)
class SheetRow:
    """One frame as received.

    image, structure: uint8 [H, W, 3] RGB. depth: float32 [H, W] metres, NaN invalid. points:
    float32 [N, 3] metres in the optical frame, finite. colors: uint8 [N, 3] RGB.
    """

    caption: str
    image: NDArray[np.uint8]
    structure: NDArray[np.uint8]
    depth: NDArray[np.float32]
    points: NDArray[np.float32]
    colors: NDArray[np.uint8]


def read_rows(recording: Recording, count: int = 5) -> list[SheetRow]:
    """Read up to ``count`` frames of which all four pictures were recorded."""
    names = [
        recording.image_topic,
        *map(recording.name_of, (topics.STRUCTURE, topics.DEPTH, topics.POINTS)),
    ]
    with AnyReader([recording.bag]) as reader:
        # Not every cloud is written.
        clouds = recording.stamps_in_bag(reader, names[-1])
        stamps = _spread([s for s in recording.common_stamps(names) if s in clouds], count)
        first = stamps[0] if stamps else 0
        return [_read_row(recording, reader, names, stamp, first) for stamp in stamps]


def _spread(stamps: Sequence[int], count: int) -> list[int]:
    """Return up to ``count`` of the stamps, evenly spread, first and last included."""
    if len(stamps) <= count:
        return list(stamps)
    return [stamps[i] for i in np.linspace(0, len(stamps) - 1, count).round().astype(int)]


def _read_row(
    recording: Recording, reader: AnyReader, names: list[str], stamp: int, first: int
) -> SheetRow:
    """Read the frame with that stamp."""
    image, structure, depth, cloud = (recording.message(reader, n, stamp) for n in names)
    points, colors = read_xyz_rgb(cloud)
    latency = recording.latencies(names[2])[stamp] * 1e3
    return SheetRow(
        caption=f't = {(stamp - first) * 1e-9:.2f} s, depth after {latency:.0f} ms',
        image=image_to_rgb(image),
        structure=image_to_rgb(structure),
        depth=depth_in_metres(depth),
        points=points,
        colors=colors,
    )
