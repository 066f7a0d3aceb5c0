"""camera_info: which message belongs to a frame, and a Calibration as a message."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import NamedTuple

from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from s2r_depth_ros.geometry import Calibration, image_size_of

_KEPT = 32
# Cameras of which the newest message is kept however many the others send on the same topic.
_CAMERAS = 8
# Of a lens that are compared: no formula has more.
_COEFFICIENTS = 32
# Messages that make a stream, and periods without one after which it has ended.
_STREAM, _PERIODS_MISSED = 5, 10

ImageSize = tuple[int, int]
"""(width, height) in pixels."""


class _Fit(NamedTuple):
    """How well a camera_info fits a frame: the first difference decides, and the newest of equals.

    The frame_id is no condition: the topics were wired on purpose, and many drivers leave it empty
    or write another one. It tells cameras apart that share a topic: one that is empty is no other.
    """

    stamp: bool
    size: bool
    not_foreign: bool


class CameraInfoHistory:
    """The latest camera_info messages, and the rule by which a frame gets one of them.

    The one with the frame's stamp is right; where there is none, the newest one that is for images
    of the frame's size stands in, as most cameras never change their calibration, and one that
    starts again with another size sends a new one. A frame waits for the former only while the
    stream has exact matches or nothing came at all, or if the one that stands in has other numbers
    than that of the frame before: then the calibration is not what it was, and the right one may be
    on its way. So a camera_info with stamps of its own delays no frame but the first of each
    calibration. Safe to use from several threads.

    changes: how often a frame had other numbers than the one before; the first ones count.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: deque[tuple[CameraInfo, ImageSize]] = deque(maxlen=_KEPT)
        # The newest that has gone from the former, by its frame_id.
        self._older: dict[str, tuple[CameraInfo, ImageSize]] = {}
        self._expect_exact = True
        self._used: tuple[object, ...] | None = None
        self.changes = 0
        self._count = 0
        self._first = self._newest = 0.0  # monotonic seconds

    def add(self, message: CameraInfo) -> None:
        """Keep a message that arrived."""
        with self._lock:
            if len(self._messages) == _KEPT:
                self._put_away(self._messages[0])
            self._messages.append((message, image_size_of(message)))
            self._newest = time.monotonic()
            self._first = self._first or self._newest
            self._count += 1

    def _put_away(self, oldest: tuple[CameraInfo, ImageSize]) -> None:
        """Keep a message as the newest of its camera that is out of reach else."""
        frame_id = oldest[0].header.frame_id
        self._older.pop(frame_id, None)
        self._older[frame_id] = oldest
        if len(self._older) > _CAMERAS:
            del self._older[next(iter(self._older))]

    def silence(self) -> float:
        """Return for how many seconds no message has come, of a stream that sent some; else 0.

        A camera that sends one for good, or one now and then, is not silent.
        """
        with self._lock:
            if self._count < _STREAM:
                return 0.0
            seconds = time.monotonic() - self._newest
            period = (self._newest - self._first) / (self._count - 1)
            return seconds if seconds > _PERIODS_MISSED * period else 0.0

    def is_worth_waiting(self, header: Header) -> bool:
        """Return whether a frame should wait for another message before it takes what there is."""
        with self._lock:
            best, fit = self._best(header, None)
            if best is None or fit.stamp:
                return best is None
            return self._expect_exact or numbers(best) != self._used

    def find(self, header: Header, size: ImageSize) -> tuple[CameraInfo | None, bool]:
        """Return the camera_info of a frame (None: none came) and whether its stamp matches.

        size: of the frame's image. Where no camera_info is for this size, one of another comes, and
        so it does if it has the stamp: then what the camera says of this frame does not fit it.
        """
        with self._lock:
            best, fit = self._best(header, size)
            self._expect_exact = fit.stamp
            used = None if best is None else numbers(best)
            self.changes += used != self._used
            self._used = used
            return best, fit.stamp

    def _best(self, header: Header, size: ImageSize | None) -> tuple[CameraInfo | None, _Fit]:
        """Return the message that fits best, of any size if ``size`` is None."""
        fits = []
        for message, its_size in (*reversed(self._messages), *reversed(self._older.values())):
            exact = message.header.stamp == header.stamp
            own = not is_foreign(message.header, header)
            fits.append((_Fit(exact, size in (None, its_size), own), message))
        fit, best = max(fits, key=lambda entry: entry[0], default=(_Fit(False, False, False), None))
        return best, fit


def numbers(message: CameraInfo) -> tuple[object, ...]:
    """Return all that a CameraInfo says of the camera, to be compared; of d the first 32."""
    matrices = (tuple(m[:_COEFFICIENTS]) for m in (message.d, message.k, message.r, message.p))
    roi = message.roi
    window = (roi.x_offset, roi.y_offset, roi.width, roi.height)
    binning = (message.binning_x, message.binning_y)
    size, model = (message.width, message.height), message.distortion_model
    return (size, model, *matrices, binning, window)


def same_frame(one: Header, other: Header) -> bool:
    """Return whether two frame_ids are equal; some drivers write the leading slash of ROS 1."""
    return one.frame_id.lstrip('/') == other.frame_id.lstrip('/')


def is_foreign(one: Header, other: Header) -> bool:
    """Return whether two frame_ids are of different frames; many drivers write none."""
    return bool(one.frame_id and other.frame_id) and not same_frame(one, other)


def camera_info_message(calibration: Calibration, header: Header) -> CameraInfo:
    """Return a calibration without window or binning as a CameraInfo."""
    return CameraInfo(
        header=header,
        width=calibration.width,
        height=calibration.height,
        distortion_model=calibration.distortion_model,
        d=calibration.d,
        k=calibration.k,
        r=calibration.r,
        p=calibration.p,
    )
