"""Pairs of colour and depth out of one recording, checked as the node checks its camera."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.geometry import CalibrationError, Intrinsics, Rectifier, calibration_from
from s2r_depth_ros.geometry.distortion import is_distorted
from s2r_depth_ros.media.bags.bag import Bag
from s2r_depth_ros.media.bags.messages import (
    CAMERA_INFO,
    COMPRESSED_IMAGE,
    IMAGE,
    BagMessage,
    header_time,
)
from s2r_depth_ros.media.bags.topic_names import is_called_rectified
from s2r_depth_ros.media.bags.transforms import one_frame
from s2r_depth_ros.media.bit_depth import BitDepth
from s2r_depth_training.dataset.bag_truth import Truth
from s2r_depth_training.dataset.recorded_images import colour_image
from s2r_depth_training.dataset.shrinking import shrink_colour, small_camera
from s2r_depth_training.dataset.stamp_pairs import StampPair, StampPairs
from s2r_depth_training.errors import DataError

_ONE_VIEW = 0.15  # s; a robot that turns by 30 degrees/s sees things 10 px of 160 elsewhere


@dataclass(frozen=True)
class Topics:
    """Names of the topics of one camera; depth: of what says how far things are."""

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
    stamp: float
    """Of the colour image, s."""


@dataclass(frozen=True)
class PairRules:
    """How pairs are made.

    width: px that images are shrunk to, at most. tolerance: s between the stamps of a pair.
    rectified: the images are rectified, use P of camera_info.
    """

    width: int = 256
    tolerance: float = 0.005
    rectified: bool = False


class _Camera(NamedTuple):
    """The camera of a recording: of its images as they are learnt from, and what makes them so.

    frame: the frame_id of its camera_info.
    """

    intrinsics: Intrinsics
    rectifier: Rectifier | None
    frame: str


class BagPairs:
    """The pairs of one recording; iterate over it, then ask ``why_none`` if there were none.

    truth: how the messages of ``topics.depth`` become depth. report: is told what is left out, and
    why. Raises DataError for what makes all of it useless.
    """

    def __init__(
        self,
        path: Path,
        topics: Topics,
        truth: Truth,
        rules: PairRules,
        report: Callable[[str], None],
    ) -> None:
        self._path, self._topics, self._truth = path, topics, truth
        self._rules, self._report = rules, report
        self._left_out: list[str] = []
        self._bits = BitDepth()
        self._stamps: dict[str, float] = {}
        self._frames: set[tuple[str, str]] = set()  # of colour and camera_info, as far as told
        self._matches = StampPairs(rules.tolerance)

    def __iter__(self) -> Iterator[RecordedPair]:
        """Yield the pairs in the order of time."""
        try:
            with Bag(self._path) as bag:
                self._check_topics(bag)
                camera = self._first_camera(bag)
                count = 0
                for pair in self._pairs(bag, camera):
                    count += 1
                    yield pair
                if count:  # else why_none says it
                    self._tell(bag)
        except DataError:
            raise
        except UserError as error:
            told = str(error)
            raise DataError(told if str(self._path) in told else f'{self._path}: {told}') from error

    def why_none(self) -> str:
        """Say why there was no pair."""
        if self._left_out:
            return f'no pair of colour and depth can be used; the first: {self._left_out[0]}'
        if (closest := self._matches.closest) < math.inf:
            told = f'no pair of colour and depth: the closest stamps are {closest:.4g} s apart; '
            if closest > _ONE_VIEW:
                return told + (
                    'what is that far apart shows other views, or its clocks differ: synchronise '
                    'the clocks, correct the stamps in the drivers, and record anew'
                )
            return told + f'say --tolerance {closest * 1.2:.2g} if they belong together'
        return 'no pair of colour and depth; check topics and stamps'

    def _tell(self, bag: Bag) -> None:
        """Report what was left out, and what is wrong with the recording."""
        if self._left_out:
            count, first = len(self._left_out), self._left_out[0]
            self._report(f'{self._path}: left out {count} messages, the first because {first}')
        for problem in bag.problems:
            self._report(f'{self._path}: {problem}')

    def _tell_frames(self, colour: str, info: str) -> None:
        """Report that camera_info may be of another camera; as with the node, it is used."""
        if not one_frame(colour, info) and (colour, info) not in self._frames:
            self._frames.add((colour, info))
            self._report(
                f'{self._path}: {self._topics.info} is of the frame {info!r}, '
                f'{self._topics.colour} of {colour!r}: it is used all the same. If it is of '
                'another camera, say --info'
            )

    def _check_topics(self, bag: Bag) -> None:
        """Raise DataError unless the topics are there with messages of their types."""
        if len(names := set(self._topics.by_role().values())) < 3:
            given = ' and '.join(sorted(names))
            raise DataError(
                f'colour, {self._truth.name} and info are three topics; given are only {given}'
            )
        kinds = {'colour': (IMAGE, COMPRESSED_IMAGE), 'depth': self._truth.types}
        missing = sorted(names - set(bag.topics))
        if missing:
            there = ', '.join(sorted(bag.topics)) or 'none'
            raise DataError(f'{self._path} has no topic {", ".join(missing)}; it has {there}')
        for role, name in self._topics.by_role().items():
            topic, wanted = bag.topics[name], kinds.get(role, (CAMERA_INFO,))
            if topic.type not in wanted or not topic.readable:
                called = self._truth.name if role == 'depth' else role
                raise DataError(f'{self._path}: {called} {topic} is not of {" or ".join(wanted)}')

    def _first_camera(self, bag: Bag) -> _Camera:
        """Return the camera of the first camera_info that can be used. Raises DataError."""
        reason = 'it has no messages'
        for message in bag.messages({self._topics.info}):
            try:
                return self._camera(message.read())
            except UserError as error:
                reason = str(error)
        raise DataError(f'{self._path}: {self._topics.info} cannot be used: {reason}')

    def _camera(self, info: Any) -> _Camera:
        """Return the pinhole camera of the images of a camera_info.

        Raises CalibrationError where the node would not believe the numbers, or where truth that
        lies in the raw image would have to be undistorted.
        """
        calibration = calibration_from(info, rectified=self._rules.rectified)
        distorted = is_distorted(calibration.distortion_model, calibration.d)
        if distorted and is_called_rectified(self._topics.colour):
            raise CalibrationError(
                f'by its name {self._topics.colour} is rectified already, and by camera_info it '
                'would be once more: say --rectified'
            )
        if not self._truth.needs_pinhole:
            rectifier = Rectifier(calibration)
            return _Camera(rectifier.intrinsics, rectifier, info.header.frame_id)
        if distorted:
            raise CalibrationError(
                f'camera_info has lens distortion ({calibration.distortion_model}); record the '
                'rectified images and say --rectified, or switch the distortion off in the '
                'simulator'
            )
        return _Camera(calibration.raw_intrinsics, None, info.header.frame_id)

    def _pairs(self, bag: Bag, camera: _Camera) -> Iterator[RecordedPair]:
        for message in bag.messages(set(self._topics.by_role().values())):
            try:
                content = message.read()
                if message.topic == self._topics.info:
                    camera = self._camera(content)
                    continue
            except UserError as error:
                self._left_out.append(str(error))
                continue
            stamp = self._stamp(message, content)
            if message.topic == self._topics.colour:
                # With its camera: another may have come before the partner does.
                matches = self._matches.add(0, stamp, (content, camera))
            else:
                matches = self._matches.add(1, stamp, content)
            yield from self._usable(matches)
        yield from self._usable(self._matches.rest())

    def _stamp(self, message: BagMessage, content: Any) -> float:
        """Return when a message was made; of a header that does not tell, when it was recorded."""
        written, before = header_time(content), self._stamps.get(message.topic, 0.0)
        self._stamps[message.topic] = written
        # Without a stamp, or with one that stands still.
        return message.log_time if written in (0.0, before) else written

    def _usable(self, matches: Iterator[StampPair]) -> Iterator[RecordedPair]:
        for match in matches:
            try:
                recorded = self._recorded(match)
            except UserError as error:
                self._left_out.append(str(error))
                continue
            yield recorded

    def _recorded(self, match: StampPair) -> RecordedPair:
        """Return colour and depth as a pair. Raises UserError for what cannot be one."""
        colour, camera = match.first
        self._tell_frames(colour.header.frame_id, camera.frame)
        rgb, full = colour_image(colour, self._bits), camera.intrinsics
        if rgb.shape[:2] != (full.height, full.width):
            raise DataError(
                f'colour is {rgb.shape[:2]}, camera_info {(full.height, full.width)} (height, '
                'width); give the camera_info of these images'
            )
        if camera.rectifier is not None:
            rgb = camera.rectifier.rectify(rgb)
        small = small_camera(full, self._rules.width)
        depth = self._truth.depth(match.second, colour.header.frame_id, full, small)
        if camera.rectifier is not None and not camera.rectifier.is_identity:
            depth[~_picked(camera.rectifier.valid, small)] = 0
        return RecordedPair(shrink_colour(rgb, small), depth, small, match.stamp)


def _picked(mask: NDArray[np.bool_], camera: Intrinsics) -> NDArray[np.bool_]:
    size = (camera.width, camera.height)
    picked = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST_EXACT)
    return picked.astype(bool)
