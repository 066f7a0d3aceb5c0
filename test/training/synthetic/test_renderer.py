"""The renderer against an analytic ray-caster written without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip('moderngl', reason='moderngl is not installed')

from s2r_depth_training.synthetic.geometry.camera import Camera, rotation_from_angles
from s2r_depth_training.synthetic.geometry.primitives import sphere
from s2r_depth_training.synthetic.geometry.scene import (
    SOLID,
    Instance,
    Light,
    Material,
    Relief,
    Scene,
    Vector,
)
from s2r_depth_training.synthetic.renderer.errors import RendererError
from s2r_depth_training.synthetic.renderer.renderer import Renderer
from s2r_depth_training.synthetic.sources.indoor import IndoorSource
from s2r_depth_training.synthetic.sources.street import StreetSource

WIDTH, HEIGHT = 96, 64
Floats = NDArray[np.float64]


def rays(camera: Camera) -> Floats:
    """Directions in the world with unit Z in the optical frame: t along them is the Z depth."""
    v, u = np.mgrid[: camera.height, : camera.width]
    x, y = (u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy
    return np.stack([x, y, np.ones_like(x)], -1) @ camera.rotation.T


def hit_sphere(origin: Floats, directions: Floats, centre: Floats, radius: float) -> Floats:
    offset = origin - centre
    a = (directions**2).sum(-1)
    b = 2 * directions @ offset
    root = b * b - 4 * a * (offset @ offset - radius**2)
    t = (-b - np.sqrt(np.maximum(root, 0))) / (2 * a)
    return np.where((root > 0) & (t > 0.05), t, np.inf)


def hit_box(origin: Floats, directions: Floats, matrix: Floats) -> Floats:
    """Slabs of the unit cube seen in the box's own axes."""
    inverse = np.linalg.inv(matrix[:, :3])
    o, d = inverse @ (origin - matrix[:, 3]), directions @ inverse.T
    with np.errstate(divide='ignore'):
        one, two = (-0.5 - o) / d, (0.5 - o) / d
    enter, leave = np.minimum(one, two).max(-1), np.maximum(one, two).min(-1)
    t = np.where(enter > 0.05, enter, leave)
    return np.where((enter < leave) & (t > 0.05), t, np.inf)


def random_world(
    rng: np.random.Generator,
) -> tuple[Scene, list[Floats], list[tuple[Floats, float]]]:
    """A floor, turned and sheared boxes, finely tessellated spheres."""
    floor = np.array([[60, 0, 0, 0], [0, 60, 0, 0], [0, 0, 0.2, -0.1]], float)
    instances = [Instance('box', tuple(floor.ravel()), 0)]
    boxes: list[Floats] = [floor]
    balls: list[tuple[Floats, float]] = []
    for _ in range(12):
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        centre = np.array([*rng.uniform(-4, 4, 2), rng.uniform(0, 2.5)])
        matrix = np.c_[turn * rng.uniform(0.2, 1.5, 3), centre]
        boxes.append(matrix)
        instances.append(Instance('box', tuple(matrix.ravel()), 0))
        centre, radius = np.array([*rng.uniform(-4, 4, 2), 1.0]), rng.uniform(0.2, 0.8)
        balls.append((centre, radius))
        matrix = np.c_[np.eye(3) * 2 * radius, centre]
        instances.append(Instance('fine sphere', tuple(matrix.ravel()), 0))
    scene = Scene(instances, [Material()], [Light((1, 1, 1))], far=40.0)
    scene.meshes['fine sphere'] = sphere(6)
    return scene, boxes, balls


