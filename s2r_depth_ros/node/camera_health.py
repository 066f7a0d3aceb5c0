"""What became of a camera's frames: counted, kept for diagnostics, and told in the log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rclpy.clock import Clock
from rclpy.impl.rcutils_logger import RcutilsLogger

from s2r_depth_ros.errors import brief
from s2r_depth_ros.node.frame import Result
from s2r_depth_ros.node.frame_counts import FrameCounter, FrameCounts
from s2r_depth_ros.node.log import MOST_CHARACTERS, Throttle, describe

# Different warnings that are said once each: a camera may write a new frame_id into every message.
_TOLD_AT_MOST = 20
# Word of a topic's name that says that its images are rectified; /compressed may follow, and some
# drivers have it as a part of its own (rgb/rect/image).
_RECTIFIED = re.compile(r'(?<![a-z])(rect|rectified)(?![a-z])', re.IGNORECASE)


@dataclass(frozen=True)
class CameraFacts:
    """What diagnostics are made of for one camera.

    name: '' for a single one. image_topic: the full name of the topic that its images come from.
    counts: None unless the node is active. last: the newest frame published since the activation,
    None before. error: why a frame after ``last`` was skipped, '' if none was. publishers: how
    many there are on image_topic. graph_problems: what keeps others from the camera's topics, and
    who is on them and should not be.
    elsewhere: the topic of the other image_transport, if images come there and not on image_topic.
    last_error: why the newest frame that was skipped was, '' if none was since the activation.
    info_topic: the full name of the camera_info. info_silence: seconds since a stream of it ended,
    0 while it goes on. foreign_info: why it may be of another camera, '' if it is not. repeated:
    how many frames in a row had the stamp of the one before. still: whether the newest image is one
    that its publisher keeps for late subscribers, so that no other need come.
    """

    name: str
    image_topic: str
    counts: FrameCounts | None
    last: Result | None
    error: str
    publishers: int = 0
    graph_problems: Sequence[str] = ()
    elsewhere: str = ''
    last_error: str = ''
    info_topic: str = ''
    info_silence: float = 0.0
    foreign_info: str = ''
    repeated: int = 0
    still: bool = False


class CameraHealth:
    """Counts what becomes of the frames of one camera, remembers the last and warns of trouble.

    counter: of its frames; those that arrive or that nobody wants are counted there. Safe to use
    from several threads.
    """

    def __init__(self, name: str, image_topic: str, logger: RcutilsLogger, clock: Clock) -> None:
        self._name, self._image_topic = name, image_topic
        self._logger, self._clock = logger, clock
        self._label = f'camera {name}: ' if name else ''
        self._throttle = Throttle()
        self._told: set[str] = set()
        self._graph_problems: set[str] = set()
        self.counter = FrameCounter()
        self.reset()

    def reset(self) -> None:
        """Start anew, as on activation."""
        self.counter.reset()
        self._error = self._last_error = ''
        self._last: Result | None = None
        self._repeated = 0

    def count_published(self, result: Result) -> None:
        """Count a frame that was published, and warn of what was missing for it."""
        # By numbers: the two need not be on the same clock type, and no Time is before 1970.
        stamp = result.header.stamp
        latency = self._clock.now().nanoseconds - (stamp.sec * 10**9 + stamp.nanosec)
        self.counter.count_published(latency / 1e9, result.inference)
        same = self._last is not None and self._last.header.stamp == stamp
        self._repeated = self._repeated + 1 if same else 0
        self._error, self._last = '', result
        self._warn_about(result)

    def facts(
        self,
        active: bool,
        publishers: int = 0,
        graph_problems: Sequence[str] = (),
        elsewhere: str = '',
    ) -> CameraFacts:
        """Return what there is to report; rates are those since the last call while active.

        publishers, graph_problems, elsewhere: as in CameraFacts; what is new of graph_problems is
        told in the log.
        """
        for text in set(graph_problems) - self._graph_problems:
            self._logger.warning(f'{self._label}{text}')
        self._graph_problems = set(graph_problems)
        counts = self.counter.take() if active else None
        return CameraFacts(
            self._name,
            self._image_topic,
            counts,
            self._last,
            self._error,
            publishers,
            graph_problems,
            elsewhere,
            self._last_error,
            repeated=self._repeated,
        )

    def report_bad_frame(self, error: BaseException) -> None:
        """Count a frame that gave an error, and report it."""
        self._error = self._last_error = describe(error)
        self.counter.count_error()
        if self._throttle.is_due(self._error):
            self._logger.error(f'{self._label}frame skipped: {self._error}')

    def report_once(self, text: str) -> None:
        """Warn of something that is no fault of any one frame, once in this object's life."""
        text = brief(text, MOST_CHARACTERS)
        if text not in self._told and len(self._told) < _TOLD_AT_MOST:
            self._told.add(text)
            self._logger.warning(f'{self._label}{text}')

    def _warn_about(self, result: Result) -> None:
        if result.camera_problem and self._throttle.is_due(result.camera_problem):
            self._logger.warning(
                f'{self._label}{result.camera_problem}. Until then depth is not corrected for the '
                'focal length, and no cloud, no scan and no camera_info are published'
            )
        if result.navigation_problem and self._throttle.is_due('navigation'):
            self._logger.warning(f'{self._label}{result.navigation_problem}')
        looks_rectified = _RECTIFIED.search(self._image_topic)
        if result.rectified and looks_rectified and self._throttle.is_due('rect'):
            self._logger.warning(
                f'{self._image_topic} looks rectified already, and is being rectified again: set '
                'rectify to never'
            )
