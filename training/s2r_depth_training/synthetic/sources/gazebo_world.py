"""Reads a Gazebo world into meshes, instances and materials.

Two formats: SDFormat (``.world``, ``.sdf``: models, their meshes and shapes, ``<include>``d models
found by ``model://``), and a JSON list of placed GLB models (fields of the JSON: instances with
model, pose x y z roll pitch yaw, scale; open_top_add_ceiling_at_z).
"""

from __future__ import annotations

import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import trimesh
from numpy.typing import ArrayLike, NDArray

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.files import JsonError, read_json
from s2r_depth_training.synthetic.geometry.scene import Colour, Instance, Material, Mesh, colour_of

SEARCH_VARIABLES = ('GZ_SIM_RESOURCE_PATH', 'IGN_GAZEBO_RESOURCE_PATH', 'GAZEBO_MODEL_PATH')
GREY: Colour = (0.5, 0.5, 0.5)

Transform = NDArray[np.float64]
"""[4, 4], to the world unless said otherwise; lengths in m."""

_Part = tuple[str, Transform, int]
"""Of a mesh file: a mesh's name, its transform to the file's axes, its material."""


class WorldError(UserError):
    """A world that cannot be read; the text names what is missing and the remedy."""


@dataclass
class World:
    """A world's geometry. ceiling: height (m) of a ceiling to add, None for none."""

    meshes: dict[str, Mesh] = field(default_factory=dict)
    instances: list[Instance] = field(default_factory=list)
    materials: list[Material] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    ceiling: float | None = None
    _parts: dict[Path, list[_Part]] = field(default_factory=dict)

    def add_material(self, colour: Colour, is_textured: bool) -> int:
        """Add a material and return its index."""
        pattern = 'textured' if is_textured else 'plain'
        self.materials.append(Material(pattern, colour, amount=0.0, gloss=0.1))
        self.roles.append('textured' if is_textured else 'any')
        return len(self.materials) - 1

    def add_instance(self, mesh: str, matrix: Transform, material: int) -> None:
        """Add a mesh or unit primitive by its transform to the world."""
        self.instances.append(Instance(mesh, tuple(matrix[:3].ravel().tolist()), material))

    def add_file(self, path: Path, matrix: Transform, colour: Colour | None) -> None:
        """Add all meshes of a file; colour replaces an untextured mesh's own."""
        if path not in self._parts:
            self._parts[path] = list(_load_parts(self, path))
        for name, local, material in self._parts[path]:
            if colour is not None and self.materials[material].pattern == 'plain':
                material = self.add_material(colour, False)
            self.add_instance(name, matrix @ local, material)


def pose_matrix(pose: Sequence[float]) -> Transform:
    """Turn x y z (m) roll pitch yaw (rad, fixed axes) into a transform."""
    x, y, z, roll, pitch, yaw = pose
    matrix: Transform = trimesh.transformations.euler_matrix(roll, pitch, yaw, axes='sxyz')
    matrix[:3, 3] = x, y, z
    return matrix


def read_world(path: str | Path) -> World:
    """Read a world file. Raises WorldError."""
    path = Path(path)
    if not path.is_file():
        raise WorldError(f'{path} does not exist: give a Gazebo .world or .sdf file, or its JSON')
    world = _read_placed(path) if path.suffix == '.json' else read_sdf(path)
    if not world.instances:
        raise WorldError(f'{path} has nothing visible in it')
    return world


def _read_placed(path: Path) -> World:
    """Read a list of placed GLB models; the models lie in ../models beside the file."""
    try:
        content = read_json(path)
        world = World(ceiling=dict(content).get('open_top_add_ceiling_at_z'))
        for item in content['instances']:
            matrix = pose_matrix(item['pose']) @ np.diag([*item.get('scale', (1, 1, 1)), 1.0])
            world.add_file(path.parent.parent / 'models' / f'{item["model"]}.glb', matrix, None)
    except JsonError as error:
        raise WorldError(str(error)) from error
    except (ValueError, KeyError, TypeError) as error:
        raise WorldError(
            f'{path} is not a list of placed models ({error!r}): it needs instances[] with model '
            'and pose'
        ) from error
    return world


def read_sdf(path: Path) -> World:
    """Read an SDFormat world and the models that it includes."""
    world = World()
    root = _parse(path)
    reader = _SdfReader(world, [path.parent, path.parent / 'models', path.parent.parent / 'models'])
    for element in root.findall('world') or [root]:
        reader.read_children(element, np.eye(4), path.parent)
    return world


def _parse(path: Path) -> ElementTree.Element:
    try:
        return ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise WorldError(f'{path} is not valid XML: {error}') from error


