"""Gazebo worlds: a small SDF world made here, and the large ones where they are at hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip('moderngl', reason='moderngl is not installed')
pytest.importorskip('trimesh', reason='trimesh is not installed')

import trimesh

from s2r_depth_training.synthetic.geometry.camera import Camera, rotation_from_angles
from s2r_depth_training.synthetic.geometry.free_space import CLEARANCE
from s2r_depth_training.synthetic.geometry.scene import Vector
from s2r_depth_training.synthetic.looks.restyle import restyle
from s2r_depth_training.synthetic.renderer.renderer import Renderer
from s2r_depth_training.synthetic.sources.gazebo import GazeboSource
from s2r_depth_training.synthetic.sources.gazebo_world import WorldError, pose_matrix, read_world
from s2r_depth_training.synthetic.views import find_view

SIZE = (96, 64)

WORLD = """<?xml version="1.0"?>
<sdf version="1.6"><world name="test">
  <include><uri>model://shelf</uri><pose>2 0 0 0 0 1.5707963</pose></include>
  <model name="room"><pose>0 0 0 0 0 0</pose><link name="l">
    <visual name="floor"><geometry><plane><size>8 8</size></plane></geometry></visual>
    {walls}
    <visual name="roof"><pose>0 0 2.6 0 0 0</pose>
      <geometry><box><size>8 8 0.1</size></box></geometry></visual>
    <visual name="ball"><pose>-2 1 0.5 0 0 0</pose>
      <geometry><sphere><radius>0.5</radius></sphere></geometry>
      <material><diffuse>1 0 0 1</diffuse></material></visual>
    <visual name="post"><pose>-2 -1 1 0 0 0</pose>
      <geometry><cylinder><radius>0.2</radius><length>2</length></cylinder></geometry></visual>
  </link></model>
