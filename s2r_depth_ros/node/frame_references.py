"""What other sensors have measured, and what that says of the scale of one camera's frames."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from s2r_depth_ros.errors import UserError, brief
from s2r_depth_ros.geometry.frame_tree import NoTransform
from s2r_depth_ros.geometry.scale import NoScale, Reason, ScaleEstimate
from s2r_depth_ros.node import topics
from s2r_depth_ros.node.camera_info import CameraInfoHistory
from s2r_depth_ros.node.conversions import seconds
from s2r_depth_ros.node.reference_readers import READERS, ScaledFrame

# Messages of each topic. Images come late by a few periods of a fast sensor, and clouds are large.
_KEPT = {topics.REFERENCE_SCAN: 16, topics.REFERENCE_RANGE: 32}
_KEPT_LARGE = 4


class _Answer(NamedTuple):
    """What a message said of the frame that was nearest to it; off: seconds between them."""

    message: Any
    off: float
    found: ScaleEstimate | NoScale


class FrameReferences:
    """Keeps the latest messages of a camera's references, and asks the one nearest to a frame.

    sources: values of scale.source. why_nothing: returns why nothing has come on a topic of the
    table, with the remedy. ``take`` may be called from several threads, ``ask`` from one.
    """

    def __init__(self, sources: Collection[str], why_nothing: Callable[[str], str]) -> None:
        self.sources = sources
        self._why_nothing = why_nothing
        self._lock = threading.Lock()
        self._messages: dict[str, deque[Any]] = {
            topic.name: deque(maxlen=_KEPT.get(topic.name, _KEPT_LARGE))
            for topic in topics.INPUTS
            if topic.source in sources and topic.name in READERS
        }
        self.infos = CameraInfoHistory()
        self._answers: dict[str, _Answer] = {}

    def take(self, topic: str, message: Any) -> None:
        """Keep a message that came on a topic of the table."""
        if topic == topics.REFERENCE_INFO:
            self.infos.add(message)
            return
        with self._lock:
            self._messages[topic].append(message)

    def ask(self, source: str, frame: ScaledFrame, max_age: float) -> list[ScaleEstimate | NoScale]:
        """Return what each topic of a source says of a frame, or that nothing came on any.

        A message is asked once, for the frame nearest to it; the same object comes again for the
        frames after that. max_age: seconds, beyond which a message is not asked.
        """
        answers = [
            self._answer(topic, frame, max_age)
            for topic in topics.INPUTS
            if topic.source == source and topic.name in READERS
        ]
        return [answer for answer in answers if not _nothing_came(answer)] or answers

    def forget_answers(self) -> None:
        """Ask again, as unscaled depth is no longer what it was."""
        self._answers.clear()

    def _answer(
        self, topic: topics.Topic, frame: ScaledFrame, max_age: float
    ) -> ScaleEstimate | NoScale:
        now = seconds(frame.header.stamp)
        message = self._nearest(topic.name, now)
        if message is None:
            return NoScale(topic.source, Reason.NOTHING_CAME, self._why_nothing(topic.name))
        off = abs(now - seconds(message.header.stamp))
        if off > max_age:
            about = _distance(topic, message, now, max_age)
            return NoScale(topic.source, Reason.OTHER_TIME, about)
        before = self._answers.get(topic.name)
        if before is not None and before.message is message and off >= before.off:
            return before.found
        try:
            found = READERS[topic.name](message, frame).estimate(frame.view)
        except NoTransform as error:
            # Not kept: TF may come later than what it is for.
            return NoScale(topic.source, Reason.NOT_PLACED, str(error))
        except UserError as error:
            found = NoScale(topic.source, Reason.UNREADABLE, str(error))
        except Exception as error:  # a defect here is to cost the scale, not the depth
            text = brief(f'{topic.name} cannot be read: {type(error).__name__}: {error}')
            found = NoScale(topic.source, Reason.UNREADABLE, text)
        self._answers[topic.name] = _Answer(message, off, found)
        return found

    def _nearest(self, topic: str, now: float) -> Any | None:
        with self._lock:
            messages = self._messages[topic]
            return min(messages, key=lambda m: abs(now - seconds(m.header.stamp)), default=None)


def _nothing_came(answer: ScaleEstimate | NoScale) -> bool:
    """Return whether an answer is that there was nobody to ask."""
    return isinstance(answer, NoScale) and answer.reason is Reason.NOTHING_CAME


def _distance(topic: topics.Topic, message: Any, now: float, max_age: float) -> str:
    late = now - seconds(message.header.stamp)
    if late == now:
        return f'{topic.name} has no stamp; have its driver set it'
    side = 'older' if late > 0 else 'newer'
    return f'{topic.name}: {abs(late):.1f} s {side} than the image, at most {max_age:g} s will do'
