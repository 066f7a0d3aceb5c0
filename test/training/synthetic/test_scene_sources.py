"""Scenes come from seeds, keep their geometry when restyled, and bad views are refused."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('moderngl', reason='moderngl is not installed')

from s2r_depth_training.synthetic.geometry.camera import Camera, rotation_from_angles
from s2r_depth_training.synthetic.geometry.scene import (
    MATERIAL_PATTERNS,
    Instance,
    Light,
    Material,
    Scene,
)
from s2r_depth_training.synthetic.looks.restyle import restyle
from s2r_depth_training.synthetic.looks.wardrobe import ROLES, Wardrobe
from s2r_depth_training.synthetic.randomness import random_from
from s2r_depth_training.synthetic.renderer.renderer import Renderer
from s2r_depth_training.synthetic.sources.kinds import make_source
from s2r_depth_training.synthetic.views import find_view, reject_bad_view

SIZE = (96, 64)
KINDS = ['indoor', 'street']


def view_of(renderer: Renderer, kind: str, seed: int) -> tuple[Scene, Camera | None]:
    rng = np.random.default_rng(seed)
    source = make_source(kind)
    scene = source.build(rng)
    return scene, find_view(renderer, scene, source, rng, SIZE)


def good_view_of(renderer: Renderer, kind: str, seed: int) -> tuple[Scene, Camera]:
    scene, camera = view_of(renderer, kind, seed)
    assert camera is not None
    return scene, camera


@pytest.mark.parametrize('kind', KINDS)
def test_same_seed_same_image_other_seed_another(renderer: Renderer, kind: str) -> None:
    first, again, other = (renderer.render(*good_view_of(renderer, kind, s)) for s in (5, 5, 6))
    assert np.array_equal(first.rgb, again.rgb)
    assert np.array_equal(first.depth, again.depth)
    assert np.abs(first.rgb.astype(int) - other.rgb).mean() > 5


@pytest.mark.parametrize('kind', KINDS)
def test_restyle_keeps_depth_bit_for_bit_and_changes_the_picture(
    renderer: Renderer, kind: str
) -> None:
    for seed in range(3):
        scene, camera = good_view_of(renderer, kind, seed)
        before = renderer.render(scene, camera)
        after = renderer.render(restyle(scene, np.random.default_rng(seed)), camera)
        assert np.array_equal(before.depth, after.depth)
        assert np.abs(before.rgb.astype(int) - after.rgb).mean() > 8


@pytest.mark.parametrize('kind', KINDS)
def test_scenes_are_furnished_and_well_formed(renderer: Renderer, kind: str) -> None:
    source = make_source(kind)
    for seed in range(12):
        scene = source.build(np.random.default_rng(seed))
        assert len(scene.roles) == len(scene.materials)
        assert len(scene.instances) > 60
        assert {i.material for i in scene.instances} <= set(range(len(scene.materials)))
        numbers = np.array([i.matrix for i in scene.instances])
        assert np.isfinite(numbers).all()
        assert 1 <= len(scene.lights) <= 8


@pytest.mark.parametrize('kind', KINDS)
def test_most_scenes_have_a_view_and_views_vary(renderer: Renderer, kind: str) -> None:
    found, pitches, fields = 0, [], []
    for seed in range(15):
        _, camera = view_of(renderer, kind, seed)
        if camera is not None:
            found += 1
            pitches.append(np.arcsin(camera.rotation[2, 2]))
            fields.append(2 * np.arctan(camera.width / 2 / camera.fx))
    assert found >= 12
    assert np.std(pitches) > 0.03
    assert max(fields) - min(fields) > 0.35


def test_curved_and_sloped_roads_occur() -> None:
    roads = [make_source('street').build(np.random.default_rng(s)).road for s in range(20)]
    bends = [np.ptp(r.heading) for r in roads]
    climbs = [np.ptp(r.line[:, 2]) for r in roads]
    assert max(bends) > 0.4
    assert max(climbs) > 2.0
    assert min(bends) < 0.05


def test_every_role_gives_a_known_pattern_and_colours_in_range() -> None:
    wardrobe = Wardrobe(random_from(np.random.default_rng(0)))
    assert len(ROLES) > 25
    for role in ROLES:
        for _ in range(20):
            material = wardrobe.material(role)
            assert material.pattern in MATERIAL_PATTERNS
            assert all(0 <= c <= 1 for c in (*material.colour, *material.second))
    with pytest.raises(KeyError):
        wardrobe.material('unobtainium')


def test_bad_views_are_named() -> None:
    rows, columns = np.mgrid[:48, :64].astype(np.float32)
    floor = 40.0 / (rows + 8.0)
    assert reject_bad_view(np.zeros((48, 64), np.float32), 0.35) == 'empty'
    assert reject_bad_view(np.full((48, 64), 0.2, np.float32), 0.35) == 'blocked'
    assert reject_bad_view(np.full((48, 64), 3.0, np.float32), 0.35) == 'flat'
    assert reject_bad_view(floor, 0.35) == 'one plane'
    room = np.where(columns < 20, floor, np.where(columns < 44, 2.0 + columns / 20, 6.0))
    assert reject_bad_view(room.astype(np.float32), 0.35) == ''


def test_find_view_gives_up_where_there_is_nothing_to_see(renderer: Renderer) -> None:
    class Blind:
        nearest = 0.3

        def build(self, rng: np.random.Generator) -> Scene:
            raise NotImplementedError

        def sample_camera(
            self, scene: Scene, rng: np.random.Generator, width: int, height: int
        ) -> Camera:
            rotation = rotation_from_angles(0.0, 1.2, 0.0)
            return Camera(np.zeros(3), rotation, 60.0, 60.0, 47.5, 31.5, width, height)

    below = Instance('box', (1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, -9), 0)
    scene = Scene([below], [Material()], [Light((1, 1, 1))])
    assert find_view(renderer, scene, Blind(), np.random.default_rng(0), SIZE, tries=3) is None


def test_an_unknown_kind_or_missing_world_is_refused() -> None:
    with pytest.raises(ValueError, match='unknown kind'):
        make_source('underwater')
    with pytest.raises(ValueError, match='needs a world'):
        make_source('gazebo')
