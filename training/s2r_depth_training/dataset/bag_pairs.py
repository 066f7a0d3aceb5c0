"""Pairs of colour and depth out of one recording, checked as the node checks its camera."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.geometry import CalibrationError, Intrinsics, calibration_from
from s2r_depth_ros.geometry.distortion import is_distorted
from s2r_depth_ros.media.bags.bag import Bag
from s2r_depth_ros.media.bags.messages import (
    CAMERA_INFO,
    COMPRESSED_IMAGE,
    IMAGE,
    BagMessage,
    header_time,
)
from s2r_depth_ros.media.bit_depth import BitDepth
from s2r_depth_training.dataset.recorded_images import colour_image, depth_image
from s2r_depth_training.errors import DataError

_WAITING = 30  # messages of one topic kept until their partner comes


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


class BagPairs:
    """The pairs of one recording; iterate over it, then ask ``why_none`` if there were none.

    tolerance: s between the stamps of a pair. rectified: the images are rectified, use P. report:
    is told what is left out, and why. Raises DataError for what makes all of it useless.
    """

    def __init__(
        self,
        path: Path,
        topics: Topics,
        tolerance: float,
        rectified: bool,
        report: Callable[[str], None],
    ) -> None:
        self._path, self._topics, self._tolerance = path, topics, tolerance
        self._rectified, self._report = rectified, report
        self._left_out: list[str] = []
        self._bits = BitDepth()
        self._stamps: dict[str, float] = {}
        self._closest = math.inf

    def __iter__(self) -> Iterator[RecordedPair]:
        """Yield the pairs in the order of time."""
        try:
            with Bag(self._path) as bag:
                self._check_topics(bag)
                intrinsics = self._first_intrinsics(bag)
                count = 0
                for pair in self._pairs(bag, intrinsics):
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
        if self._closest < math.inf:
            return (
                f'no pair of colour and depth: the closest stamps are {self._closest:.4g} s apart; '
                f'say --tolerance {self._closest * 1.2:.2g} if they belong together'
            )
        return 'no pair of colour and depth; check topics and stamps'

    def _tell(self, bag: Bag) -> None:
        """Report what was left out, and what is wrong with the recording."""
        if self._left_out:
            count, first = len(self._left_out), self._left_out[0]
            self._report(f'{self._path}: left out {count} messages, the first because {first}')
        for problem in bag.problems:
            self._report(f'{self._path}: {problem}')

    def _check_topics(self, bag: Bag) -> None:
        """Raise DataError unless the topics are there with messages of their types."""
        if len(names := set(self._topics.by_role().values())) < 3:
            given = ' and '.join(sorted(names))
            raise DataError(f'colour, depth and info are three topics; given are only {given}')
        kinds = {'colour': (IMAGE, COMPRESSED_IMAGE), 'depth': (IMAGE, COMPRESSED_IMAGE)}
        missing = sorted(names - set(bag.topics))
        if missing:
            there = ', '.join(sorted(bag.topics)) or 'none'
            raise DataError(f'{self._path} has no topic {", ".join(missing)}; it has {there}')
        for role, name in self._topics.by_role().items():
            topic, wanted = bag.topics[name], kinds.get(role, (CAMERA_INFO,))
            if topic.type not in wanted or not topic.readable:
                raise DataError(f'{self._path}: {role} {topic} is not of {" or ".join(wanted)}')

    def _first_intrinsics(self, bag: Bag) -> Intrinsics:
        """Return the camera of the first camera_info that can be used. Raises DataError."""
        reason = 'it has no messages'
        for message in bag.messages({self._topics.info}):
            try:
                return self._intrinsics(message.read())
            except UserError as error:
                reason = str(error)
        raise DataError(f'{self._path}: {self._topics.info} cannot be used: {reason}')

    def _intrinsics(self, info: Any) -> Intrinsics:
        """Return the pinhole camera of the images of a camera_info.

        Raises CalibrationError where the node would not believe the numbers, or would have to
        undistort.
        """
        calibration = calibration_from(info, rectified=self._rectified)
        if is_distorted(calibration.distortion_model, calibration.d):
            raise CalibrationError(
                f'camera_info has lens distortion ({calibration.distortion_model}); record the '
                'rectified images and say --rectified, or switch the distortion off in the '
                'simulator'
            )
        return calibration.raw_intrinsics

    def _pairs(self, bag: Bag, intrinsics: Intrinsics) -> Iterator[RecordedPair]:
        waiting: dict[str, deque[tuple[float, Any]]] = {
            name: deque(maxlen=_WAITING) for name in (self._topics.colour, self._topics.depth)
        }
        for message in bag.messages(set(self._topics.by_role().values())):
            try:
                content = message.read()
                if message.topic == self._topics.info:
                    intrinsics = self._intrinsics(content)
                    continue
                pair = self._match(waiting, message, content)
                recorded = None if pair is None else self._recorded(*pair, intrinsics)
            except UserError as error:
                self._left_out.append(str(error))
                continue
            if recorded is not None:
                yield recorded

    def _match(
        self, waiting: dict[str, deque[tuple[float, Any]]], message: BagMessage, content: Any
    ) -> tuple[Any, Any] | None:
        """Return colour and depth of one moment, None where the partner has not come yet."""
        # Of a header without a stamp, or with one that stands still, when it was recorded.
        written, before = header_time(content), self._stamps.get(message.topic, 0.0)
        self._stamps[message.topic] = written
        stamp = message.log_time if written in (0.0, before) else written
        is_colour = message.topic == self._topics.colour
        other = waiting[self._topics.depth if is_colour else self._topics.colour]
        match = min(other, key=lambda entry: abs(entry[0] - stamp), default=None)
        apart = math.inf if match is None else abs(match[0] - stamp)
        self._closest = min(self._closest, apart)
        if match is None or apart > self._tolerance:
            waiting[message.topic].append((stamp, content))
            return None
        other.remove(match)
        return (content, match[1]) if is_colour else (match[1], content)

    def _recorded(self, colour: Any, depth: Any, intrinsics: Intrinsics) -> RecordedPair:
        """Return colour and depth as a pair. Raises UserError for what cannot be one."""
        rgb, metres = colour_image(colour, self._bits), depth_image(depth)
        size = (intrinsics.height, intrinsics.width)
        if rgb.shape[:2] != size or metres.shape != size:
            raise DataError(
                f'colour is {rgb.shape[:2]}, depth {metres.shape}, camera_info {size} (height, '
                'width); record depth that is aligned with colour'
            )
        if not metres.any():
            raise DataError('no pixel of the depth image is valid; check the depth camera')
        return RecordedPair(rgb, metres, intrinsics)
