"""What the node logs, and how often."""

from __future__ import annotations

import itertools
import logging
from typing import Any, cast

import pytest

pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')

from fake_node import FakeLogger
from hypothesis import given
from hypothesis import strategies as st

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.node.log import Throttle, describe, forward_log


def test_throttle() -> None:
    throttle = Throttle(3600.0)
    assert [throttle.is_due(key) for key in ('a', 'a', 'b')] == [True, False, True]
    assert not throttle.is_due('b')
    eager = Throttle(0.0)
    assert [eager.is_due('a'), eager.is_due('a')] == [True, True]


def test_a_second_kind_of_fault_is_told_beside_the_first() -> None:
    throttle = Throttle(3600.0)
    texts = ["encoding 'x' of 3 bytes", "encoding 'y' of 45.5 bytes", 'step 3', 'step 4']
    assert [throttle.is_due(text) for text in texts] == [True, False, True, False]


def test_kinds_without_end_are_not_all_told() -> None:
    """An encoding that is a new word each time must not fill the log."""
    throttle = Throttle(3600.0)
    words = itertools.product('abcdefgh', repeat=2)
    assert sum(throttle.is_due(''.join(word)) for word in words) == 20


@given(st.text(max_size=40), st.integers(0, 5000))
def test_what_comes_from_outside_is_one_line_that_ends(text: str, times: int) -> None:
    line = describe(UserError(text * times))
    assert line.isprintable()
    assert len(line) < 1300


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