class _SdfReader:
    """Walks an SDF tree; keeps where models are searched."""

    def __init__(self, world: World, folders: list[Path]) -> None:
        self.world = world
        named = [os.environ.get(name, '') for name in SEARCH_VARIABLES]
        self.folders = folders + [Path(p) for p in ':'.join(named).split(':') if p]

    def read_children(self, element: ElementTree.Element, base: Transform, here: Path) -> None:
        """Read the models, links, visuals and includes of an element placed at ``base``."""
        for child in element:
            if child.tag == 'include':
                self._include(child, base)
            elif child.tag in ('model', 'link'):
                self.read_children(child, base @ _pose_of(child), here)
            elif child.tag == 'visual':
                self._visual(child, base @ _pose_of(child), here)

    def _include(self, element: ElementTree.Element, base: Transform) -> None:
        uri = element.findtext('uri', '').strip()
        folder = self._find(uri)
        file = folder
        if folder.is_dir():
            config = folder / 'model.config'
            name = _parse(config).findtext('sdf', 'model.sdf') if config.is_file() else 'model.sdf'
            file = folder / name.strip()
        if not file.is_file():
            raise WorldError(f'{uri}: {file} does not exist')
        for model in _parse(file).findall('model'):
            own = np.eye(4) if element.find('pose') is not None else _pose_of(model)
            self.read_children(model, base @ _pose_of(element) @ own, file.parent)

    def _find(self, uri: str, here: Path | None = None) -> Path:
        """Find what a model://, package://, file:// or relative uri names."""
        if uri.startswith('file://'):
            uri = uri[7:]
        name = uri.split('://')[-1]
        for folder in ([here] if here else []) + self.folders:
            if (folder / name).exists():
                return folder / name
        raise WorldError(
            f'{uri} was not found; set {SEARCH_VARIABLES[0]} to the folders that hold the models '
            f'(searched: {", ".join(map(str, self.folders))})'
        )

    def _visual(self, element: ElementTree.Element, matrix: Transform, here: Path) -> None:
        geometry = element.find('geometry')
        shape = next(iter(geometry), None) if geometry is not None else None
        if shape is None or shape.tag == 'empty' or element.findtext('transparency', '0') == '1':
            return
        colour = _diffuse(element)
        if shape.tag == 'mesh':
            scale = _numbers(shape.findtext('scale'), (1, 1, 1))
            path = self._find(shape.findtext('uri', '').strip(), here)
            self.world.add_file(path, matrix @ np.diag([*scale, 1.0]), colour)
            return
        sizes = _unit_shape(shape)
        if sizes is not None:
            mesh, size = sizes
            material = self.world.add_material(colour or GREY, False)
            self.world.add_instance(mesh, matrix @ np.diag([*size, 1.0]), material)


def _unit_shape(shape: ElementTree.Element) -> tuple[str, tuple[float, ...]] | None:
    """Return the primitive and its size for an SDF shape; None for kinds that are not drawn."""
    if shape.tag == 'box':
        return 'box', _numbers(shape.findtext('size'), (1, 1, 1))
    if shape.tag in ('cylinder', 'sphere'):
        width = 2 * float(shape.findtext('radius', '0.5'))
        length = float(shape.findtext('length', '1')) if shape.tag == 'cylinder' else width
        return shape.tag, (width, width, length)
    if shape.tag == 'plane':
        x, y = _numbers(shape.findtext('size'), (100, 100))
        return 'box', (x, y, 0.001)
    return None


def _pose_of(element: ElementTree.Element) -> Transform:
    return pose_matrix(_numbers(element.findtext('pose'), (0,) * 6))


def _diffuse(visual: ElementTree.Element) -> Colour | None:
    text = visual.findtext('material/diffuse') or visual.findtext('material/ambient')
    return colour_of(_numbers(text, GREY)[:3]) if text else None


def _numbers(text: str | None, default: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(float(n) for n in text.split()) if text and text.strip() else default


def _load_parts(world: World, path: Path) -> Iterator[_Part]:
    """Load a mesh file into the world's meshes."""
    if not path.is_file():
        raise WorldError(f'{path} does not exist')
    try:
        scene = trimesh.load(path, force='scene', process=False)
    except Exception as error:  # trimesh's loaders raise whatever they meet
        raise WorldError(f'{path} cannot be read ({error}); .dae needs pycollada') from error
    assert isinstance(scene, trimesh.Scene)
    images: dict[int, NDArray[np.uint8]] = {}
    for k, node in enumerate(scene.graph.nodes_geometry):
        matrix, geometry = scene.graph[node]
        mesh = scene.geometry[geometry]
        if not isinstance(mesh, trimesh.Trimesh) or not len(mesh.faces):
            continue
        look = _look_of(mesh, images)
        if look is None:
            continue
        name = f'{path.name}:{k}'
        world.meshes[name] = Mesh(
            np.asarray(mesh.vertices, np.float32),
            np.asarray(mesh.vertex_normals, np.float32),
            np.asarray(mesh.faces, np.int32),
            look.uvs,
            look.texture,
        )
        yield name, matrix, world.add_material(look.colour, look.texture is not None)


class _Look(NamedTuple):
    """Linear colour; uvs [V, 2] and texture [H, W, 4] RGBA if there is one."""

    colour: Colour
    uvs: NDArray[np.float32] | None = None
    texture: NDArray[np.uint8] | None = None


def _look_of(mesh: trimesh.Trimesh, images: dict[int, NDArray[np.uint8]]) -> _Look | None:
    """Return a mesh's look; None for what is see-through. images: textures by their image."""
    visual = mesh.visual
    if not isinstance(visual, trimesh.visual.TextureVisuals):
        assert isinstance(visual, trimesh.visual.ColorVisuals)
        return _Look(_linear(visual.main_color))
    material = visual.material
    if not isinstance(material, trimesh.visual.material.PBRMaterial):
        material = material.to_pbr()
    factor = material.baseColorFactor
    factor = np.array([255, 255, 255, 255] if factor is None else factor)
    if material.alphaMode == 'BLEND' and factor[3] < 128:
        return None
    image = material.baseColorTexture
    if image is None or visual.uv is None:
        return _Look(_linear(factor))
    if id(image) not in images:
        pixels = np.array(image.convert('RGBA'))
        if material.alphaMode != 'MASK':
            pixels[..., 3] = 255
        images[id(image)] = pixels
    return _Look((1.0, 1.0, 1.0), np.asarray(visual.uv, np.float32), images[id(image)])


def _linear(rgba: ArrayLike) -> Colour:
    """Turn display values of 8 bits into linear light."""
    return colour_of(((np.asarray(rgba)[:3] / 255.0) ** 2.2).tolist())
