"""Fixed transforms between frames, from texts such as static_transform_publisher takes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from s2r_depth_ros.errors import UserError, brief
from s2r_depth_ros.geometry.rigid import (
    Matrix,
    inverse,
    rigid,
    rotation_of_quaternion,
    rotation_of_rpy,
)

FORM = "'parent child x y z roll pitch yaw' (metres, radians) or 'parent child x y z qx qy qz qw'"
# Of an entry from another for the same two frames, metres and of rotation matrices.
_SAME = 1e-6
_QUATERNION_TOLERANCE = 1e-2  # of its length from 1


class FrameTreeError(UserError, ValueError):
    """A text is no transform, or several contradict each other; it says which, and the remedy."""


class NoTransform(UserError):  # noqa: N818 - what there is, rather than what went wrong
    """There is no transform between two frames; the text says which, why, and the remedy.

    of_time: whether they are connected, but not at the time that was asked for.
    """

    def __init__(self, text: str, *, of_time: bool = False) -> None:
        super().__init__(text)
        self.of_time = of_time


def frame_name(frame: str) -> str:
    """Return a frame's name as tf2 has it, without the slash that ROS 1 began it with.

    Raises NoTransform for an empty one.
    """
    name = frame.strip().lstrip('/')
    if not name:
        raise NoTransform(
            'a frame has no name: set the frame_id of the camera (or sensor) in its driver, and '
            'base_frame in the parameters'
        )
    return name


class Link(NamedTuple):
    """Two frames, named as tf2 has it, and the pose [4, 4] of the child in the parent."""

    parent: str
    child: str
    pose: Matrix


class FixedTransforms:
    """Transforms that never change, which connect frames in one or several trees.

    texts: each as in FORM: the pose of the child in the parent, so a point p of the child is
    ``T @ p`` in the parent; as in URDF, roll is about x, then pitch about y, yaw about z. Blank
    ones say nothing. links: transforms that are no texts. Raises FrameTreeError for texts of
    another form, for a frame with two parents and for loops.
    """

    def __init__(self, texts: Iterable[str] = (), links: Iterable[Link] = ()) -> None:
        self._parents: dict[str, tuple[str, Matrix]] = {}
        for text in texts:
            if text.strip():
                self._add(_parsed(text), text)
        for link in links:
            self._add(link, f'{link.parent} {link.child}')
        # Of every frame: the top of its tree, and its pose in that.
        self._poses: dict[str, tuple[str, Matrix]] = {}
        for child, (parent, _) in self._parents.items():
            self._poses[child] = self._pose(child)
            self._poses.setdefault(parent, self._pose(parent))

    def find(self, target: str, source: str, stamp: float = 0.0) -> Matrix:
        """Return the transform [4, 4]: a point p of ``source`` is ``T @ p`` in ``target``, metres.

        stamp: of no account, as they hold at all times. Raises NoTransform.
        """
        target, source = frame_name(target), frame_name(source)
        if target == source:
            return np.eye(4)
        for frame in (target, source):
            if frame not in self._poses:
                raise NoTransform(
                    f'the parameter transforms has no frame {frame!r}'
                    + (f' (it has {", ".join(sorted(self._poses))})' if self._poses else '')
                    + f': add {FORM}'
                )
        (top, target_pose), (other, source_pose) = self._poses[target], self._poses[source]
        if top != other:
            raise NoTransform(
                f'the parameter transforms does not connect {target!r} (beneath {top!r}) with '
                f'{source!r} (beneath {other!r}): add the one between the two trees, as {FORM}'
            )
        return inverse(target_pose) @ source_pose

    def connected(self, frame: str) -> Sequence[str]:
        """Return the frame, and the others that are connected with it."""
        frame = frame_name(frame)
        if frame not in self._poses:
            return [frame]
        top = self._poses[frame][0]
        tree = [name for name, (other, _) in self._poses.items() if other == top and name != frame]
        return [frame, *tree]

    def _add(self, link: Link, text: str) -> None:
        """Add a transform; text: what it is called in errors."""
        parent, child, transform = link
        if child in self._parents:
            other, before = self._parents[child]
            if other == parent and np.abs(before - transform).max() <= _SAME:
                return
            raise FrameTreeError(
                f'transforms: {child!r} is given twice, differently, beneath {other!r} and beneath '
                f'{parent!r}: a frame has one parent; leave one out'
            )
        above = parent
        while above != child and above in self._parents:
            above = self._parents[above][0]
        if above == child:
            raise FrameTreeError(
                f'transforms: {brief(text)!r} closes a loop: {child!r} is above {parent!r} already '
                'or the same; leave one of them out'
            )
        self._parents[child] = (parent, transform)

    def _pose(self, frame: str) -> tuple[str, Matrix]:
        """Return the top of a frame's tree, and the frame's pose in that."""
        pose = np.eye(4)
        while frame in self._parents:
            frame, step = self._parents[frame]
            pose = step @ pose
        return frame, pose


def _parsed(text: str) -> Link:
    """Return the transform that a text says. Raises FrameTreeError."""
    words = text.split()
    if len(words) not in (8, 9):
        raise FrameTreeError(
            f'transforms: {brief(text)!r} has {len(words)} words; it must be {FORM}'
        )
    if any(map(_is_number, words[:2])):
        raise FrameTreeError(
            f'transforms: {brief(text)!r} begins with a number; it must be {FORM}: frames first'
        )
    try:
        numbers = [float(word) for word in words[2:]]
    except ValueError as error:
        raise FrameTreeError(f'transforms: {brief(text)!r}: {error}; it must be {FORM}') from error
    try:
        parent, child = frame_name(words[0]), frame_name(words[1])
        return Link(parent, child, rigid(_rotation(numbers[3:]), numbers[:3]))
    except (ValueError, NoTransform) as error:
        raise FrameTreeError(f'transforms: {brief(text)!r}: {error}') from error


def _rotation(numbers: Sequence[float]) -> Matrix:
    if len(numbers) == 4:
        length = math.hypot(*numbers)
        if not abs(length - 1) <= _QUATERNION_TOLERANCE:
            raise ValueError(f'the quaternion (x y z w) has the length {length:.3g}, it must be 1')
        return rotation_of_quaternion(numbers)
    roll, pitch, yaw = numbers
    # Who writes more than a turn means degrees.
    if any(abs(angle) > 2 * math.pi for angle in numbers):
        raise ValueError(f'roll, pitch and yaw are {tuple(numbers)}; they must be radians')
    return rotation_of_rpy(roll, pitch, yaw)


def _is_number(word: str) -> bool:
    """Return whether a word is one."""
    try:
        float(word)
    except ValueError:
        return False
    return True