</world></sdf>"""
WALL = """<visual name="w{i}"><pose>{x} {y} 1.3 0 0 {yaw}</pose>
  <geometry><box><size>8 0.1 2.6</size></box></geometry></visual>"""
MODEL = """<?xml version="1.0"?><sdf version="1.6"><model name="shelf"><link name="l">
  <visual name="v"><pose>0 0 0.5 0 0 0</pose>
    <geometry><mesh><uri>model://shelf/meshes/shelf.glb</uri><scale>1 1 2</scale></mesh></geometry>
  </visual></link></model></sdf>"""


@pytest.fixture
def sdf_world(tmp_path: Path) -> Path:
    """A walled room with a textured, alpha-masked board 1 m wide, 0.2 m deep and 2 m high."""
    folder = tmp_path / 'models' / 'shelf'
    (folder / 'meshes').mkdir(parents=True)
    (folder / 'model.config').write_text('<model><sdf version="1.6">shelf.sdf</sdf></model>')
    (folder / 'shelf.sdf').write_text(MODEL)
    board = trimesh.creation.box((1.0, 0.2, 1.0))
    pixels = np.full((16, 16, 4), (0, 200, 0, 255), np.uint8)
    pixels[:, 8:, 3] = 0  # the right half of the texture is a hole
    material = trimesh.visual.material.PBRMaterial(
        baseColorTexture=Image.fromarray(pixels), alphaMode='MASK'
    )
    uvs = board.vertices[:, [0, 2]] + 0.5
    board.visual = trimesh.visual.TextureVisuals(uv=uvs, material=material)
    board.export(folder / 'meshes' / 'shelf.glb')
    places = [(0, 4, 0), (0, -4, 0), (4, 0, 1.5708), (-4, 0, 1.5708)]
    walls = ''.join(WALL.format(i=i, x=x, y=y, yaw=a) for i, (x, y, a) in enumerate(places))
    path = tmp_path / 'test.world'
    path.write_text(WORLD.format(walls=walls))
    return path


def camera_at(position: Vector, yaw: float) -> Camera:
    middle = (SIZE[0] - 1) / 2, (SIZE[1] - 1) / 2
    return Camera(np.array(position), rotation_from_angles(yaw, 0, 0), 90.0, 90.0, *middle, *SIZE)


def test_sdf_poses_shapes_scales_and_includes(renderer: Renderer, sdf_world: Path) -> None:
    scene = GazeboSource(sdf_world).build(np.random.default_rng(0))
    # the board stands at x = 2, turned by 90 degrees: its face is at x = 1.9, y in +-0.5
    depth = renderer.depth(scene, camera_at((0.0, 0.0, 0.5), 0.0))
    solid = np.abs(depth - 1.9) < 1e-3
    through = np.abs(depth - 3.95) < 1e-3
    _, columns = np.nonzero(solid)
    width = 90 * 1.0 / 1.9  # px that a metre covers there
    assert columns.max() - columns.min() + 1 == pytest.approx(width / 2, abs=2)
    assert solid.any()
    assert through.any()
    # back to back: ball of radius 0.5 at (-2, 1)
    ball = renderer.depth(scene, camera_at((-2.0, -0.5, 0.5), np.pi / 2))
    assert ball[SIZE[1] // 2, SIZE[0] // 2] == pytest.approx(1.0, abs=0.01)


def test_mesh_textures_show(renderer: Renderer, sdf_world: Path) -> None:
    scene = GazeboSource(sdf_world).build(np.random.default_rng(0))
    image = renderer.render(scene, camera_at((0.0, 0.0, 0.5), 0.0))
    board = image.rgb[np.abs(image.depth - 1.9) < 1e-3].astype(int)
    assert (board[:, 1] > board[:, 0] + 30).mean() > 0.9


def test_cameras_stand_clear_inside_the_room(sdf_world: Path) -> None:
    source = GazeboSource(sdf_world)
    assert source.is_indoor
    rng = np.random.default_rng(1)
    for _ in range(30):
        scene = source.build(rng)
        x, y, z = source.sample_camera(scene, rng, *SIZE).position
        slack = 0.13  # one cell of the grid
        assert max(abs(x), abs(y)) < 3.95 - CLEARANCE + slack
        assert 0 < z < 2.55 - CLEARANCE + slack
        assert np.hypot(x + 2, y + 1) > 0.2 + CLEARANCE - slack or z > 2


def test_lamps_hang_clear_of_what_is_there(sdf_world: Path) -> None:
    source = GazeboSource(sdf_world)
    lamps = [
        light.position
        for seed in range(30)
        for light in source.build(np.random.default_rng(seed)).lights
    ]
    assert len(lamps) > 60
    # In a room of 8 m most of the circle that they are drawn from is outside.
    inside = [source.space.is_clear(np.array(spot)) for spot in lamps]
    assert np.mean(inside) > 0.95


def test_restyle_keeps_depth_of_a_world(renderer: Renderer, sdf_world: Path) -> None:
    source, rng = GazeboSource(sdf_world), np.random.default_rng(2)
    scene = source.build(rng)
    camera = find_view(renderer, scene, source, rng, SIZE)
    assert camera is not None
    before = renderer.render(scene, camera)
    after = renderer.render(restyle(scene, rng), camera)
    assert np.array_equal(before.depth, after.depth)
    assert np.abs(before.rgb.astype(int) - after.rgb).mean() > 3


def test_pose_is_fixed_axis_roll_pitch_yaw() -> None:
    matrix = pose_matrix((1, 2, 3, 0.3, -0.4, 0.5))
    c, s = np.cos((0.3, -0.4, 0.5)), np.sin((0.3, -0.4, 0.5))
    rx = np.array([[1, 0, 0], [0, c[0], -s[0]], [0, s[0], c[0]]])
    ry = np.array([[c[1], 0, s[1]], [0, 1, 0], [-s[1], 0, c[1]]])
    rz = np.array([[c[2], -s[2], 0], [s[2], c[2], 0], [0, 0, 1]])
    assert np.allclose(matrix[:3, :3], rz @ ry @ rx)
    assert matrix[:3, 3].tolist() == [1, 2, 3]


def test_what_is_missing_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match='does not exist'):
        read_world(tmp_path / 'none.world')
    path = tmp_path / 'a.world'
    path.write_text('<sdf><world><include><uri>model://ghost</uri></include></world></sdf>')
    with pytest.raises(WorldError, match=r'ghost.*GZ_SIM_RESOURCE_PATH'):
        read_world(path)
    path.write_text('<sdf><world>')
    with pytest.raises(WorldError, match='not valid XML'):
        read_world(path)
    path.write_text('<sdf><world></world></sdf>')
    with pytest.raises(WorldError, match='nothing visible'):
        read_world(path)


def test_vertices_without_a_normal_do_not_blind_the_camera(
    renderer: Renderer, sdf_world: Path
) -> None:
    source = GazeboSource(sdf_world)
    for name, mesh in source.world.meshes.items():
        source.world.meshes[name] = replace(mesh, normals=np.zeros_like(mesh.normals))
    scene = source.build(np.random.default_rng(0))
    image = renderer.render(scene, camera_at((0.0, 0.0, 0.5), 0.0))
    assert 40 < image.rgb.mean() < 220


@pytest.mark.parametrize(
    'content',
    ['[]', 'null', '3', '"a"', '{}', '[1]', '{"instances": [{"model": "a", "pose": 3}]}',
     '{"instances": 3}', '{"instances": ["a"]}', '{"instances": {"a": 1}}'],
)  # fmt: skip
def test_json_that_is_no_world_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / 'mine.json'
    path.write_text(content)
    with pytest.raises(WorldError, match=r'mine\.json is not a list of placed models'):
        read_world(path)


def test_a_json_world_lists_placed_models(renderer: Renderer, sdf_world: Path) -> None:
    folder = sdf_world.parent
    models, worlds = folder / 'models', folder / 'worlds'
    worlds.mkdir()
    floor = trimesh.creation.box((9.0, 9.0, 0.1))
    floor.export(models / 'floor.glb')
    wall = trimesh.creation.box((9.0, 0.1, 2.4))
    wall.export(models / 'wall.glb')
    placed = [{'model': 'floor', 'pose': [0, 0, 0, 0, 0, 0]}]
    for k in range(4):
        pose = [
            4 * np.cos(k * np.pi / 2),
            4 * np.sin(k * np.pi / 2),
            1.2,
            0,
            0,
            (k + 1) * np.pi / 2,
        ]
        placed.append({'model': 'wall', 'pose': pose, 'scale': [1, 1, 1]})
    path = worlds / 'yard.json'
    path.write_text(json.dumps({'instances': placed, 'open_top_add_ceiling_at_z': 2.4}))
    source = GazeboSource(path)
    scene = source.build(np.random.default_rng(0))
    up = Camera(np.array([0, 0, 1.0]), rotation_from_angles(0, np.pi / 2 - 1e-6, 0), 90.0, 90.0,
                47.5, 31.5, *SIZE)  # fmt: skip
    assert source.is_indoor
    assert renderer.depth(scene, up) == pytest.approx(1.4, abs=1e-3)  # the added ceiling


@pytest.mark.needs_shared
@pytest.mark.parametrize(
    ('name', 'is_indoor'),
    [('small_house', True), ('small_warehouse', True), ('husarion_office', True)],
)
def test_large_worlds_give_views(
    renderer: Renderer, needs_shared: Path, name: str, is_indoor: bool
) -> None:
    path = needs_shared / 'data' / 'worlds' / 'worlds' / f'{name}.json'
    if not path.is_file():
        pytest.skip(f'no {name} among the evaluation data')
    source, rng, views = GazeboSource(path), np.random.default_rng(0), 0
    assert source.is_indoor == is_indoor
    for _ in range(6):
        scene = source.build(rng)
        camera = find_view(renderer, scene, source, rng, SIZE)
        if camera is not None:
            views += 1
            assert 15 < renderer.render(scene, camera).rgb.mean() < 240
    assert views >= 4
