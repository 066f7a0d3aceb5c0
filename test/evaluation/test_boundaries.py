from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from s2r_depth_ros.evaluation.boundaries import MOST_PX, boundary_errors, depth_edges


def box(left: int = 60, near: float = 1.5) -> NDArray[np.float32]:
    """A box before a wall that is 3 m away, its left side at column ``left``."""
    depth = np.full((96, 128), 3.0, np.float32)
    depth[30:70, left : left + 40] = near
    return depth


def test_the_truth_itself_has_no_error():
    errors = boundary_errors(box(), box())
    assert errors is not None
    assert errors == (0.0, 0.0)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.01, 100.0))
def test_no_scale_matters(scale):
    errors = boundary_errors((box(70) * scale).astype(np.float32), box())
    assert errors == boundary_errors(box(70), box())


@pytest.mark.parametrize('shift', [2, 4])
def test_a_shifted_box_is_as_far_off_as_it_is_shifted(shift):
    errors = boundary_errors(box(60 + shift), box(60))
    assert errors is not None
    # The sides are ``shift`` off; of top and bottom only what the shift uncovers is.
    assert 0.4 * shift < errors.completeness < shift
    assert errors.accuracy == pytest.approx(errors.completeness, rel=0.2)


def test_a_smeared_edge_is_none():
    smeared = cv2.GaussianBlur(box(), (0, 0), 12).astype(np.float32)
    assert boundary_errors(smeared, box()) == (MOST_PX, MOST_PX)


def test_invented_edges_cost_accuracy_alone():
    predicted = box()
    predicted[5:20, 5:30] = 1.0
    errors = boundary_errors(predicted, box())
    assert errors is not None
    assert errors.completeness == 0
    assert errors.accuracy > 2


def test_a_slope_has_no_edge():
    slope = np.tile(np.linspace(1, 5, 128, dtype=np.float32), (96, 1))
    assert not depth_edges(slope).any()
    assert boundary_errors(slope, slope) is None


def test_sparse_truth_has_no_edges_and_holes_are_none():
    sparse = box() * (np.random.default_rng(0).random((96, 128)) < 0.5)
    assert boundary_errors(box(), sparse.astype(np.float32)) is None
    holed = box()
    holed[10:25, 10:50] = 0
    assert boundary_errors(box(), holed) == (0.0, 0.0)
    predicted = box()
    predicted[12:20, 15:40] = np.nan
    assert boundary_errors(predicted, holed) == (0.0, 0.0)


def test_what_a_network_gives_has_edges_at_the_size_of_a_camera():
    large = cv2.resize(box(), (640, 480), interpolation=cv2.INTER_NEAREST).astype(np.float32)
    # Blurred as little as a network can, and enlarged as its output is.
    output = cv2.GaussianBlur(box(), (0, 0), 0.7)
    errors = boundary_errors(cv2.resize(output, (640, 480)).astype(np.float32), large)
    assert errors is not None
    assert errors.completeness < 2
    assert errors.accuracy < 2


def test_different_shapes_are_told():
    with pytest.raises(ValueError, match=r'prediction is \(96, 127\)'):
        boundary_errors(box()[:, :-1], box())
