from __future__ import annotations

import numpy as np
import pytest
import yaml
from benchmark_scripts import load_script
from floor_scenes import CAMERA, floor_plane, seen_depth
from source_files import ROOT


def test_confidence_is_judged_on_scenes_it_was_not_fitted_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = load_script('confidence', monkeypatch)
    random = np.random.default_rng(0)
    samples = []
    for scene in range(20):
        relief = random.normal(0, 1, 1000)
        right = random.random(1000) < 1 / (1 + np.exp(-1.0 + 2.0 * relief))
        names = ('farness', 'spread', 'mirrored', 'attention')
        candidates = {name: random.normal(0, 1, 1000) for name in names}
        candidates |= {'relief': relief, 'farness^2': candidates['farness'] ** 2}
        error, at = np.where(right, 0.1, 0.5), np.arange(1000)
        chosen = script.Pixels(at, error, relief, candidates['farness'])
        samples.append(script.Sample(scene, chosen, candidates))
    result = script.judged(samples)
    np.testing.assert_allclose(result['package_curve'], [1.0, -2.0, 0.0, 0.0], atol=0.1)
    for row in result['reliability']:
        assert row['confidence'] == pytest.approx(row['right'], abs=0.1)
    curves = result['curves']
    assert curves['relief']['left_50'] < 0.7 < curves['spread of four scales']['left_50']
    assert curves['the error itself']['left_50'] <= curves['relief']['left_50']


def test_points_between_surfaces_hover_and_those_on_them_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = load_script('cloud_filters', monkeypatch)
    truth = np.full(script.SIZE, 2.0, np.float32)
    truth[:, 320:] = 4.0
    assert not script._hovers(truth, truth).any()
    between = np.full_like(truth, 2.8)
    # Seen from every eighth pixel, both surfaces are within 16 px at columns 304 to 328 only.
    np.testing.assert_array_equal(np.flatnonzero(script._hovers(between, truth)[0]) * 8,
                                  np.arange(304, 336, 8))  # fmt: skip
    assert not script._hovers(np.full_like(truth, 8.0), truth).any()


def test_every_filter_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    script = load_script('cloud_filters', monkeypatch)
    cost = script._cost(1)
    frame = [row['least'] for name, row in cost.items() if not name.startswith(('once', 'all'))]
    assert cost['all of a frame']['least'] == pytest.approx(sum(frame), abs=0.01)
    assert min(frame) > 0


def test_the_plan_shows_floor_and_wall_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    script = load_script('navigation_picture', monkeypatch)
    values = yaml.safe_load((ROOT / 'config' / 'navigation.yaml').read_text())
    settings, floor = values['/**']['ros__parameters'], floor_plane()
    ((_, wall),) = script.places(np.array([[2.0, 0.0, 0.0]]))

    def rows(lowest: float, colour: tuple[int, int, int]) -> np.ndarray:
        depth = seen_depth(floor, [(2.0, lowest, 3.0)])
        return np.nonzero((script.plan(depth, CAMERA, floor, settings) == colour).all(-1))[0]

    assert abs(rows(0.0, script.WHITE) - wall).max() < 40  # of circles, and aside it is farther
    # What hangs over the robot is an obstacle, but none of the scan.
    assert np.abs(rows(1.2, script.RED) - wall).max() <= 2
    assert not rows(1.2, script.WHITE).size
    assert rows(0.0, script.GREEN).min() > wall - 2
    assert not rows(0.0, script.GREY).size, 'nothing is free before max_depth'