@pytest.mark.parametrize('seed', range(6))
def test_depth_agrees_with_an_analytic_ray_caster(renderer: Renderer, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene, boxes, balls = random_world(rng)
    around = rng.uniform(0, 2 * np.pi)
    position = np.array([6.5 * np.cos(around), 6.5 * np.sin(around), rng.uniform(0.8, 3.0)])
    yaw, pitch, roll = rng.uniform((-0.3, -0.5, -0.4), (0.3, 0.2, 0.4))
    rotation = rotation_from_angles(around + np.pi + yaw, pitch, roll)
    fx = rng.uniform(30, 110)
    fy = fx * rng.uniform(0.7, 1.4)
    cx, cy = rng.uniform((30, 20), (66, 44))
    camera = Camera(position, rotation, fx, fy, cx, cy, WIDTH, HEIGHT)
    directions = rays(camera)
    hits = [hit_box(position, directions, m) for m in boxes]
    hits += [hit_sphere(position, directions, c, r) for c, r in balls]
    expected = np.min(hits, axis=0)
    expected[expected > scene.far] = 0.0
    depth = renderer.depth(scene, camera)
    assert depth.dtype == np.float32
    error = np.abs(depth - expected) / np.maximum(expected, 1e-9)
    both_sky = (depth == 0) & (expected == 0)
    assert ((error < 1e-4) | both_sky).mean() > 0.99
    assert np.unique(np.argmin(hits, axis=0)).size > 3  # the view shows something


def level_camera(
    position: Vector = (0.0, 0.0, 1.5), yaw: float = 0.0, pitch: float = 0.0
) -> Camera:
    return Camera(
        np.array(position), rotation_from_angles(yaw, pitch, 0), 80.0, 80.0,
        (WIDTH - 1) / 2, (HEIGHT - 1) / 2, WIDTH, HEIGHT,
    )  # fmt: skip


def box(
    x: float, y: float, z: float, size: Vector, material: int = 0, relief: Relief = SOLID
) -> Instance:
    matrix = (size[0], 0, 0, x, 0, size[1], 0, y, 0, 0, size[2], z)
    return Instance('box', matrix, material, relief)


def test_camera_axes_left_is_left_and_up_is_up(renderer: Renderer) -> None:
    red, green = Material(colour=(1, 0, 0), glow=1), Material(colour=(0, 1, 0), glow=1)
    scene = Scene(
        [box(5, 1.2, 1.5, (0.5, 0.5, 0.5)), box(5, 0, 2.4, (0.5, 0.5, 0.5), 1)],
        [red, green],
        [Light((1, 1, 1), (0, 0, -1))],
    )
    rgb = renderer.render(scene, level_camera()).rgb.astype(int)
    is_red = rgb[..., 0] > rgb[..., 1] + 60
    is_green = rgb[..., 1] > rgb[..., 0] + 60
    assert np.argwhere(is_red)[:, 1].mean() < WIDTH / 2 - 10  # +y is left of +x
    assert np.argwhere(is_green)[:, 0].mean() < HEIGHT / 2 - 8


def test_nothing_hit_is_zero_and_shows_the_sky(renderer: Renderer) -> None:
    scene = Scene([box(-50, 0, 0, (1, 1, 1))], [Material()], [Light((1, 1, 1), (0, 0, -1))])
    image = renderer.render(scene, level_camera(pitch=0.3))
    assert not image.depth.any()
    assert image.rgb[..., 2].mean() > 60


def test_beyond_far_counts_as_nothing(renderer: Renderer) -> None:
    scene = Scene([box(31, 0, 1.5, (2, 5, 5))], [Material()], [Light((1, 1, 1))], far=29.0)
    assert not renderer.depth(scene, level_camera()).any()
    scene.far = 31.0
    assert renderer.depth(scene, level_camera())[HEIGHT // 2, WIDTH // 2] == pytest.approx(30.0)


def test_same_scene_same_image_also_after_another_scene(renderer: Renderer) -> None:
    scene, *_ = random_world(np.random.default_rng(3))
    other, *_ = random_world(np.random.default_rng(4))
    first = renderer.render(scene, level_camera())
    renderer.render(other, level_camera())
    again = renderer.render(scene, level_camera())
    assert np.array_equal(first.rgb, again.rgb)
    assert np.array_equal(first.depth, again.depth)


def test_shadow_darkens_only_what_it_falls_on(renderer: Renderer) -> None:
    floor = box(0, 0, -0.05, (40, 40, 0.1))
    light = [Light((2, 2, 2), (0, 0, -1), (3.0, 0.0, 3.0))]
    camera = level_camera(pitch=-0.5)
    open_floor = Scene([floor], [Material()], light, occlusion=0.0)
    roofed = Scene([floor, box(3, 0, 2.0, (0.5, 0.5, 0.05))], [Material()], light, occlusion=0.0)
    z = renderer.depth(open_floor, camera)[:, WIDTH // 2]
    below = np.abs(z * np.cos(0.5) - 3.0).argmin()  # the row of the spot under the roof
    bright = renderer.render(open_floor, camera).rgb.mean(-1)[below]
    dark = renderer.render(roofed, camera).rgb.mean(-1)[below]
    assert dark[WIDTH // 2] < dark[4] - 12
    assert bright[WIDTH // 2] >= bright[4]


def test_holes_and_texture_alpha_let_the_view_through(renderer: Renderer) -> None:
    wall = box(3, 0, 1.5, (0.02, 4, 4))
    fence = box(2, 0, 1.5, (0.02, 4, 4), 0, Relief(0.0, 2, 0.1, 4.0))
    scene = Scene([wall, fence], [Material()], [Light((1, 1, 1))])
    depth = renderer.depth(scene, level_camera())
    near = (np.abs(depth - 1.99) < 0.02).mean()
    assert 0.2 < near < 0.6
    assert (np.abs(depth - 2.99) < 0.02).mean() == pytest.approx(1 - near, abs=0.02)


def test_pre_pass_is_the_same_view_in_fewer_pixels(renderer: Renderer) -> None:
    scene, *_ = random_world(np.random.default_rng(1))
    camera = level_camera()
    fine = renderer.depth(scene, camera)
    coarse = renderer.depth(scene, camera.resized(WIDTH // 3, HEIGHT // 4))
    middle = fine[1::4, 1::3][: HEIGHT // 4], fine[2::4, 1::3][: HEIGHT // 4]
    low, high = np.minimum(*middle), np.maximum(*middle)
    inside = (coarse >= low * 0.999) & (coarse <= high * 1.001)
    assert inside.mean() > 0.95


def test_wrong_size_and_unknown_mesh_are_refused(renderer: Renderer) -> None:
    scene = Scene([Instance('teapot', (1.0,) * 12, 0)], [Material()], [Light((1, 1, 1))])
    with pytest.raises(RendererError, match='teapot'):
        renderer.depth(scene, level_camera())
    good, *_ = random_world(np.random.default_rng(1))
    with pytest.raises(RendererError, match='resized'):
        renderer.render(good, level_camera().resized(48, 32))


@pytest.fixture(scope='module')
def multisampled(renderer: Renderer) -> Iterator[Renderer]:
    """What a GPU does (renderer: skips without EGL)."""
    with Renderer(WIDTH, HEIGHT, multisampling=4) as made:
        yield made


def test_multisampling_shows_nearly_what_supersampling_shows_at_the_same_depth(
    renderer: Renderer, multisampled: Renderer
) -> None:
    differences = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        source = (IndoorSource, StreetSource)[seed % 2]()
        scene: Any = source.build(rng)
        camera = source.sample_camera(scene, rng, WIDTH, HEIGHT)
        fine, multi = renderer.render(scene, camera), multisampled.render(scene, camera)
        assert np.array_equal(fine.depth, multi.depth)
        differences.append(np.abs(fine.rgb.astype(int) - multi.rgb).mean())
    # of 255, at 96x64; the mean is 6.1 without any smoothing, and 0.9 to 4.6 a scene at 256x192
    assert max(differences) < 7
    assert np.mean(differences) < 4


@pytest.mark.parametrize('relief', [SOLID, Relief(0.0, 2, 0.2, 3.0)], ids=['solid', 'holes'])
def test_multisampling_smooths_the_edges_against_the_sky(
    multisampled: Renderer, relief: Relief
) -> None:
    plate = Instance('box', (1.0, 0, 0, 4, 0, 0.9, -0.4, 0, 0, 0.4, 0.9, 1.5), 0, relief)
    black, above = Material(colour=(0, 0, 0)), [Light((1, 1, 1), (0, 0, -1))]
    image = multisampled.render(
        Scene([plate], [black], above, ambient_up=(0, 0, 0), occlusion=0), level_camera()
    )
    hit, square = (image.depth > 0).astype(np.uint8), np.ones((3, 3), np.uint8)
    inside, outside = cv2.erode(hit, square) > 0, cv2.dilate(hit, square) == 0
    edge, blue = ~inside & ~outside, image.rgb[..., 2].astype(int)
    sky = blue[outside]
    assert blue[inside].max() < 10 < 150 < sky.min()
    assert blue[edge].max() <= sky.max()  # no bright fringe
    assert ((blue[edge] > 60) & (blue[edge] < sky.min() - 20)).mean() > 0.1  # unsmoothed: 0


def test_software_supersamples(renderer: Renderer) -> None:
    if not renderer.device.startswith('llvmpipe'):
        pytest.skip(f'{renderer.device} is no software')
    scene, *_ = random_world(np.random.default_rng(3))
    with Renderer(WIDTH, HEIGHT, multisampling=0) as supersampled:
        expected = supersampled.render(scene, level_camera()).rgb
    assert np.array_equal(renderer.render(scene, level_camera()).rgb, expected)


def test_a_view_that_is_rendered_twice_is_drawn_anew_where_it_changed(renderer: Renderer) -> None:
    scene, *_ = random_world(np.random.default_rng(3))
    camera, other = level_camera(), level_camera(yaw=0.5)
    first = renderer.render(scene, camera)
    restyled = replace(scene, materials=[Material(colour=(1, 0, 0))])
    second = renderer.render(restyled, camera)
    assert np.array_equal(first.depth, second.depth)
    assert not np.array_equal(first.rgb, second.rgb)
    renderer.render(scene, other)
    again = renderer.render(restyled, camera)
    assert np.array_equal(again.depth, first.depth)
    assert np.array_equal(again.rgb, second.rgb)
    nearer = renderer.render(replace(scene, far=float(np.median(first.depth))), camera)
    assert (nearer.depth == 0).sum() > (first.depth == 0).sum()
