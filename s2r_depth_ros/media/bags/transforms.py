"""How the sensors of a robot lie to each other, by the TF of a recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.geometry.frame_tree import FORM, FixedTransforms, Link, NoTransform, frame_name
from s2r_depth_ros.geometry.rigid import Matrix, rigid_of
from s2r_depth_ros.media.bags.bag import Bag
from s2r_depth_ros.media.checks import SourceError

_TF_NAMES = ('tf_static', 'tf')  # of topics, in whatever namespace
_TF = 'tf2_msgs/msg/TFMessage'
# Of what stands still, and of what is in one place: metres, and of rotation matrices.
_STILL = 1e-3


class BagTransforms:
    """The transforms of a recording that do not change in it, and those given by hand.

    given: texts as in frame_tree.FORM; a frame that has one there keeps it. Raises SourceError for
    texts that are no transforms.
    """

    def __init__(self, path: Path, given: Sequence[str] = ()) -> None:
        self._path = path
        try:
            FixedTransforms(given)
        except UserError as error:
            raise SourceError(str(error)) from error
        own = {frame_name(text.split()[1]) for text in given if text.strip()}
        found, self._moving = _recorded(path)
        links = [link for child, link in found.items() if child not in own]
        try:
            self._fixed = FixedTransforms(given, links)
        except UserError as error:
            raise SourceError(f'{path}: {error}') from error

    def find(self, target: str, source: str) -> Matrix:
        """Return the transform [4, 4]: a point p of ``source`` is ``T @ p`` in ``target``, metres.

        Raises SourceError where the recording has none, or one that moves.
        """
        try:
            return self._fixed.find(target, source)
        except NoTransform as error:
            moving = ', '.join(sorted(self._moving))
            hint = f'; {moving} move in the recording, and are of no use' if moving else ''
            raise SourceError(
                f'{self._path} does not tell how {source!r} lies to {target!r}{hint}: record '
                f'/tf_static, or give it as {FORM}'
            ) from error

    def are_one_place(self, first: str, second: str) -> bool:
        """Return whether two frames are one, or lie in one place and look the same way."""
        if one_frame(first, second):
            return True
        try:
            return bool(np.abs(self.find(first, second) - np.eye(4)).max() <= _STILL)
        except SourceError:
            return False


def one_frame(first: str, second: str) -> bool:
    """Return whether two frame_ids are equal, or nobody can tell, as one of them is empty."""
    first, second = (name.strip().lstrip('/') for name in (first, second))
    return first == second or not (first and second)


def _recorded(path: Path) -> tuple[dict[str, Link], set[str]]:
    """Return child -> link of what stands still, and the children that move."""
    still: dict[str, Link] = {}
    moving: set[str] = set()
    with Bag(path) as bag:
        named = [t for t in bag.topics.values() if t.name.rpartition('/')[2] in _TF_NAMES]
        topics = [topic.name for topic in named if topic.type == _TF]
        for message in bag.messages(topics):
            try:
                transforms = message.read().transforms
            except UserError:
                continue  # as tf2 does with what it cannot read
            for transform in transforms:
                _add(transform, still, moving)
    return {child: link for child, link in still.items() if child not in moving}, moving


def _add(stamped: Any, still: dict[str, Link], moving: set[str]) -> None:
    try:
        parent, child = frame_name(stamped.header.frame_id), frame_name(stamped.child_frame_id)
        link = Link(parent, child, rigid_of(stamped.transform))
    except (ValueError, NoTransform):
        return
    before = still.setdefault(child, link)
    if before.parent != parent or np.abs(before.pose - link.pose).max() > _STILL:
        moving.add(child)
