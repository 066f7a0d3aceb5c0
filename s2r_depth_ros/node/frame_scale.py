"""The scale of one camera's frames: its sources are asked, one is chosen, filtered, reported."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from std_msgs.msg import Header

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.geometry.scale import (
    CameraHeight,
    FilterState,
    FixedScale,
    Freshness,
    Jump,
    NoScale,
    Reason,
    ScaleChoice,
    ScaleEstimate,
    UnscaledView,
    choose_scale,
    rescaled,
    update,
)
from s2r_depth_ros.node.conversions import seconds
from s2r_depth_ros.node.frame_references import FrameReferences
from s2r_depth_ros.node.gravity import Gravity
from s2r_depth_ros.node.parameters import Values
from s2r_depth_ros.node.parameters.scale import CAMERA_HEIGHT, FIXED, STOP
from s2r_depth_ros.node.reference_readers import ScaledFrame
from s2r_depth_ros.node.scale_report import ScaleReport
from s2r_depth_ros.node.transforms import Transforms

Found = ScaleEstimate | NoScale


class FrameScale:
    """Finds by what the depth of each frame is to be scaled; one caller at a time.

    references: what other sensors of the camera have measured.
    """

    def __init__(
        self, references: FrameReferences, transforms: Transforms, gravity: Gravity
    ) -> None:
        self._references = references
        self._transforms = transforms
        self._gravity = gravity
        self._state = FilterState.initial()
        self._depth_scale: float | None = None
        self._estimate: ScaleEstimate | None = None
        self._contradicted: float | None = None  # since when sources contradict each other
        # Whether depth was published by the state before: then it must not jump.
        self._shown = False

    @property
    def references(self) -> FrameReferences:
        """What takes the messages of other sensors."""
        return self._references

    def restart(self) -> None:
        """Let the next frame have the scale as it is, as nobody has seen one before it."""
        self._shown = False

    def measure(self, header: Header, view: UnscaledView | None, values: Values) -> ScaleReport:
        """Return the scale of a frame.

        view: depth as it is with depth_scale, None where the intrinsics are not known. Times are
        stamps of messages; no clock is read.
        """
        now = seconds(header.stamp)
        self._follow(values, now)
        notes: list[str] = []
        found = list(self._ask(header, view, values, notes))
        choice = choose_scale(found, now, values.scale.max_age)
        state = update(self._state, self._news(choice), now, values.scale.settings())
        if not self._shown:
            state = replace(state, current=state.target)
        self._state = state
        freshness = state.freshness(now, values.scale.settings())
        if state.jump and choice.estimate and freshness is not Freshness.FRESH:
            notes.append(_about_jump(state.jump, state.scale))
        if lasting := self._lasting(choice.contradiction, now, values.scale.timeout):
            notes.append(lasting)
        missing = freshness in (Freshness.UNSET, Freshness.STALE)
        withheld = missing and values.scale.on_timeout == STOP
        self._shown = not withheld
        return ScaleReport(
            state, freshness, state.age(now), self._estimate, choice.text, notes, withheld
        )

    def _follow(self, values: Values, now: float) -> None:
        """Keep what was measured as it is in metres when the factor before it changes.

        What is fixed is meant to follow that factor. Who sets it while the scale is stale knows
        better: what was measured is forgotten.
        """
        before, self._depth_scale = self._depth_scale, values.depth_scale
        if before in (None, values.depth_scale):
            return
        self._references.forget_answers()
        if self._state.freshness(now, values.scale.settings()) is Freshness.STALE:
            self._state, self._estimate = FilterState.initial(), None
        elif self._state.source not in ('', FIXED):
            self._state = rescaled(self._state, values.depth_scale / before)

    def _lasting(self, contradiction: str | None, now: float, timeout: float) -> str:
        """Return the contradiction if there has been one for ``timeout`` seconds, else ''."""
        if contradiction == '':
            self._contradicted = None
        if not contradiction:
            return ''
        if self._contradicted is None or now < self._contradicted:
            self._contradicted = now
        return contradiction if now - self._contradicted >= timeout else ''

    def _news(self, choice: ScaleChoice) -> ScaleEstimate | None:
        """Return the chosen estimate, None if the filter has seen it already."""
        before, estimate = self._estimate, choice.estimate
        if estimate is None or estimate is before:
            return None
        self._estimate = estimate
        return estimate

    def _ask(
        self, header: Header, view: UnscaledView | None, values: Values, notes: list[str]
    ) -> Iterator[Found]:
        """Give the answers of all sources; what could be better is added to the notes."""
        for name in values.scale.names:
            if not seconds(header.stamp):
                yield NoScale(name, Reason.NO_TIME)
            elif view is None:
                yield NoScale(name, Reason.NO_CAMERA)
            elif name == FIXED:
                yield FixedScale(1.0, seconds(header.stamp)).estimate(view)
            elif name == CAMERA_HEIGHT:
                yield self._by_height(header, view, values, notes)
            else:
                frame = ScaledFrame(
                    header, view, self._transforms, self._references.infos, values.scale.curve
                )
                yield from self._references.ask(name, frame, values.scale.max_age)

    def _by_height(
        self, header: Header, view: UnscaledView, values: Values, notes: list[str]
    ) -> Found:
        now = seconds(header.stamp)
        try:
            height = values.scale.camera_height or self._height(header, values.base_frame)
        except UserError as error:
            return NoScale(
                CAMERA_HEIGHT,
                Reason.NOT_PLACED,
                f'{error}. Or set scale.camera_height to its metres over the floor',
            )
        down = self._gravity.down(header.frame_id, now)
        if down.vector is None:
            notes.append(
                f'{CAMERA_HEIGHT} takes the camera for level, which may be far off: {down.problem}'
            )
        return CameraHeight(height, now, down.vector).estimate(view)

    def _height(self, header: Header, base_frame: str) -> float:
        """Return the height of the optical frame over base_frame, metres. Raises NoTransform."""
        pose = self._transforms.find(base_frame, header.frame_id, seconds(header.stamp))
        return float(pose[2, 3])


def _about_jump(jump: Jump, scale: float) -> str:
    """Return why a fresh reference does not count."""
    return (
        f'the reference says {math.exp(jump.log_scale):.3g} and not {scale:.3g}: a jump is '
        'believed when three measurements in a row agree on it for half a second'
    )
