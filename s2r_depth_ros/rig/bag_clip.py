"""The colour camera of a recording as a clip; needs no ROS installation, only its messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.geometry import Calibration, calibration_from
from s2r_depth_ros.media.bags.bag import Bag
from s2r_depth_ros.media.bags.messages import BagMessage, header_time
from s2r_depth_ros.rig.bag_camera import CameraInfo, choose_camera, find_camera_info
from s2r_depth_ros.rig.bag_images import ImageReader
from s2r_depth_ros.rig.bag_metres import BagMetres, find_metres
from s2r_depth_ros.rig.clip import (
    OPTICAL_FRAME,
    Clip,
    ClipError,
    ClipFrame,
    ImageData,
    Report,
    assumed_calibration,
)
from s2r_depth_ros.rig.clip_clock import ClipClock

_STEADY_S = 0.1
_DEPTH_OFF_S = 0.1  # at most between an image and the depth that scales it


def open_bag_clip(path: Path, fx: float | None, topic: str | None = None) -> Clip:
    """Open a recording (folder, .mcap, .db3 or a ROS 1 .bag), damaged ones as far as they go.

    topic: of the images; None takes that of the colour camera, ``Clip.name`` says which. Raises
    SourceError if nothing can be read, ClipError naming the topics if there is no camera.
    """
    with Bag(path) as bag:
        camera = choose_camera(bag, str(path), topic)
        info = find_camera_info(bag, camera, fx)
        known = find_metres(bag, path, camera, info)
        notes = tuple(bag.problems)
    if camera.others:
        notes += (f'not played: {", ".join(camera.others)}; --topic plays one of them',)
    source = _Source(path, camera.topic.name, info, known, fx, notes)
    return Clip(
        name=f'bag {path.absolute().name}, topic {camera.topic.name}',
        frame_count=camera.topic.count,
        camera=info.words,
        frame_id=camera.frame_id or OPTICAL_FRAME,
        read=source.frames,
        notes=notes,
        metres=known.metres if known else None,
    )


class _Source:
    """Reads the frames of one camera of a recording."""

    def __init__(
        self,
        path: Path,
        image_topic: str,
        info: CameraInfo,
        known: BagMetres | None,
        fx: float | None,
        notes: tuple[str, ...],
    ) -> None:
        self._path, self._image_topic, self._info = path, image_topic, info
        self._known, self._fx, self._notes = known, fx, notes

    def frames(self, report: Report) -> Iterator[ClipFrame]:
        """Yield the images, timed by their header stamps or when they were recorded."""
        clock, images = ClipClock(_STEADY_S), ImageReader()
        calibrations = _Calibrations(self._info.calibration, self._fx)
        depths = _Depths(self._known)
        topics = {self._image_topic, self._info.topic or self._image_topic, depths.topic}
        with Bag(self._path) as bag:
            for message in bag.messages(topics):
                try:
                    content = message.read()
                    if message.topic == self._info.topic:
                        calibrations.take(content)
                        continue
                    if message.topic == depths.topic:
                        depths.take(content)
                        continue
                    # Also of what is left out below: it takes its time all the same.
                    time = clock(header_time(content), message.log_time)
                    image = images.read(content)
                    frame = ClipFrame(time, image, calibrations.of(image))
                except UserError as error:
                    report(_in_words(message, error))
                    continue
                yield from depths.complete(frame, header_time(content))
            yield from depths.rest()
            for problem in bag.problems:
                if problem not in self._notes:
                    report(problem)


class _Depths:
    """Gives each frame the depth nearest to it in time, which may be recorded after the image."""

    def __init__(self, known: BagMetres | None) -> None:
        self.topic = known.topic if known else ''
        self._read = known.read if known else None
        self._waiting: tuple[ClipFrame, float] | None = None
        self._depths: list[Any] = []

    def take(self, message: Any) -> None:
        """Keep a message that depth is made of."""
        self._depths = [*self._depths[-1:], message]

    def complete(self, frame: ClipFrame, stamp: float) -> Iterator[ClipFrame]:
        """Yield the frame before, and keep this one until all that is nearest to it has come."""
        if self._read is None:
            yield frame
            return
        yield from self.rest()
        self._waiting = frame, stamp

    def rest(self) -> Iterator[ClipFrame]:
        """Yield the frame that waits."""
        if self._waiting is None:
            return
        (frame, stamp), self._waiting = self._waiting, None
        off = [abs(header_time(message) - stamp) for message in self._depths]
        if off and min(off) <= _DEPTH_OFF_S and self._read is not None:
            nearest = self._depths[off.index(min(off))]
            with suppress(UserError):  # a frame without depth is as good a picture
                frame = replace(frame, depth=self._read(nearest, frame.calibration))
        yield frame


class _Calibrations:
    """The newest calibration for each image size; or assumed ones, if there is none at first."""

    def __init__(self, first: Calibration | None, fx: float | None) -> None:
        self._by_size = {} if first is None else {first.image_size: first}
        self._fx = fx

    def take(self, info: Any) -> None:
        """Keep what a camera_info says. Raises CalibrationError if it cannot be used."""
        calibration = calibration_from(info)
        self._by_size[calibration.image_size] = calibration

    def of(self, image: ImageData) -> Calibration:
        """Return the calibration of an image. Raises ClipError if there are but others."""
        size = (image.width, image.height)
        if not self._by_size:
            return assumed_calibration(*size, self._fx)
        if size not in self._by_size:
            there = ', '.join(f'{width}x{height}' for width, height in self._by_size)
            raise ClipError(
                f'the image is {size[0]}x{size[1]} (width x height), but camera_info is of {there}'
            )
        return self._by_size[size]


def _in_words(message: BagMessage, error: UserError) -> str:
    told = str(error)
    return told if told.startswith(message.topic) else f'{message.topic}: {told}'
