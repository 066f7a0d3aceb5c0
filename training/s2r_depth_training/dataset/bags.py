"""A recording of a simulator's camera becomes a training set; needs no ROS.

Gazebo and Isaac publish a colour image, a depth image aligned with it and camera_info. Frames are
paired by stamp, unusable depth is masked, standing still adds nothing, and every recording is one
scene: a whole run is for training or for validation.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from s2r_depth_ros.geometry import Intrinsics
from s2r_depth_ros.media.bit_depth import BitDepth
from s2r_depth_training.dataset.format import (
    TRAIN,
    VALIDATION,
    Manifest,
    ShardEntry,
    ShardFrame,
    write_manifest,
)
from s2r_depth_training.dataset.ray_lengths import ray_length_evidence
from s2r_depth_training.dataset.recorded_images import colour_image, depth_image
from s2r_depth_training.dataset.shard_writer import ShardWriter
from s2r_depth_training.errors import DataError

_WAITING = 30  # messages of one topic kept until their partner comes
_THUMBNAIL = (32, 24)
_SAME_COLOUR, _SAME_DEPTH = 1.5, 0.01  # grey levels; relative


@dataclass(frozen=True)
class Topics:
    """Names of the topics of one camera."""

    colour: str
    depth: str
    info: str

    def by_role(self) -> dict[str, str]:
        """Return role -> topic."""
        return {'colour': self.colour, 'depth': self.depth, 'info': self.info}


@dataclass(frozen=True)
class RecordedPair:
    """Colour and depth of one moment."""

    rgb: NDArray[np.uint8]
    """[H, W, 3]."""
    depth: NDArray[np.float32]
    """[H, W], m, 0 = unknown."""
    intrinsics: Intrinsics


def bag_to_dataset(
    train: Sequence[Path],
    val: Sequence[Path],
    topics: Topics,
    out: Path,
    *,
    kind: str,
    zero_depth: str = 'unknown',
    width: int = 256,
    tolerance: float = 0.005,
    rectified: bool = False,
) -> Path:
    """Write the training set ``out`` from recordings; return its manifest.

    train, val: recordings (folder, .mcap, .db3, .bag), each one run. kind: of scene. zero_depth:
    what a missing depth means, ``unknown`` or ``sky``. width: px to shrink images to. tolerance:
    s between the stamps of a pair. rectified: the images are rectified, use P of camera_info.
    Raises DataError for a recording without usable pairs, with distortion, or with ray lengths
    in place of Z.
    """
    shards: list[ShardEntry] = []
    scene = 0
    recordings_of = {TRAIN: train, VALIDATION: val}
    for split, recordings in recordings_of.items():
        writer = ShardWriter(out, split)
        for path in recordings:
            _add_run(writer, scene, path, read_pairs(path, topics, tolerance, rectified), width)
            scene += 1
        writer.flush()
        shards += writer.entries
    manifest = Manifest(
        recordings={split: [p.name for p in paths] for split, paths in recordings_of.items()},
        topics=topics.by_role(),
        kind=kind,
        zero_depth=zero_depth,
        shards=shards,
    )
    return write_manifest(out, manifest)


def _add_run(
    writer: ShardWriter, scene: int, path: Path, pairs: Iterator[RecordedPair], width: int
) -> None:
    kept: RecordedPair | None = None
    votes = []
    for pair in pairs:
        small = shrink(pair, width)
        if kept is not None and is_near_duplicate(kept, small):
            continue
        kept = small
        camera = small.intrinsics
        votes.append(ray_length_evidence(small.depth, camera))
        intrinsics = np.array([camera.fx, camera.fy, camera.cx, camera.cy], np.float32)
        writer.add(ShardFrame(small.rgb, small.depth, intrinsics, scene))
    if not votes:
        raise DataError(f'{path}: no pair of colour and depth; check topics and stamps')
    if (evidence := float(np.nanmedian([*votes, 0.0]))) > math.log(2):
        raise DataError(
            f'{path}: depth looks like the length of the ray, not Z along the optical axis '
            f'(planes fit {math.exp(evidence):.1f} times better); publish Z depth, as REP 118 says'
        )


def read_pairs(
    path: Path, topics: Topics, tolerance: float, rectified: bool = False
) -> Iterator[RecordedPair]:
    """Yield the pairs of a recording in the order of time. Raises DataError."""
    waiting: dict[str, deque[tuple[float, Any]]] = {
        topics.colour: deque(maxlen=_WAITING),
        topics.depth: deque(maxlen=_WAITING),
    }
    intrinsics, bits = None, BitDepth()
    for topic, message in _messages(path, topics):
        if topic == topics.info:
            intrinsics = intrinsics or intrinsics_of(message, rectified, path)
            continue
        stamp = message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec
        other = waiting[topics.depth if topic == topics.colour else topics.colour]
        match = min(other, key=lambda entry: abs(entry[0] - stamp), default=None)
        if match is None or abs(match[0] - stamp) > tolerance or intrinsics is None:
            waiting[topic].append((stamp, message))
            continue
        other.remove(match)
        colour, depth = (message, match[1]) if topic == topics.colour else (match[1], message)
        yield _recorded(colour, depth, intrinsics, path, bits)


def _messages(path: Path, topics: Topics) -> Iterator[tuple[str, Any]]:
    try:
        reader = AnyReader([path], default_typestore=get_typestore(Stores.ROS2_HUMBLE))
        reader.open()
    except Exception as error:  # rosbags lets errors of sqlite, yaml and struct through
        raise DataError(f'{path} cannot be read as a ROS bag: {error}') from error
    try:
        wanted = set(topics.by_role().values())
        connections = [c for c in reader.connections if c.topic in wanted]
        missing = wanted - {c.topic for c in connections}
        if missing:
            there = ', '.join(sorted(c.topic for c in reader.connections))
            raise DataError(f'{path} has no topic {", ".join(sorted(missing))}; it has {there}')
        for connection, _, raw in reader.messages(connections):
            yield connection.topic, reader.deserialize(raw, connection.msgtype)
    finally:
        reader.close()


def intrinsics_of(info: Any, rectified: bool, path: Path) -> Intrinsics:
    """Return the pinhole camera of a camera_info message (ROS 1 or 2). Raises DataError."""
    k, d, p = (np.asarray(getattr(info, n, getattr(info, n.upper(), ()))) for n in 'kdp')
    if rectified:
        return Intrinsics(p[0], p[5], p[2], p[6], info.width, info.height)
    if np.any(d):
        raise DataError(
            f'{path}: camera_info has lens distortion; record the rectified images and say '
            '--rectified, or switch the distortion off in the simulator'
        )
    return Intrinsics(k[0], k[4], k[2], k[5], info.width, info.height)


def _recorded(
    colour: Any, depth: Any, intrinsics: Intrinsics, path: Path, bits: BitDepth
) -> RecordedPair:
    try:
        rgb, metres = colour_image(colour, bits), depth_image(depth)
    except DataError as error:
        raise DataError(f'{path}: {error}') from error
    size = (intrinsics.height, intrinsics.width)
    if rgb.shape[:2] != size or metres.shape != size:
        raise DataError(
            f'{path}: colour is {rgb.shape[:2]}, depth {metres.shape}, camera_info {size} '
            '(height, width); record depth that is aligned with colour'
        )
    return RecordedPair(rgb, metres, intrinsics)


def shrink(pair: RecordedPair, width: int) -> RecordedPair:
    """Return ``pair`` at most ``width`` px wide; depth is picked, not mixed."""
    old = pair.intrinsics
    if old.width <= width:
        return pair
    new = old.resized(width, max(1, round(old.height * width / old.width)))
    size = (new.width, new.height)
    rgb = cv2.resize(pair.rgb, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    # Picks pixel centres; OpenCV's INTER_NEAREST would shift by half a pixel.
    depth = cv2.resize(pair.depth, size, interpolation=cv2.INTER_NEAREST_EXACT)
    return RecordedPair(rgb, depth.astype(np.float32), new)


def is_near_duplicate(first: RecordedPair, second: RecordedPair) -> bool:
    """Return whether the camera hardly moved and nothing else did."""
    colours, depths = (
        [cv2.resize(image, _THUMBNAIL, interpolation=cv2.INTER_AREA).astype(float) for image in two]
        for two in ((first.rgb, second.rgb), (first.depth, second.depth))
    )
    moved = np.abs(depths[0] - depths[1]) / np.maximum(depths[0] + depths[1], 1e-3)
    return bool(
        np.abs(colours[0] - colours[1]).mean() < _SAME_COLOUR and moved.mean() < _SAME_DEPTH / 2
    )
