from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from s2r_depth_ros.geometry.frame_tree import FixedTransforms, FrameTreeError, NoTransform
from s2r_depth_ros.geometry.rigid import Matrix, inverse

NAMES = ('map', 'base_link', 'camera/link', 'Laser-1', '雷达', 'e', 'f')


@st.composite
def trees(draw) -> tuple[list[str], dict[tuple[str, str], Matrix]]:
    """Texts of a random tree in random order, and the pose of each child in its parent."""
    texts, poses = [], {}
    for number, child in enumerate(NAMES[1:], 1):
        parent = NAMES[draw(st.integers(0, number - 1))]
        move = [draw(st.floats(-10, 10)) for _ in range(3)]
        angles = [draw(st.floats(-math.pi, math.pi)) for _ in range(3)]
        turn = Rotation.from_euler('xyz', angles)
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = turn.as_matrix(), move
        numbers = [*move, *(angles if draw(st.booleans()) else turn.as_quat())]
        slash = draw(st.sampled_from(['', '/']))
        texts.append(f'{slash}{parent} {child} ' + ' '.join(f'{value:.17g}' for value in numbers))
        poses[parent, child] = pose
    return draw(st.permutations(texts)), poses


@given(trees())
def test_any_two_frames_of_a_tree_are_connected(tree) -> None:
    texts, poses = tree
    fixed = FixedTransforms(texts)
    for (parent, child), pose in poses.items():
        np.testing.assert_allclose(fixed.find(parent, child), pose, atol=1e-9)
        np.testing.assert_allclose(fixed.find(child, '/' + parent), inverse(pose), atol=1e-9)
    for one, two, three in itertools.permutations(NAMES, 3):
        chained = fixed.find(one, two) @ fixed.find(two, three)
        np.testing.assert_allclose(fixed.find(one, three), chained, atol=1e-8)
    assert set(fixed.connected(NAMES[3])) == set(NAMES)
    assert fixed.connected(NAMES[3])[0] == NAMES[3]


def test_a_point_of_the_child_in_the_parent() -> None:
    # A camera 0.3 m ahead of the base and 1.2 m up, which looks ahead.
    fixed = FixedTransforms([f'base camera 0.3 0 1.2 {-math.pi / 2} 0 {-math.pi / 2}'])
    point = fixed.find('base', 'camera') @ [0, 0, 2, 1]
    np.testing.assert_allclose(point, [2.3, 0, 1.2, 1], atol=1e-12)


@pytest.mark.parametrize('texts', [[], [''], ['  ', '\t']])
def test_nothing_is_known_of_no_text(texts) -> None:
    fixed = FixedTransforms(texts)
    np.testing.assert_array_equal(fixed.find('a', '/a'), np.eye(4))
    assert fixed.connected('a') == ['a']
    with pytest.raises(NoTransform, match=r"has no frame 'a': add 'parent child x y z"):
        fixed.find('a', 'b')


@pytest.mark.parametrize('frames', [('', 'a'), ('a', ''), ('/', 'a'), (' ', 'a')])
def test_a_frame_needs_a_name(frames) -> None:
    with pytest.raises(NoTransform, match='set the frame_id'):
        FixedTransforms().find(*frames)


def test_an_unknown_frame_is_named_beside_those_that_are_known() -> None:
    fixed = FixedTransforms(['a b 0 0 0 0 0 0'])
    with pytest.raises(NoTransform, match=r"no frame 'camera' \(it has a, b\)"):
        fixed.find('b', 'camera')


def test_trees_that_are_not_connected_are_named() -> None:
    fixed = FixedTransforms(['a b 0 0 0 0 0 0', 'c d 0 0 0 0 0 0'])
    assert fixed.connected('d') == ['d', 'c']
    with pytest.raises(NoTransform, match=r"'b' \(beneath 'a'\) with 'd' \(beneath 'c'\)"):
        fixed.find('b', 'd')


@pytest.mark.parametrize('texts', [['a a 0 0 0 0 0 0'], ['a b 0 0 0 0 0 0', '/b /a 0 0 0 0 0 0']])
def test_a_loop_is_refused(texts) -> None:
    with pytest.raises(FrameTreeError, match=r'closes a loop.*leave one of them out'):
        FixedTransforms(texts)


@given(trees(), st.data())
def test_any_way_back_to_a_tree_is_refused(tree, data) -> None:
    texts, poses = tree
    FixedTransforms([*texts, *texts])  # the same again is no contradiction
    child = data.draw(st.sampled_from(NAMES))
    parent = data.draw(st.sampled_from(NAMES))
    if (parent, child) not in poses:
        with pytest.raises(FrameTreeError, match=r'closes a loop|given twice'):
            FixedTransforms([*texts, f'{parent} {child} 0 0 0 0 0 0'])


def test_another_pose_of_a_frame_is_refused() -> None:
    with pytest.raises(FrameTreeError, match="'b' is given twice, differently, beneath 'a'"):
        FixedTransforms(['a b 0 0 0 0 0 0', 'a b 0 0 0.1 0 0 0'])


@pytest.mark.parametrize(
    ('text', 'match'),
    [
        ('a b 1 2 3', 'has 5 words; it must be'),
        ('a b 1 2 3 0 0 0 1 x', 'has 10 words'),
        ('1 2 3 0 0 0 a b', 'frames first'),
        ('a b 1 2 3 0 0 zero', 'zero'),
        ('a b 1 2 3, 0 0 0', '3,'),
        ('a b 1 2 3 0 0 90', 'radians'),
        ('a b 1 2 3 0 0 nan', 'not finite'),
        ('a b inf 2 3 0 0 0', 'finite'),
        ('a b 1 2 3 0 0 0 0', 'length 0'),
        ('a b 1 2 3 0 0 0 nan', 'length nan'),
        ('a b 1 2 3 1 1 1 1', 'length 2'),
        ('/ b 1 2 3 0 0 0', 'no name'),
    ],
)
def test_texts_of_another_form_are_refused(text, match) -> None:
    with pytest.raises(FrameTreeError, match=match) as raised:
        FixedTransforms([text])
    assert repr(text) in str(raised.value)
