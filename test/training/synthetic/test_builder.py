"""Shapes stand where they are put, in frames within frames."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from s2r_depth_training.synthetic.geometry.primitives import primitives
from s2r_depth_training.synthetic.sources.builder import Builder, LocalFrame


def vertices(builder: Builder) -> NDArray[np.float64]:
    """World positions of the vertices of the last shape, [N, 3]."""
    instance = builder.instances[-1]
    return instance.in_world(primitives()[instance.mesh].positions)


@pytest.fixture
def frame() -> LocalFrame:
    """At (2, 1, 0.5) in the world, x along the world's y."""
    return Builder(Random(0)).frame(1.0, 1.0).frame(1.0, 0.0, 0.5, math.pi / 2)


def test_a_box_stands_on_its_base(frame: LocalFrame) -> None:
    frame.box((0.4, 0.2, 1.0), (3.0, 0.0, 0.1), 'wood')
    points = vertices(frame.builder)
    assert points.min(0) == pytest.approx([1.9, 3.8, 0.6])
    assert points.max(0) == pytest.approx([2.1, 4.2, 1.6])


def test_yaw_turns_a_shape_about_its_own_middle(frame: LocalFrame) -> None:
    frame.box((0.4, 0.2, 1.0), (3.0, 0.0, 0.1), 'wood', math.pi / 2)
    points = vertices(frame.builder)
    assert points.min(0) == pytest.approx([1.8, 3.9, 0.6])
    assert points.max(0) == pytest.approx([2.2, 4.1, 1.6])


@pytest.mark.parametrize('end', [(0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.6, 0.0, 0.8)])
def test_a_board_spans_from_start_to_end_with_its_width_level(
    frame: LocalFrame, end: tuple[float, float, float]
) -> None:
    frame.board((0.0, 0.0, 0.0), end, 0.3, 0.02, 'wood')
    (a, b, c) = np.array(frame.builder.instances[-1].matrix).reshape(3, 4)[:, :3].T
    assert c == pytest.approx(np.subtract(frame.world(*end), frame.world(0, 0, 0)))
    assert np.linalg.norm([a, b], axis=1) == pytest.approx([0.3, 0.02])
    assert a[2] == pytest.approx(0.0)
    assert [a @ b, b @ c, c @ a] == pytest.approx([0.0, 0.0, 0.0])
    assert vertices(frame.builder).mean(0) == pytest.approx(
        np.add(frame.world(*end), frame.world(0, 0, 0)) / 2
    )


def test_a_role_draws_a_material_and_an_index_takes_one(frame: LocalFrame) -> None:
    wood = frame.material('wood')
    frame.box((1, 1, 1), (0, 0, 0), wood)
    frame.rod((0, 0, 0), (0, 0, 1), 0.1, wood)
    frame.sphere((1, 1, 1), (0, 0, 0), 'metal')
    assert [i.material for i in frame.builder.instances] == [0, 0, 1]
    assert frame.builder.roles == ['wood', 'metal']
    assert len(frame.builder.materials) == 2


def test_every_shape_has_its_mesh(frame: LocalFrame) -> None:
    shapes = [
        frame.box, frame.cushion, frame.cylinder, frame.cone, frame.sphere, frame.ball,
        frame.wedge, frame.roof, frame.taper, frame.bottle, frame.bowl, frame.vase,
        frame.lampshade, frame.car_cabin, frame.van_hood,
    ]  # fmt: skip
    for shape in shapes:
        shape((1.0, 2.0, 3.0), (0.0, 0.0, 0.0), 'wood')
        points = vertices(frame.builder)
        assert points[:, 2].min() == pytest.approx(0.5, abs=0.05)
        assert np.ptp(points, axis=0) == pytest.approx([2.0, 1.0, 3.0], rel=0.06)
    assert len({i.mesh for i in frame.builder.instances}) == len(shapes)
