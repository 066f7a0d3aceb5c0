"""What the node logs, and how often."""

from __future__ import annotations

import logging
from typing import Any, cast

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from fake_node import FakeLogger

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.node.log import Throttle, describe, forward_log


def test_throttle() -> None:
    throttle = Throttle(3600.0)
    assert [throttle.is_due(key) for key in ('a', 'a', 'b')] == [True, False, True]
    eager = Throttle(0.0)
    assert [eager.is_due('a'), eager.is_due('a')] == [True, True]


def test_a_user_reads_a_sentence_and_a_defect_keeps_its_traceback() -> None:
    assert describe(UserError('give another model')) == 'give another model'
    try:
        raise ValueError('odd')
    except ValueError as error:
        text = describe(error)
    assert text.startswith('Traceback')
    assert text.endswith('ValueError: odd')


def test_records_of_other_layers_keep_their_severity() -> None:
    package = logging.getLogger('s2r_depth_ros')
    before, level = list(package.handlers), package.level
    logger = FakeLogger()
    try:
        package.setLevel(logging.DEBUG)
        forward_log(cast(Any, logger))
        other = logging.getLogger('s2r_depth_ros.inference.estimator')
        other.debug('not told')
        other.info('a %s', 'model')
        other.warning('unknown')
        other.error('wrong')
    finally:
        package.handlers[:] = before
        package.setLevel(level)
    assert logger.lines == [('info', 'a model'), ('warning', 'unknown'), ('error', 'wrong')]
