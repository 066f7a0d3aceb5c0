"""camera_info: which message belongs to a frame, and the same facts as a Calibration."""

from __future__ import annotations

import threading
from collections import deque

from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from s2r_depth_ros.geometry import Calibration, RegionOfInterest

_KEPT = 32


class CameraInfoHistory:
    """The latest camera_info messages, and the rule by which a frame gets one of them.

    The one with the frame's stamp and frame_id is right; where there is none, the newest one of
    the same frame_id stands in, as most cameras never change their calibration. A frame waits for
    the former only while the stream has exact matches or nothing could stand in, so a camera_info
    with stamps of its own delays no frame but the first. Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: deque[CameraInfo] = deque(maxlen=_KEPT)
        self._expect_exact = True

    def add(self, message: CameraInfo) -> None:
        """Keep a message that arrived."""
        with self._lock:
            self._messages.append(message)

    def is_worth_waiting(self, header: Header) -> bool:
        """Return whether a frame should wait for another message before it takes what there is."""
        with self._lock:
            if self._exact(header) is not None:
                return False
            return self._expect_exact or self._newest(header) is None

    def find(self, header: Header) -> tuple[CameraInfo | None, bool]:
        """Return the camera_info of a frame (None: there is none) and whether its stamp matches."""
        with self._lock:
            exact = self._exact(header)
            self._expect_exact = exact is not None
            return (exact, True) if exact else (self._newest(header), False)

    def other_frame_id(self) -> str | None:
        """Return the frame_id of the newest message of all, None if none came."""
        with self._lock:
            return self._messages[-1].header.frame_id if self._messages else None

    def _newest(self, header: Header) -> CameraInfo | None:
        same = (m for m in reversed(self._messages) if m.header.frame_id == header.frame_id)
        return next(same, None)

    def _exact(self, header: Header) -> CameraInfo | None:
        return next((m for m in reversed(self._messages) if m.header == header), None)


def numbers(message: CameraInfo) -> tuple[object, ...]:
    """Return all that a CameraInfo says of the camera: all but its stamp, to be compared."""
    matrices = (tuple(m) for m in (message.d, message.k, message.r, message.p))
    roi = message.roi
    window = (roi.x_offset, roi.y_offset, roi.width, roi.height)
    binning = (message.binning_x, message.binning_y)
    size, model = (message.width, message.height), message.distortion_model
    return (message.header.frame_id, size, model, *matrices, binning, window)


def calibration_from(message: CameraInfo) -> Calibration:
    """Return a CameraInfo's numbers; raises CalibrationError where they cannot be used."""
    roi = message.roi
    return Calibration(
        width=message.width,
        height=message.height,
        distortion_model=message.distortion_model,
        d=message.d,
        k=message.k,
        r=message.r,
        p=message.p,
        binning_x=message.binning_x,
        binning_y=message.binning_y,
        roi=RegionOfInterest(roi.x_offset, roi.y_offset, roi.width, roi.height),
    )


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
