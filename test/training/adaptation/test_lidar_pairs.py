"""Depth by a lidar of a recording: the points land on the pixels that see them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import robot_recordings as robot
from floor_scenes import CAMERA

from s2r_depth_ros.media.bags.transforms import BagTransforms
from s2r_depth_ros.media.checks import SourceError
from s2r_depth_training.dataset.bag_pairs import BagPairs, PairRules, RecordedPair, Topics
from s2r_depth_training.dataset.bag_truth import LidarPoints
from s2r_depth_training.errors import DataError

RULES = PairRules(width=160, tolerance=0.05)


def pairs_of(
    path: Path, topic: str, given: list[str] | None = None, rules: PairRules = RULES
) -> list[RecordedPair]:
    topics = Topics(robot.COLOUR, topic, robot.INFO_TOPIC)
    truth = LidarPoints(BagTransforms(path, given or []))
    pairs = BagPairs(path, topics, truth, rules, lambda text: None)
    found = list(pairs)
    if not found:
        raise DataError(pairs.why_none())
    return found


def test_points_of_a_cloud_land_where_they_are_seen(tmp_path: Path) -> None:
    bag = robot.record(tmp_path / 'bag', robot.messages([3.0, 2.5], robot.POINTS))
    first, second = pairs_of(bag, robot.POINTS)
    assert (first.stamp, second.stamp) == (100.0, 101.0)
    for pair, distance in ((first, 3.0), (second, 2.5)):
        known = pair.depth > 0
        # Every sixth row, by rounding of projections perhaps one beside.
        assert 0.15 < known.mean() < 0.2
        truth = robot.truth(distance)
        np.testing.assert_allclose(pair.depth[known], truth[known], rtol=0.03)


def test_a_scan_lands_on_the_row_of_its_plane(tmp_path: Path) -> None:
    bag = robot.record(tmp_path / 'bag', robot.messages([4.0], robot.LASER))
    (pair,) = pairs_of(bag, robot.LASER)
    rows, columns = np.nonzero(pair.depth)
    # 10 cm over the camera, up to 4 m ahead.
    depth = pair.depth[rows, columns]
    np.testing.assert_allclose(rows, CAMERA.cy - CAMERA.fy * 0.1 / depth, atol=0.51)
    assert len(columns) > 80
    right = CAMERA.fx / np.maximum(columns - CAMERA.cx, 1e-6)  # a wall 1 m to the right
    there = np.where(columns > CAMERA.cx, np.minimum(right, 4.0), 4.0)
    np.testing.assert_allclose(pair.depth[rows, columns], there, rtol=0.02)


def test_images_shrink_and_points_with_them(tmp_path: Path) -> None:
    bag = robot.record(tmp_path / 'bag', robot.messages([3.0], robot.POINTS))
    (pair,) = pairs_of(bag, robot.POINTS, rules=PairRules(width=80, tolerance=0.05))
    assert pair.depth.shape == (60, 80) == pair.rgb.shape[:2]
    known = pair.depth > 0
    picked = robot.truth(3.0)[::2, ::2]
    assert np.median(np.abs(pair.depth[known] / picked[known] - 1)) < 0.05


def test_the_lens_is_undone(tmp_path: Path) -> None:
    content = robot.messages([3.0], robot.POINTS, d=[-0.2])
    bag = robot.record(tmp_path / 'bag', content)
    (pair,) = pairs_of(bag, robot.POINTS)
    (plain,) = pairs_of(
        robot.record(tmp_path / 'plain', robot.messages([3.0], robot.POINTS)), robot.POINTS
    )
    assert (pair.rgb != plain.rgb).any()  # moved
    known = pair.depth > 0
    assert (pair.depth[known] == plain.depth[known]).all()  # of the rectified image
    assert known.sum() <= (plain.depth > 0).sum()


@pytest.mark.parametrize('name', ['/camera/image_rect', '/camera/image_rect_color/compressed'])
def test_images_that_are_rectified_are_not_once_more(tmp_path: Path, name: str) -> None:
    """Their camera_info has the lens of the raw ones, which would bend them the other way."""
    content = [
        (name if topic == robot.COLOUR else topic, kind, message)
        for topic, kind, message in robot.messages([3.0], robot.POINTS, d=[-0.2])
    ]
    bag = robot.record(tmp_path / 'bag', content)
    topics = Topics(name, robot.POINTS, robot.INFO_TOPIC)
    truth = LidarPoints(BagTransforms(bag, []))
    with pytest.raises(DataError, match=f'by its name {name} is rectified .* say --rectified'):
        list(BagPairs(bag, topics, truth, RULES, lambda text: None))
    said = PairRules(width=160, tolerance=0.05, rectified=True)
    (pair,) = BagPairs(bag, topics, truth, said, lambda text: None)
    expected = next(m for t, _, m in content if t == name).data.reshape(pair.rgb.shape)
    assert (pair.rgb == expected).all()


def test_what_the_camera_does_not_see_is_left_out(tmp_path: Path) -> None:
    """A lidar beside the camera sees behind a post."""
    content = robot.messages([3.0], robot.POINTS)
    depth = robot.truth(3.0)
    depth[:, 78:83] = 1.0
    behind = robot.cloud(100.01, robot.truth(3.0), 6)
    both = robot.cloud(100.01, depth, 6)
    both.data = np.concatenate([both.data, behind.data])
    both.width += behind.width
    both.row_step = 12 * both.width
    content[-1] = (robot.POINTS, robot.CLOUD, both)
    (pair,) = pairs_of(robot.record(tmp_path / 'bag', content), robot.POINTS)
    post = pair.depth[20:60, 79:82]
    assert (post[post > 0] < 1.1).all()
    assert (post > 0).any()


def test_transforms_are_found_in_a_namespace(tmp_path: Path) -> None:
    """A robot among several has all its topics in one, its own tree too."""
    content = [(f'/robot_1{t}' if k == robot.TF else t, k, m)
               for t, k, m in robot.messages([3.0], robot.POINTS)]  # fmt: skip
    (pair,) = pairs_of(robot.record(tmp_path / 'bag', content), robot.POINTS)
    known = pair.depth > 0
    np.testing.assert_allclose(pair.depth[known], robot.truth(3.0)[known], rtol=0.03)
    # Two trees with one frame in two places: nobody can tell which is meant.
    elsewhere = robot.transform('optical', 'lidar', place=(1.0, 0.0, 0.0))
    content.insert(0, ('/robot_2/tf_static', robot.TF, elsewhere))
    with pytest.raises(DataError, match='does not tell how'):
        pairs_of(robot.record(tmp_path / 'two', content), robot.POINTS)


@pytest.mark.parametrize('topic', [robot.POINTS, robot.LASER])
def test_without_a_transform_it_says_what_to_do(tmp_path: Path, topic: str) -> None:
    content = robot.messages([3.0], topic)[1:]
    bag = robot.record(tmp_path / 'bag', content)
    with pytest.raises(DataError, match=r"how 'lidar' lies to 'optical'.*record /tf_static, or"):
        pairs_of(bag, topic)
    given = ['optical lidar 0 -0.1 0 0.5 -0.5 0.5 0.5']
    told = pairs_of(bag, topic, given)[0].depth
    recorded = pairs_of(robot.record(tmp_path / 'with', robot.messages([3.0], topic)), topic)
    np.testing.assert_allclose(told, recorded[0].depth)


def test_a_joint_that_moves_is_of_no_use(tmp_path: Path) -> None:
    content = robot.messages([3.0], robot.POINTS)[1:]
    content += [
        ('/tf', robot.TF, robot.transform('optical', 'head')),
        ('/tf', robot.TF, robot.transform('optical', 'head', place=(0.0, 0.2, 0.0))),
        ('/tf_static', robot.TF, robot.transform('head', 'lidar')),
    ]
    bag = robot.record(tmp_path / 'bag', content)
    with pytest.raises(DataError, match='head move in the recording'):
        pairs_of(bag, robot.POINTS)


def test_a_lidar_that_looks_elsewhere_is_told(tmp_path: Path) -> None:
    content = robot.messages([3.0], robot.POINTS)
    content[0] = ('/tf_static', robot.TF, robot.transform('optical', 'lidar', (0.0, 1.0, 0.0, 0.0)))
    bag = robot.record(tmp_path / 'bag', content)
    with pytest.raises(DataError, match='no point of the lidar falls on the image'):
        pairs_of(bag, robot.POINTS)


def test_broken_transforms_are_skipped_and_given_ones_are_checked(tmp_path: Path) -> None:
    content = robot.messages([3.0], robot.POINTS)
    content.insert(0, ('/tf_static', robot.TF, robot.transform('optical', 'lidar', (0.0,) * 4)))
    bag = robot.record(tmp_path / 'bag', content)
    assert pairs_of(bag, robot.POINTS)
    with pytest.raises(SourceError, match='closes a loop'):
        BagTransforms(bag, ['a b 0 0 0 0 0 0', 'b a 0 0 0 0 0 0'])
    found = BagTransforms(bag, ['', ' ']).find('optical', 'lidar')  # blank ones say nothing
    np.testing.assert_array_equal(found, BagTransforms(bag).find('optical', 'lidar'))
