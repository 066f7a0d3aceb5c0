"""package.xml, setup.py and requirements.txt say what the code really needs."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest
from source_files import ROOT, python_files, third_party

import s2r_depth_ros

# rosdep key of each module that is not its own key.
_ROSDEP_KEYS = {
    'cv2': 'python3-opencv',
    'hypothesis': 'python3-hypothesis',
    'numpy': 'python3-numpy',
    'pytest': 'python3-pytest',
    'tabulate': 'python3-tabulate',
    'torch': 'python3-torch',
    'tqdm': 'python3-tqdm',
    'yaml': 'python3-yaml',
}
# No rosdep key exists; README.md tells the pip line.
_PIP_ONLY = {'safetensors', 'rosbags'}
# Name on PyPI of each module that is not its own name.
_PIP_NAMES = {
    'cv2': 'opencv-python-headless',
    'cv_bridge': 'cv-bridge',
    'yaml': 'pyyaml',
    'PIL': 'pillow',
}
_ROS_WHEELS = {
    'rclpy',
    'rcl_interfaces',
    'lifecycle_msgs',
    'builtin_interfaces',
    'sensor_msgs',
    'std_msgs',
    'geometry_msgs',
    'diagnostic_msgs',
    'rosgraph_msgs',
}
# In no wheel: the code and the tests do without where they are missing.
_ROS_INSTALLATION_ONLY = {'launch', 'launch_ros', 'sensor_msgs_py', 'ament_index_python'}


@pytest.fixture(scope='module')
def manifest() -> ElementTree.Element:
    return ElementTree.parse(ROOT / 'package.xml').getroot()


def test_manifest_is_format_3_ament_python(manifest: ElementTree.Element) -> None:
    assert manifest.get('format') == '3'
    assert manifest.findtext('name') == 's2r_depth_ros'
    assert manifest.findtext('export/build_type') == 'ament_python'
    assert manifest.findtext('license') == 'MIT'
    licence = manifest.find('license')
    assert licence is not None
    assert (ROOT / licence.get('file', 'missing')).is_file()
    assert (ROOT / 'resource' / 's2r_depth_ros').is_file()


def test_one_version(manifest: ElementTree.Element) -> None:
    assert manifest.findtext('version') == s2r_depth_ros.__version__


def test_exec_depends_are_the_imports(manifest: ElementTree.Element) -> None:
    modules = third_party([*python_files('s2r_depth_ros'), *python_files('launch')])
    expected = {_ROSDEP_KEYS.get(name, name) for name in modules - _PIP_ONLY}
    declared = [element.text for element in manifest.findall('exec_depend')]
    assert sorted(map(str, declared)) == sorted(expected)


def test_test_depends_are_what_only_tests_of_the_runtime_import(
    manifest: ElementTree.Element,
) -> None:
    folders = ('test/network', 'test/inference', 'test/geometry', 'test/node', 'test/packaging')
    files = [file for folder in folders for file in python_files(folder)]
    keys = {_ROSDEP_KEYS.get(name, name) for name in third_party(files)}
    declared = {element.text for element in manifest.findall('test_depend')}
    assert declared == {key for key in keys if key.startswith('python3-')} - {
        element.text for element in manifest.findall('exec_depend')
    }


def _pins() -> dict[str, str]:
    lines = (ROOT / 'requirements.txt').read_text().splitlines()
    pins = {}
    for line in lines:
        if line and not line.startswith('#'):
            pin = re.fullmatch(r'([\w.-]+)(?:\[\w+\])?(==|<)(\S+)', line)
            assert pin, f'{line} is no pin'
            name, relation, version = pin.groups()
            assert relation == '==' or name == 'setuptools', f'{line} is not an exact version'
            pins[name.lower()] = version
    return pins


def test_every_import_is_pinned() -> None:
    folders = ('s2r_depth_ros', 'training', 'test')
    modules = third_party([file for folder in folders for file in python_files(folder)])
    local = {file.stem for file in python_files('test')}  # test helpers beside the tests
    local |= {path.stem for path in (ROOT / 'benchmarks').iterdir()}  # scripts, and their parts
    modules -= _ROS_WHEELS | _ROS_INSTALLATION_ONLY | local
    pins = _pins()
    assert {_PIP_NAMES.get(name, name).lower() for name in modules} <= set(pins)
    assert {'ros-jazzy-rclpy', 'ros-jazzy-common-interfaces'} <= set(pins)


def test_only_requirements_txt_pins_versions() -> None:
    for name in ('Makefile', '.ci/run', 'README.md', 'setup.py', 'pyproject.toml'):
        assert not re.search(r'[\w\]]==\d', (ROOT / name).read_text()), f'{name} names a version'


def test_supported_versions_agree() -> None:
    """The package's Python versions: setup.py says them, the rest agrees."""
    requires = r"python_requires='>=3\.(\d+), <3\.(\d+)'"
    ((oldest, end),) = re.findall(requires, (ROOT / 'setup.py').read_text())
    project = (ROOT / 'pyproject.toml').read_text()
    assert f"target-version = 'py3{oldest}'" in project
    assert f"python_version = '3.{oldest}'" in project
    newest = int(end) - 1
    makefile = (ROOT / 'Makefile').read_text()
    # There are ROS 2 wheels, which only the make targets need, from 3.11 on.
    assert f'(3, 11) <= sys.version_info[:2] <= (3, {newest})' in makefile
    statement = f'Python 3.{oldest} to 3.{newest}'
    assert statement in (ROOT / 'docs' / 'reference.md').read_text()
